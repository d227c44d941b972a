// SPDX-License-Identifier: MIT
/*
 * How quiet a CPU is while the others are busy: quality MODE CPU SECONDS, MODE being "plain" or "isolated".
 *
 * A task spins on CPU for so long while children on the other CPUs fork and exec, map and unmap memory, write files, talk
 * over loopback, arm timers and log. Prints a line for each class of interrupts that the CPU took meanwhile ("LOC 60"), and how
 * often isolation was lost and entered again ("breaks 0", "starts 1").
 */
#define _GNU_SOURCE
#include "task_isolation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLASSES = 512 };

static void fork_and_exec(void)
{
	pid_t child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

static void map_and_unmap(void)
{
	size_t size = 4 << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	mprotect(memory, size / 2, PROT_READ);
	munmap(memory, size);
}

static void write_a_file(void)
{
	static char block[65536];
	char name[] = "/tmp/quality-XXXXXX";
	int file = mkstemp(name);
	if (file < 0)
		return;
	for (int i = 0; i < 32; i++)
		if (write(file, block, sizeof block) < 0)
			break;
	fsync(file);
	close(file);
	unlink(name);
}

static void talk(void)
{
	static int listener = -1;
	static struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof address;
	char buffer[4096] = "";
	if (listener < 0) {
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		listener = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 8) ||
		    getsockname(listener, (struct sockaddr *)&address, &length))
			exit(1);
	}
	int client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&address, length) == 0) {
		int server = accept(listener, NULL, NULL);
		for (int i = 0; i < 16; i++)
			if (write(client, buffer, sizeof buffer) < 0 || read(server, buffer, sizeof buffer) < 0)
				break;
		close(server);
	}
	close(client);
}

static void arm_timers(void)
{
	struct itimerspec when = {.it_value = {.tv_nsec = 300000}};
	uint64_t times;
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(timer, 0, &when, NULL);
	if (read(timer, &times, sizeof times) < 0)
		exit(1);
	close(timer);
}

static void write_a_log(void)
{
	int log = open("/dev/kmsg", O_WRONLY);
	if (log >= 0 && write(log, "<7>quality: busy\n", 17) < 0)
		usleep(1000);
	close(log);
	usleep(20000);
}

static void (*const LOAD[])(void) = {fork_and_exec, map_and_unmap, write_a_file, talk, arm_timers, write_a_log};

static void pin(int cpu, bool others)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	for (int i = 0; i < (others ? 2 : 1); i++)
		CPU_SET(others ? i : cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set))
		exit(1);
}

static int read_interrupts(int cpu, char names[][16], unsigned long counts[])
{
	static char line[8192];
	FILE *file = fopen("/proc/interrupts", "r");
	int column = -1, classes = 0, at = 0;
	char *save, *word;
	if (!file || !fgets(line, sizeof line, file))
		return 0;
	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save), at++)
		if (atoi(word + 3) == cpu)
			column = at;
	while (column >= 0 && classes < CLASSES && fgets(line, sizeof line, file)) {
		word = strtok_r(line, " \n", &save);
		snprintf(names[classes], 16, "%s", word ? word : "");
		for (at = 0; at <= column && word; at++)
			word = strtok_r(NULL, " \n", &save);
		counts[classes++] = word ? strtoul(word, NULL, 10) : 0;
	}
	fclose(file);
	return classes;
}

struct shared {
	volatile int stop, ready;
	volatile unsigned long starts, breaks;
	char padding[4000];
};

/* Isolated, and again when that was lost: SIGUSR1 says so. */
static struct shared *shared;
static volatile sig_atomic_t lost;

static void on_loss(int signal)
{
	(void)signal;
	lost = 1;
}

static void spin(bool isolated)
{
	struct sigaction action = {.sa_handler = on_loss};
	sigaction(SIGUSR1, &action, NULL);
	mlockall(MCL_CURRENT);
	do {
		lost = 0;
		while (isolated && prctl(ISOLCTL_PR_SET, ISOLCTL_ENABLE | ISOLCTL_USERSIG | ISOLCTL_SIGNAL(SIGUSR1), 0, 0, 0))
			if (errno != EAGAIN)
				exit(3);
		shared->starts++;
		shared->ready = 1;
		while (!shared->stop && !lost)
			;
		shared->breaks += lost;
	} while (!shared->stop);
	exit(0);
}

int main(int argc, char **argv)
{
	static char names[CLASSES][16];
	static unsigned long before[CLASSES], after[CLASSES];
	enum { LOADS = sizeof LOAD / sizeof *LOAD };
	pid_t spinner, loads[LOADS];
	if (argc != 4)
		return 2;
	int cpu = atoi(argv[2]), seconds = atoi(argv[3]), status;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	pin(0, true);
	spinner = fork();
	if (spinner == 0) {
		pin(cpu, false);
		spin(strcmp(argv[1], "isolated") == 0);
	}
	for (int i = 0; i < LOADS; i++) {
		loads[i] = fork();
		if (loads[i] == 0)
			for (;;)
				LOAD[i]();
	}
	while (!shared->ready)
		usleep(10000);
	sleep(3); /* for what was under way when it started */
	unsigned long lostBefore = shared->breaks;
	int classes = read_interrupts(cpu, names, before);
	sleep((unsigned)seconds);
	read_interrupts(cpu, names, after);
	unsigned long breaks = shared->breaks - lostBefore;
	shared->stop = 1;
	waitpid(spinner, &status, 0);
	for (int i = 0; i < LOADS; i++) {
		kill(loads[i], SIGKILL);
		waitpid(loads[i], NULL, 0);
	}
	for (int i = 0; i < classes; i++)
		if (after[i] != before[i])
			printf("%.*s %lu\n", (int)strcspn(names[i], ":"), names[i], after[i] - before[i]);
	printf("breaks %lu\nstarts %lu\n", breaks, shared->starts);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
