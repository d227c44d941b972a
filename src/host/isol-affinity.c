// SPDX-License-Identifier: MIT
/*
 * isol-affinity TID START CPULIST: say where one thread may run.
 *
 * Node has no sched_setaffinity(2). START (proc(5), field 22) is compared right before the call: a number alone may by
 * now belong to another thread. Prints the name of the errno and exits 1 when the kernel refuses, 2 on bad arguments.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than any kernel can be built for (arch/x86/Kconfig: NR_CPUS). */
#define CPUS 8192

static int refuse(int error)
{
	fprintf(stderr, "%s\n", strerrorname_np(error) ?: "EIO");
	return 1;
}

static int usage(void)
{
	fputs("usage: isol-affinity TID START CPULIST\n", stderr);
	return 2;
}

/* The start of a thread as text, or NULL when there is no such thread. */
static const char *start_of(long tid)
{
	static char text[4096];
	char path[64];
	ssize_t length;
	char *field;
	int file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/stat", tid, tid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return NULL;
	length = read(file, text, sizeof(text) - 1);
	close(file);
	if (length <= 0)
		return NULL;
	text[length] = '\0';
	/* The name may hold anything: count from its end. What follows ") " is field 3. */
	field = strrchr(text, ')');
	if (field)
		field = strtok(field + 1, " ");
	for (int number = 3; field && number < 22; number++)
		field = strtok(NULL, " ");
	return field;
}

/* A number and what follows it; -1 where there is none, or one too large. */
static long number_at(const char *text, const char **end)
{
	char *rest;
	long value;

	if (*text < '0' || *text > '9')
		return -1;
	value = strtol(text, &rest, 10);
	*end = rest;
	return value < CPUS ? value : -1;
}

/* "0-3,8" into a set. 0, or -1 on anything else. */
static int parse_list(const char *text, cpu_set_t *set)
{
	CPU_ZERO_S(CPU_ALLOC_SIZE(CPUS), set);
	do {
		long low = number_at(text, &text);
		long high = low;

		if (low < 0)
			return -1;
		if (*text == '-')
			high = number_at(text + 1, &text);
		if (high < low)
			return -1;
		for (long cpu = low; cpu <= high; cpu++)
			CPU_SET_S(cpu, CPU_ALLOC_SIZE(CPUS), set);
	} while (*text++ == ',');
	return text[-1] == '\0' ? 0 : -1;
}

int main(int argc, char **argv)
{
	cpu_set_t *set = CPU_ALLOC(CPUS);
	const char *start;
	char *end;
	long tid;

	if (argc != 4 || !set || parse_list(argv[3], set))
		return usage();
	tid = strtol(argv[1], &end, 10);
	if (*end || tid <= 0)
		return usage();
	start = start_of(tid);
	if (!start || strcmp(start, argv[2]))
		return refuse(ESRCH);
	return sched_setaffinity(tid, CPU_ALLOC_SIZE(CPUS), set) ? refuse(errno) : 0;
}
