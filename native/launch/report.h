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
	pid_t tid;
	char name[NAME_SIZE];
	struct record record;
	uint64_t count; /* breaks since the look before */
};

enum {
	REPORTED_MAX = 100, /* kinds of breaks that are remembered; the counters of the threads go on */
	EVENTS_MAX = 2 * THREADS_MAX,
};

struct watch {
	const struct supervisor *supervisor;
	struct watched *threads;
	size_t count, room;
	struct reported reported[REPORTED_MAX];
	size_t reported_count;
	struct event events[EVENTS_MAX];
	size_t event_count;
	uint64_t start_ns, changed_ns, written_ns;
	unsigned long thread_count; /* see at_rest() */
	struct settle settle;
	char last_why[192]; /* the busiest thread is not isolated: "worker[7] sleeps" */
	pid_t waited_for;   /* what say_waits() has said */
	bool hinted, crowded, ready;
	bool over;  /* the process has ended: a look at its threads is the last */
	bool ended; /* and that look was taken */
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
