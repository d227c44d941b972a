/* SPDX-License-Identifier: MIT */
/*
 * One launch per CPU: an exclusive flock(2) on the directory of each CPU in sysfs.
 *
 * A directory of sysfs needs no file that somebody has to create, may be locked by every user, is
 * the same in every mount namespace, and is never stale: the kernel drops the lock when the last
 * process that has it open ends, also after SIGKILL. A container with its own network namespace has
 * a sysfs of its own: launches in it are not seen. Because every user may lock, the lock of another
 * user does not stop root: it is no more than a hint there.
 */
#ifndef LAUNCH_CLAIM_H
#define LAUNCH_CLAIM_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CLAIM_MAX = 1024 }; /* CPU_SETSIZE */

struct claim {		    /* all 0 before the first call */
	int fds[CLAIM_MAX]; /* close-on-exec */
	size_t count;
	uint64_t until_ns; /* CLOCK_MONOTONIC: no lock is waited for any longer */
	int cpu;	   /* that is taken, or whose directory cannot be opened */
	pid_t owner;	   /* the process that locked it, or that the lock is kept for; 0: not known */
	bool launched;	   /* isolctl is known to have launched the owner */
	bool foreign;	   /* a process that has the lock is known to be another user's than root's */
};

/*
 * Lock these CPUs, from claim->cpu on, for all processes that inherit the descriptors. The owner that
 * others see is the process that calls. A lock that somebody has is waited for: one second in all, because that of
 * a program that has just ended goes soon. Returns 0, or -1 with errno and `cpu`: EWOULDBLOCK when
 * another process has it, or that of open(2). To go on without that CPU, count `cpu` up and call again.
 */
int claim_cpus(struct claim *claim, const cpu_set_t *cpus);

#endif
