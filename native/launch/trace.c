/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif

/* include/linux/errno.h: the call returns EINTR when a handler runs, and starts again when none does. */
enum { ERESTARTNOHAND = 514 };

long trace(long request, pid_t tid, unsigned long address, void *data)
{
	return ptrace((enum __ptrace_request)request, tid, address, data);
}

int seize_thread(struct held *held, pid_t tid)
{
	*held = (struct held){.tid = tid};
	if (trace(PTRACE_SEIZE, tid, 0, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)) < 0) {
		held->tid = 0;
		return -1;
	}
	held->phase = TRACED;
	return 0;
}

static void forget(struct held *held)
{
	*held = (struct held){.phase = FREE};
}

int wait_stop(struct held *held, int timeout_ms)
{
	const struct timespec pause = {0, 1000000};
	int status;
	for (int waited = 0;; waited++) {
		pid_t got = waitpid(held->tid, &status, __WALL | WNOHANG);
		if (got == held->tid && WIFSTOPPED(status))
			return held->stop = status;
		if (got) {
			forget(held);
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

/*
 * Calls that return EINTR when the thread was stopped, without a handler, and that have done nothing
 * when they do (signal(7)). connect(2) is not among them: a second one fails.
 */
static bool restarts_by_us(unsigned long long number)
{
	switch (number) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_rt_sigtimedwait:
	case SYS_io_getevents:
	case SYS_recvfrom: /* these with SO_RCVTIMEO or SO_SNDTIMEO */
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_accept:
	case SYS_accept4:
	case SYS_sendto:
	case SYS_sendmsg:
		return true;
	}
	return false;
}

static void mend_call(const struct held *held)
{
	struct user_regs_struct regs;
	if (trace(PTRACE_GETREGS, held->tid, 0, &regs) == 0 && (long long)regs.orig_rax >= 0 &&
	    (long long)regs.rax == -EINTR && restarts_by_us(regs.orig_rax))
		trace(PTRACE_POKEUSER, held->tid, offsetof(struct user, regs.rax),
		      (void *)(long)-ERESTARTNOHAND);
}

int go_on(struct held *held, long request)
{
	const int stop = held->stop;
	if (!is_syscall_stop(stop) && !is_group_stop(stop) && !is_exec_stop(stop))
		mend_call(held);
	held->stop = 0;
	if (trace(request, held->tid, 0, (void *)(long)held_signal(stop)) < 0)
		return -1;
	if (request == PTRACE_DETACH)
		forget(held);
	return 0;
}

/*
 * A thread that is detached on its way into a call finds a signal pending that is none, and calls such
 * as epoll_wait(2) return EINTR (kernel/ptrace.c: __ptrace_unlink() sets TIF_SIGPENDING). Where the call
 * has been interrupted, go_on() makes it start again.
 */
static void leave_syscall_stop(struct held *held)
{
	while (held->stop && is_syscall_stop(held->stop)) {
		trace(PTRACE_INTERRUPT, held->tid, 0, NULL);
		if (go_on(held, PTRACE_CONT) < 0 || wait_stop(held, 1000) < 0)
			return;
	}
}

/*
 * Detach a thread that has stopped. One that cannot be detached was killed: until we have taken its
 * end, its process has none for its parent.
 */
static void detach(struct held *held)
{
	leave_syscall_stop(held);
	if (held->stop && go_on(held, PTRACE_DETACH) < 0)
		wait_stop(held, 1000);
}

void let_go(struct held *held)
{
	if (held->phase == FREE)
		return;
	/* Not by PTRACE_DETACH alone: it would drop the signal of a stop that we do not know of yet. */
	if (!held->stop && wait_stop(held, 0) < 0 && errno == ETIMEDOUT &&
	    trace(PTRACE_INTERRUPT, held->tid, 0, NULL) == 0)
		wait_stop(held, 1000);
	if (held->stop)
		detach(held);
}

void let_go_late(struct held *held)
{
	if (held->phase != FREE && (held->stop || wait_stop(held, 0) >= 0))
		detach(held);
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

bool is_exec_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_EXEC;
}

int held_signal(int status)
{
	return is_syscall_stop(status) || status >> 16 ? 0 : WSTOPSIG(status);
}
