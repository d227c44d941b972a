/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor knows of a program, and its form for machines: isolctl.launch/1
 * (src/schema/launch.ts).
 */
#ifndef LAUNCH_REPORT_H
#define LAUNCH_REPORT_H

#include "family.h"
#include "proc.h"
#include "record.h"
#include "settle.h"
#include "supervisor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct process { /* the program, or one that it started */
	pid_t pid;
	uint64_t start; /* of proc(5), stat, field 22: another process may get its number later */
	int pidfd;
	bool over;  /* it has ended: a look at its threads is the last */
	bool taken; /* another launch has it: it is not looked at any more */
	struct settle settle;
};

struct watched {   /* one thread */
	pid_t pid; /* of its process */
	uint64_t start;
	pid_t tid;
	int fd; /* its record; -1 when the thread is gone */
	bool seen;
	char name[NAME_SIZE];
	struct record record;
	uint64_t since_ns; /* seen isolated since; 0: it is not isolated */
};

struct reported { /* breaks of one thread, all of one kind */
	pid_t tid;
	char name[NAME_SIZE];
	struct record record; /* of the first */
	uint64_t count;
	uint64_t since_ns, last_ns; /* of the first and the last, since the program was started */
};

struct event { /* found in a look at the threads, and not said yet */
	enum { STARTED, BROKE } what;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	pid_t pid, tid;
	char name[NAME_SIZE];
	struct record record;
	uint64_t count; /* breaks since the look before */
};

enum {
	REPORTED_MAX = 100, /* kinds of breaks that are remembered; the counters of the threads go on */
	EVENTS_MAX = 2 * THREADS_MAX,
	PROCESSES_MAX = 256, /* that live at the same time, and are followed */
};

struct watch {
	const struct supervisor *supervisor;
	struct process *processes[PROCESSES_MAX]; /* the first is the program */
	size_t process_count;
	struct family family;
	uint64_t family_ns; /* it was looked for */
	struct watched *threads;
	size_t count, room;
	struct reported reported[REPORTED_MAX];
	size_t reported_count;
	struct event events[EVENTS_MAX];
	size_t event_count;
	uint64_t start_ns, changed_ns, written_ns;
	unsigned long thread_count; /* see at_rest() */
	char last_why[192];	    /* the busiest thread is not isolated: "worker[7] sleeps" */
	pid_t waited_for;	    /* what say_waits() has said */
	bool hinted, crowded, ready, left_said, many_said;
	uint64_t left_ns; /* the program has ended, and processes that it started run on, since; 0 */
	bool ended;	  /* nothing is watched any more */
};

/*
 * Whether two breaks are the same for a reader: the thread, the cause, and what is behind it. Numbers
 * that differ each time, as addresses and process ids do, are not compared. Pure.
 */
bool is_same_kind(const struct reported *one, const struct event *other);

/* How many breaks a record has more than the one before. The kernel takes back one that proves none. Pure. */
uint64_t new_breaks(const struct record *old, const struct record *record);

/* The thread ended, or its process did, as it should. Pure. */
bool has_ended(const struct watch *watch, const struct watched *thread);

/* How long the thread has been isolated, or was the last time, in nanoseconds. */
uint64_t isolated_ns(const struct watched *thread);

/* Write the report, one line of JSON. */
void write_report(FILE *out, const struct watch *watch);

#endif
