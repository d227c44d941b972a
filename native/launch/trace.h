/* SPDX-License-Identifier: MIT */
/* Stopping a thread with ptrace(2), on any architecture. */
#ifndef LAUNCH_TRACE_H
#define LAUNCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* A thread that this process traces, and where it was interrupted. */
struct held {
	pid_t tid;
	uint64_t mask; /* its signal mask */
	struct user_regs_struct regs;
};

/* ptrace(2) with a request that may be a number: glibc's is an enum, and lacks some. */
long trace(long request, pid_t tid, unsigned long address, void *data);

/*
 * Wait for a stop of the thread. Returns its wait status, or -1 with errno (ESRCH: it ended;
 * ETIMEDOUT).
 */
int wait_stop(pid_t tid, int timeout_ms);

/*
 * What kind of stop a wait status names (ptrace(2)). A group stop is one of the whole program, as
 * by SIGSTOP or Ctrl-Z.
 */
bool is_event_stop(int status);
bool is_syscall_stop(int status);
bool is_group_stop(int status);
/* The signal that the stop holds back from the thread, or 0: the stop is of another kind. */
int held_signal(int status);

#endif
