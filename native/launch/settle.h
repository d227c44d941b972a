/* SPDX-License-Identifier: MIT */
/*
 * --enter settle: find the threads of an unmodified program that have settled into a poll loop, and
 * make them enter isolation (inject.h).
 *
 * Which thread runs where: the program starts on the housekeeping CPUs. A thread that chose launch
 * CPUs, one or several, gets the lowest of these that is still free. Each other thread that settles
 * gets the lowest launch CPU that is still free. A thread that bound itself to other CPUs, sleeps, or
 * makes system calls is a control thread. It stays where it is, and off the launch CPUs: see
 * keep_off().
 *
 * A thread has settled when it passed two stages. First it is observed: for the settle time it ran
 * in user mode, and had no page fault and no voluntary context switch. Then it is proved: stopped on
 * its CPU, the thread runs for the settle time again under PTRACE_SYSCALL, without a system call, a
 * signal or a fault, and gets the CPU. A thread that fails is left alone for a while, which doubles
 * with each failure.
 *
 * Between the two it waits for its siblings, because some of what they do interrupts a thread that
 * shares their memory: an munmap, an mprotect or the madvise with which glibc frees the stack of a
 * thread that ended (the kernel flushes TLBs by IPIs, arch/x86/mm/tlb.c), fork and exec. A sibling
 * that touches new memory, starts or ends is likely to do that soon, but most faults themselves flush
 * nothing. So a thread that has settled waits until no sibling did any of it for the settle time, and
 * no longer than the timeout: a control thread that faults now and then must not keep it for ever.
 * Nothing waits for a sibling that sleeps, makes system calls, or is io_uring's thread in the kernel.
 */
#ifndef LAUNCH_SETTLE_H
#define LAUNCH_SETTLE_H

#include "inject.h"
#include "lock.h"
#include "record.h"

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { THREADS_MAX = 1024 };

struct settle_options {
	unsigned ms;	     /* the settle time; 0: the program enters itself */
	unsigned timeout_ms; /* how long a settled thread waits for the others; 0: for ever */
	unsigned long flags; /* of prctl(ISOLCTL_PR_SET) */
	bool rearm;	     /* enter again after a break */
	int priority;	     /* SCHED_FIFO for isolated threads, or 0: as they are */
	enum lock lock;	     /* what is locked before */
	bool records;	     /* the kernel has task isolation; without it threads only get their CPUs */
	cpu_set_t cpus, housekeeping;
	cpu_set_t start; /* what the program was started with: housekeeping CPUs, and maybe the launch CPUs */
};

struct sample { /* of one thread, from /proc */
	char state;
	bool kernels; /* a thread that the kernel made: io_uring's */
	unsigned long faults, user_ticks, system_ticks, voluntary;
	unsigned long image; /* differs when the process has executed a program; 0: not known */
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
	uint64_t
		settled_ns; /* it waits for its CPU, and for the others to come to rest, since; 0: it has not settled */
	unsigned failures, plants;
	int cpu;	  /* its launch CPU, or -1 */
	cpu_set_t home;	  /* where it ran before that */
	cpu_set_t chosen; /* the launch CPUs that it may have had before it was kept off them; empty: any */
	int slot;	  /* of its stub, while that may be in use; -1 */
	uint64_t starts;
	struct held held; /* phase FREE when we do not trace it */
	char why[160];	  /* it is not isolated: "made the system call read" */
};

struct settle { /* one process */
	struct settle_options options;
	pid_t pid;
	struct settle *next; /* the processes that share the CPUs are a ring; NULL: it is alone */
	unsigned long image; /* of the program that it executes: see struct sample */
	int memory;	     /* /proc/PID/mem, or -1: not opened yet */
	struct stubs stubs;
	uint64_t restless_ns; /* when something disturbed the program as a whole last */
	pid_t restless;	      /* the thread that did, */
	const char *how;      /* and what it did: "touches new memory" */
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
 * The thread that has settled and has waited longest for another one, settle->restless, to come to
 * rest; NULL: none waits.
 */
const struct candidate *settle_waits(const struct settle *settle);

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

/*
 * The process has ended, or is another launch's: take no step with it, only let go of the threads that are
 * traced, whose numbers are theirs until then. It has no threads when that is done.
 */
void settle_end(struct settle *settle);

/* Whether it has a thread that was given its CPU: isolated, about to be, or on a kernel that isolates none. Pure. */
bool settle_works(const struct settle *settle);

/* Whether a thread is traced that could not be let go at once: settle_step() does that late. Pure. */
bool settle_holds(const struct settle *settle);

/* Why a thread that was isolated is not any more: "lost isolation". Pure. */
const char *how_it_ended(const struct record *record);

struct candidate *find_candidate(struct settle *settle, pid_t tid);

#endif
