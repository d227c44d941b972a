/* SPDX-License-Identifier: MIT */
/*
 * One launch per CPU: an exclusive flock(2) on the directory of each CPU in sysfs.
 *
 * A directory of sysfs needs no file that somebody has to create, may be locked by every user, is
 * the same in every mount namespace, and is never stale: the kernel drops the lock when the last
 * process that has it open ends, also after SIGKILL. A container with its own network namespace has
 * a sysfs of its own: launches in it are not seen.
 */
#ifndef LAUNCH_CLAIM_H
#define LAUNCH_CLAIM_H

#include <sched.h>
#include <sys/types.h>

enum { CLAIM_MAX = 1024 }; /* CPU_SETSIZE */

struct claim {
	int fds[CLAIM_MAX]; /* close-on-exec */
	size_t count;
	int cpu;     /* that is taken, or whose directory cannot be opened; -1: none */
	pid_t owner; /* the process that locked it, 0: not known */
};

/*
 * Lock these CPUs for whoever inherits the descriptors. The owner that others see is the process that
 * calls. Returns 0, or -1 with errno and `cpu`: EWOULDBLOCK when another launch has it, or that of
 * open(2).
 */
int claim_cpus(struct claim *claim, const cpu_set_t *cpus);

#endif
