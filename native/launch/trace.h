/* SPDX-License-Identifier: MIT */
/*
 * Stopping a thread with ptrace(2), on any architecture.
 *
 * A thread is resumed by go_on() only, and waited for by wait_stop() only, so that `stop` of struct
 * held always says whether it is stopped, and no signal that it was about to get is lost.
 */
#ifndef LAUNCH_TRACE_H
#define LAUNCH_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/*
 * How far the injection into a thread has got. In each phase the thread goes on as if nobody had
 * touched it when its tracer ends or lets go, whatever happens to it meanwhile:
 *
 *   phase    its registers  its signal mask  what restores it            what restores a system call
 *   FREE     own            own              nothing to restore          -
 *   TRACED   own            own              nothing to restore          the kernel; go_on()
 *   HELD     own            own              nothing to restore          it was in none
 *   CALLING  the stub's     all blocked      the end of the stub itself  it was in none
 *
 * A thread that was sent into the stub that isolates it is FREE here, and PLANTED in settle.h: the end
 * of the stub restores its registers.
 *
 * A failure and where it leaves the phase:
 *
 *   the thread ends, is killed     wait_stop() or ptrace says ESRCH: FREE, there is nobody to restore
 *   another thread executes        the same, or the stop PTRACE_EVENT_EXEC: nothing is written to the
 *                                  new program, because /proc/PID/mem belongs to the old memory
 *   it executes itself             the stop PTRACE_EVENT_EXEC: detached
 *   SIGSTOP, SIGTSTP               a group stop: detached, and it stays stopped; SIGCONT lets it run
 *   the cgroup freezer             it does not stop, or stops and freezes after it: traced until it
 *                                  stops (let_go_late()), and detached
 *   another tracer                 PTRACE_SEIZE fails: FREE
 *   a signal                       handed on by go_on(); while CALLING it is pending until the mask is
 *                                  restored
 *   the call takes long            the thread is let go while CALLING, and returns by itself
 *   the tracer ends                the kernel detaches every thread, and they run on
 */
enum phase { FREE, TRACED, HELD, CALLING };

/* A thread that this process traces, and where it was interrupted. */
struct held {
	pid_t tid; /* 0: none */
	enum phase phase;
	int stop;      /* the wait status of the stop that it is in, 0: it runs */
	uint64_t mask; /* its signal mask */
	struct user_regs_struct regs;
};

/* ptrace(2) with a request that may be a number: glibc's is an enum, and lacks some. */
long trace(long request, pid_t tid, unsigned long address, void *data);

/* Begin to trace a thread, which runs on. Returns 0, or -1 with errno. */
int seize_thread(struct held *held, pid_t tid);

/*
 * Wait for a stop of a thread that runs. Returns its wait status, or -1 with errno: ESRCH, it ended,
 * and is FREE; ETIMEDOUT.
 */
int wait_stop(struct held *held, int timeout_ms);

/*
 * Let a stopped thread go on, by PTRACE_CONT, PTRACE_SYSCALL or PTRACE_DETACH, with the signal that
 * the stop held back. A system call that was interrupted only because we stopped the thread
 * continues: the kernel does that for most, and for those that return EINTR this does it (signal(7),
 * "Interruption of system calls and library functions by stop signals"). Such a call starts its
 * timeout again. Returns 0, or -1 with errno.
 */
int go_on(struct held *held, long request);

/*
 * Stop tracing a thread, wherever it is. A thread that is deep in the kernel stops later and stays
 * traced until then: call let_go_late() until the phase is FREE, because nothing else lets it run on.
 */
void let_go(struct held *held);
void let_go_late(struct held *held);

/*
 * What kind of stop a wait status names (ptrace(2)). A group stop is one of the whole program, as
 * by SIGSTOP or Ctrl-Z.
 */
bool is_event_stop(int status);
bool is_syscall_stop(int status);
bool is_group_stop(int status);
bool is_exec_stop(int status);
/* The signal that the stop holds back from the thread, or 0: the stop is of another kind. */
int held_signal(int status);

#endif
