/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

long trace(long request, pid_t tid, unsigned long address, void *data)
{
	return ptrace((enum __ptrace_request)request, tid, address, data);
}

int wait_stop(pid_t tid, int timeout_ms)
{
	const struct timespec pause = {0, 1000000};
	int status;
	for (int waited = 0;; waited++) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);
		if (got < 0)
			return -1;
		if (got == tid && WIFSTOPPED(status))
			return status;
		if (got == tid) {
			errno = ESRCH;
			return -1;
		}
		if (waited >= timeout_ms) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
}

bool is_event_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
}

bool is_syscall_stop(int status)
{
	return WSTOPSIG(status) == (SIGTRAP | 0x80);
}

bool is_group_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP && !is_event_stop(status);
}

int held_signal(int status)
{
	return is_syscall_stop(status) || status >> 16 ? 0 : WSTOPSIG(status);
}
