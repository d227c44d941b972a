/* SPDX-License-Identifier: MIT */
/*
 * task_isolation.h: the kernel's ABI of task isolation (include/uapi/linux/task_isolation.h and
 * prctl.h of a patched kernel, kernel-patches/6.12/README.md), under names that do not collide with
 * those of the kernel's own headers.
 *
 * This file and isolctl.h, which includes it, are all that a program needs. C11 and C++17.
 */
#ifndef ISOLCTL_TASK_ISOLATION_H
#define ISOLCTL_TASK_ISOLATION_H

#include <stdint.h>

/*
 * prctl(2): (SET, flags, 0, 0, 0), and (GET, &status, sizeof status, 0, 0). libc's prctl is
 * variadic: pass all five.
 */
#define ISOLCTL_PR_SET 48
#define ISOLCTL_PR_GET 49

/* Isolate the calling thread. Without this flag: leave isolation. */
#define ISOLCTL_ENABLE (1UL << 0)
/* Send the signal that ISOLCTL_SIGNAL() names, where 0 is none. Without this flag 0 is SIGKILL. */
#define ISOLCTL_USERSIG (1UL << 1)
/* Signal `s` on a break. Default: SIGKILL. */
#define ISOLCTL_SIGNAL(s) (((unsigned long)(s)&0x7fUL) << 8)
/* No signal on a break: isolation ends, the kernel counts it, and the program runs on. */
#define ISOLCTL_REPORT ISOLCTL_USERSIG
/*
 * Judge what the thread itself does, and what its process does to it, only after `s` seconds, at
 * most 255: if the thread or the process ends meanwhile, it has ended, and that is no break. A
 * kernel that does not know this answers EINVAL.
 */
#define ISOLCTL_GRACE(s) (((unsigned long)(s)&0xffUL) << 16)

enum isolctl_state {
	ISOLCTL_OFF,
	ISOLCTL_STARTING,
	ISOLCTL_ISOLATED,
	ISOLCTL_LOST,
	ISOLCTL_LEAVING /* entered the kernel, and has ISOLCTL_GRACE() to end */
};

/*
 * The data of the cause "irq" for an interrupt without a number: this plus its vector, which is at
 * most 255.
 */
#define ISOLCTL_IRQ_VECTOR 0x10000

/* Why isolation ended, by number: X(name). New causes are added at the end. */
#define ISOLCTL_CAUSES(X) \
	X(none)           \
	X(syscall)        \
	X(page_fault)     \
	X(exception)      \
	X(irq)            \
	X(ipi)            \
	X(tick)           \
	X(nmi)            \
	X(signal)         \
	X(sched)          \
	X(hotplug)        \
	X(prctl)          \
	X(exit)           \
	X(unknown)        \
	X(external)

/* Why a start was refused with EAGAIN, by number: X(name). New reasons are added at the end. */
#define ISOLCTL_EAGAINS(X) \
	X(none)            \
	X(lru)             \
	X(vmstat)          \
	X(softirq)         \
	X(runqueue)        \
	X(tick)            \
	X(timer)           \
	X(hrtimer)         \
	X(work)            \
	X(affinity)        \
	X(early)

/*
 * The kernel's struct task_isolation_status in its first size. It may grow: `size` says how far the
 * kernel filled it.
 */
struct isolctl_status {
	uint32_t size;
	uint32_t state; /* enum isolctl_state */
	uint32_t flags;
	int32_t cpu;		   /* of the last start; -1: the thread was never isolated */
	uint32_t last_cause;	   /* index in ISOLCTL_CAUSES; isolctl_cause_name() */
	uint32_t last_eagain;	   /* index in ISOLCTL_EAGAINS; isolctl_eagain_name() */
	uint64_t last_data;	   /* by cause: system call number, fault address, vector, ... */
	uint64_t last_time_ns;	   /* when isolation ended last, CLOCK_MONOTONIC */
	uint64_t last_duration_ns; /* how long it had lasted */
	uint64_t starts, eagains, breaks;
};

#endif
