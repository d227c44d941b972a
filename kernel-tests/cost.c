// SPDX-License-Identifier: MIT
/*
 * PID 1 of a machine in which the time-stamp counter counts instructions (QEMU, -icount shift=0): what one system call,
 * one page fault and one timer interrupt cost, in instructions from user mode to user mode. All of the machine's CPUs move
 * the counter, one after the other: the least of many samples is the one that nothing else fell into.
 *
 * With the argument "isolate" on the kernel's command line, CPU 1 runs an isolated task meanwhile. That one does nothing
 * but PAUSE, for which QEMU lets the other CPU go on, so that it hardly moves the counter.
 *
 * Prints one line each: "syscall 123".
 */
#define _GNU_SOURCE
#include "task_isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SAMPLES = 1000, TICKS = 50, PAGE = 4096 };

static inline uint64_t count(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is between two readings when nothing is. */
static uint64_t overhead(void)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t start = count();
		best = least(best, count() - start);
	}
	return best;
}

static uint64_t system_call(void)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < SAMPLES; i++) {
		long result;
		uint64_t start = count();
		__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_getppid) : "rcx", "r11", "memory");
		best = least(best, count() - start);
	}
	return best;
}

static uint64_t page_fault(void)
{
	char *pages = mmap(NULL, (size_t)SAMPLES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < SAMPLES; i++) {
		volatile char *page = pages + (size_t)i * PAGE;
		uint64_t start = count();
		*page = 1;
		best = least(best, count() - start);
	}
	munmap(pages, (size_t)SAMPLES * PAGE);
	return best;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* A gap in a loop that does nothing else is the tick. The median, since not every tick does the same. */
static uint64_t timer_interrupt(void)
{
	static uint64_t gaps[TICKS];
	for (int ticks = 0; ticks < TICKS;) {
		uint64_t start = count();
		for (volatile int i = 0; i < 100; i++)
			;
		uint64_t gap = count() - start;
		if (gap > 1500 && gap < 20000)
			gaps[ticks++] = gap;
	}
	qsort(gaps, TICKS, sizeof *gaps, ascending);
	return gaps[TICKS / 2];
}

static uint64_t loop_of_timer_interrupt(void)
{
	uint64_t best = UINT64_MAX;
	for (int n = 0; n < 100; n++) {
		uint64_t start = count();
		for (volatile int i = 0; i < 100; i++)
			;
		best = least(best, count() - start);
	}
	return best;
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static void isolate(void)
{
	volatile int *state = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fork() == 0) {
		int result;
		pin(1);
		mlockall(MCL_CURRENT);
		while ((result = prctl(ISOLCTL_PR_SET, ISOLCTL_ENABLE, 0, 0, 0)) && errno == EAGAIN)
			;
		*state = result ? -errno : 1;
		for (;;)
			__asm__ volatile("pause");
	}
	while (!*state)
		usleep(1000);
	printf("isolated %d\n", *state);
}

int main(void)
{
	char line[4096] = "";
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	int file = open("/proc/cmdline", O_RDONLY);
	if (file >= 0 && read(file, line, sizeof line - 1) < 0)
		return 1;
	sleep(4); /* the kernel is still busy with its own start */
	pin(0);
	mlockall(MCL_CURRENT);
	if (strstr(line, " isolate"))
		isolate();
	uint64_t nothing = overhead();
	printf("syscall %llu\n", (unsigned long long)(system_call() - nothing));
	printf("pagefault %llu\n", (unsigned long long)(page_fault() - nothing));
	printf("timer %llu\n", (unsigned long long)(timer_interrupt() - loop_of_timer_interrupt()));
	fflush(stdout);
	reboot(RB_AUTOBOOT);
	return 0;
}
