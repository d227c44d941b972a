/* SPDX-License-Identifier: MIT */
/*
 * --enter settle: find the threads of an unmodified program that have settled into a poll loop, and
 * make them enter isolation (inject.h).
 *
 * Which thread runs where: the program starts on the housekeeping CPUs. A thread that bound itself
 * to one of the launch CPUs keeps it. Each other thread that settles gets the lowest launch CPU
 * that is still free. A thread that bound itself to another CPU, sleeps, or makes system calls is a
 * control thread and stays where it is.
 *
 * A thread has settled when it passed two stages. First it is observed: for the settle time it ran
 * in user mode, and had no page fault and no voluntary context switch; no other thread of the
 * program had a page fault, and none started or ended (an munmap or an exit would interrupt the
 * others). Then it is proved: stopped on its CPU, its memory locked, the thread runs for the settle
 * time again under PTRACE_SYSCALL, without a system call, a signal or a fault, and gets the CPU. A
 * thread that fails is left alone for a while, which doubles with each failure.
 */
#ifndef LAUNCH_SETTLE_H
#define LAUNCH_SETTLE_H

#include "inject.h"
#include "record.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { THREADS_MAX = 1024 };

struct settle_options {
	unsigned ms;	     /* the settle time; 0: the program enters itself */
	unsigned long flags; /* of prctl(ISOLCTL_PR_SET) */
	bool rearm;	     /* enter again after a break */
	int priority;	     /* SCHED_FIFO for isolated threads, or 0: as they are */
	bool records;	     /* the kernel has task isolation; without it threads only get their CPUs */
	cpu_set_t cpus, housekeeping;
};

struct sample { /* of one thread, from /proc */
	char state;
	unsigned long faults, user_ticks, system_ticks, voluntary;
};

enum stage {
	WATCHED,  /* observed, not yet proved */
	PLANTED,  /* sent into the stub */
	ISOLATED, /* entered, because we sent it */
	DONE	  /* nothing more to do: it isolated itself, lost isolation, or cannot be isolated */
};

struct candidate {
	pid_t tid;
	bool seen;
	bool crowded; /* ready, and there is no CPU for it */
	enum stage stage;
	struct sample sample;
	unsigned long user_ticks; /* of the sample when it was disturbed last */
	uint64_t rest_ns, retry_ns, planted_ns, entered_ns;
	unsigned failures, plants;
	int cpu;	/* its launch CPU, or -1 */
	cpu_set_t home; /* where it ran before that */
	int slot;	/* of its stub, while that may be in use; -1 */
	uint64_t starts;
	struct held held; /* tid 0 when we do not trace it */
	char why[96];	  /* it is not isolated: "made the system call read" */
};

struct settle {
	struct settle_options options;
	pid_t pid;
	int memory;    /* /proc/PID/mem, or -1 */
	uint64_t gate; /* address in the program, see find_gate(); 0: not looked for yet */
	struct stubs stubs;
	uint64_t restless_ns; /* when something disturbed the program as a whole last */
	/* Why this kind of program cannot settle; "" when it can; NULL: not looked at yet. */
	const char *runtime;
	struct candidate threads[THREADS_MAX];
	size_t count;
};

/*
 * Observe all threads, and send into isolation those that have settled. Call it every
 * settle_pause_ms().
 */
void settle_step(struct settle *settle);

/*
 * How long to pause between two steps: four steps per settle time while there is something to wait
 * for.
 */
int settle_pause_ms(const struct settle *settle);

/*
 * Note the state of a thread from its record. Returns true when it has just become isolated because
 * we sent it.
 */
bool settle_record(struct settle *settle, struct candidate *thread, const struct record *record);

struct candidate *find_candidate(struct settle *settle, pid_t tid);

#endif
