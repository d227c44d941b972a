/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor knows of a program, and its form for machines: isolctl.launch/1
 * (src/schema/launch.ts).
 */
#ifndef LAUNCH_REPORT_H
#define LAUNCH_REPORT_H

#include "proc.h"
#include "record.h"
#include "settle.h"
#include "supervisor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct watched { /* one thread */
	pid_t tid;
	int fd; /* its record; -1 when the thread is gone */
	bool seen;
	char name[NAME_SIZE];
	struct record record;
	uint64_t since_ns; /* seen isolated since; 0: it is not isolated */
};

struct reported { /* one break, as it was found */
	pid_t tid;
	char name[NAME_SIZE];
	struct record record;
	uint64_t count;	   /* breaks since the look before */
	uint64_t since_ns; /* since the program was started */
};

enum {
	REPORTED_MAX = 100
}; /* a program that enters again for ever must not fill our memory; the counters go on */

struct watch {
	const struct supervisor *supervisor;
	struct watched *threads;
	size_t count, room;
	struct reported reported[REPORTED_MAX];
	size_t reported_count;
	uint64_t start_ns, changed_ns;
	unsigned long thread_count; /* see at_rest() */
	struct settle settle;
	char last_why[192]; /* the busiest thread is not isolated: "worker[7] sleeps" */
	pid_t waited_for;   /* what say_waits() has said */
	bool hinted, crowded, ready, ended;
};

/* How long the thread has been isolated, or was the last time, in nanoseconds. */
uint64_t isolated_ns(const struct watched *thread);

/* Write the report, one line of JSON. */
void write_report(FILE *out, const struct watch *watch);

#endif
