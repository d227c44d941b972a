/* SPDX-License-Identifier: MIT */
/*
 * isol-affinity TID START CPULIST: say where one thread may run.
 *
 * Node.js has no sched_setaffinity(2). START (proc(5), field 22) is compared right before the call,
 * because the number alone may belong to another thread by then. Prints the name of the errno and
 * exits 1 when the kernel refuses, exits 2 on bad arguments.
 */
#define _GNU_SOURCE
#include "cpulist.h"
#include "number.h"
#include "proc.h"
#include "refuse.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* Whether the thread lives and started at that time. */
static bool started_at(pid_t tid, const char *start)
{
	char stat[4096];
	const char *field = read_task(tid, tid, "stat", stat, sizeof stat) ? stat_field(stat, 22) : NULL;
	const size_t length = strlen(start);
	return field && strncmp(field, start, length) == 0 && strcspn(field, " \n") == length;
}

int main(int argc, char **argv)
{
	static unsigned long words[CPULIST_MAX / (8 * sizeof(unsigned long))];
	cpu_set_t *cpus = (cpu_set_t *)words;
	unsigned long tid;

	if (argc != 4 || !parse_number(argv[1], 1, INT_MAX, &tid) ||
	    !parse_cpulist(argv[3], cpus, sizeof words)) {
		fputs("usage: isol-affinity TID START CPULIST\n", stderr);
		return 2;
	}
	if (!started_at((pid_t)tid, argv[2]))
		return refuse(ESRCH);
	return sched_setaffinity((pid_t)tid, sizeof words, cpus) ? refuse(errno) : 0;
}
