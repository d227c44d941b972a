/* SPDX-License-Identifier: MIT */
/*
 * isolctl.h: enter and leave hard CPU isolation from inside a program. It needs task_isolation.h,
 * which lies beside it, and nothing to link.
 *
 *     if (isolctl_bind(0) < 0) ...                  // only with several CPUs: which worker am I
 *     int result = isolctl_enter(ISOLCTL_AS_LAUNCHED);
 *     if (result < 0) { fprintf(stderr, "%s\n", isolctl_why(result)); exit(1); }
 *     while (!done) poll();                     // no system call, no fault: no entry into the kernel
 *     isolctl_leave();
 *
 * Isolation is per thread and one-shot. It ends when the thread leaves (isolctl_leave, or exit), or
 * when anything makes the CPU enter the kernel: then the kernel sends the signal that the flags
 * name (default: SIGKILL), or, with ISOLCTL_GRACE(s) and for what the process does itself, s seconds
 * later if the thread has not ended by then.
 *
 * Before isolctl_enter(): open, map and touch everything the loop uses, start every thread, and let
 * the other threads come to rest: a sibling's munmap, mprotect or fork interrupts every thread that
 * shares the memory. isolctl_enter() locks the memory that is mapped at that moment, because
 * mlockall(2) does not survive execve(2) and so cannot be done by a launcher. It also makes
 * ISOLCTL_STACK bytes of stack ready. What is mapped later can fault.
 *
 * A program can get a signal on a break instead of being killed: isolctl launch --on-break
 * signal=SIGUSR1, or ISOLCTL_SIGNAL(SIGUSR1). The thread is no longer isolated when the handler
 * runs. Do NOT enter again in the handler: its return is a system call (rt_sigreturn), and so the
 * next break. The handler sets a flag, and the loop enters again:
 *
 *     isolctl_watch_breaks(isolctl_launch_signal());       // once, before the threads start
 *     ...
 *     while (!done) {
 *         poll();
 *         if (isolctl_was_lost() && isolctl_enter(ISOLCTL_AS_LAUNCHED) < 0) break;
 *     }
 *
 * On a kernel without the ABI isolctl_enter() returns ISOLCTL_ENOSUPPORT, or ISOLCTL_SOFT when the
 * launcher said that going on without isolation is wanted (isolctl launch --soft). C11 and C++17.
 * Linux >= 2.6; x86-64 has its system calls inline, other machines use syscall(2).
 */
#ifndef ISOLCTL_H
#define ISOLCTL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall(2); C++ compilers define it anyway */
#endif
#include "task_isolation.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * For isolctl_enter(): what the launcher asked for (environment variable ISOLCTL_FLAGS), else the
 * default.
 */
#define ISOLCTL_AS_LAUNCHED (~0UL)

/*
 * Stack made ready by isolctl_enter(), in bytes. A loop that needs more must touch it beforehand.
 */
#ifndef ISOLCTL_STACK
#define ISOLCTL_STACK 65536
#endif

/* How long isolctl_enter() goes on while the kernel says "not yet". */
#ifndef ISOLCTL_PATIENCE_NS
#define ISOLCTL_PATIENCE_NS 1000000000LL
#endif

/*
 * What isolctl_enter() and isolctl_bind() return. Negative: refused; isolctl_why() has the words.
 */
enum isolctl_result {
	ISOLCTL_OK = 0,
	ISOLCTL_SOFT = 1,	 /* not isolated, and the launcher said to go on */
	ISOLCTL_ENOSUPPORT = -1, /* this kernel has no task isolation */
	ISOLCTL_EAFFINITY = -2,	 /* the thread may run on more than one CPU */
	ISOLCTL_ECPU = -3,	 /* its CPU is not set apart (nohz_full=, isolcpus=) */
	ISOLCTL_EAGAIN = -4,	 /* something on this CPU does not come to rest */
	ISOLCTL_EMEMORY = -5,	 /* memory cannot be locked */
	ISOLCTL_EFLAGS = -6,	 /* flags that do not exist */
	ISOLCTL_EWORKER = -7	 /* the launcher gave no CPU for it */
};

static inline long isolctl_syscall(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(number, a, b, c, d, e);
	return result == -1 ? -errno : result;
#endif
}

#define ISOLCTL_NAME(name) #name,

/*
 * "syscall", "page_fault", ...: as in /proc/PID/task/TID/task_isolation. "unknown" for a number
 * that is not in the list.
 */
static inline const char *isolctl_cause_name(uint32_t cause)
{
	static const char *const names[] = {ISOLCTL_CAUSES(ISOLCTL_NAME)};
	return cause < sizeof names / sizeof *names ? names[cause] : "unknown";
}

/* "lru", "vmstat", ...: the same for refusals. */
static inline const char *isolctl_eagain_name(uint32_t reason)
{
	static const char *const names[] = {ISOLCTL_EAGAINS(ISOLCTL_NAME)};
	return reason < sizeof names / sizeof *names ? names[reason] : "unknown";
}

/*
 * The calling thread's record. Returns 0, or a negative errno (-EINVAL: the kernel has no task
 * isolation). Asking is a system call, so it ends the isolation of the thread that asks, without a
 * signal. To watch an isolated thread, read /proc/PID/task/TID/task_isolation from another CPU
 * instead.
 */
static inline int isolctl_status(struct isolctl_status *status)
{
	memset(status, 0, sizeof *status);
	status->size = (uint32_t)sizeof *status;
	long result = isolctl_syscall(SYS_prctl, ISOLCTL_PR_GET, (long)status, (long)sizeof *status, 0, 0);
	return result < 0 ? (int)result : 0;
}

/*
 * Leave isolation, without a signal. Returns 0, or a negative errno. Not an error when isolation
 * was lost before.
 */
static inline int isolctl_leave(void)
{
	return (int)isolctl_syscall(SYS_prctl, ISOLCTL_PR_SET, 0, 0, 0, 0);
}

/* What the launcher asked for: flags for isolctl_enter(). */
static inline unsigned long isolctl_launch_flags(void)
{
	const char *text = getenv("ISOLCTL_FLAGS"), *grace = getenv("ISOLCTL_GRACE");
	/* Apart from the flags: a program with an older isolctl.h refuses bits that it does not know. */
	unsigned long flags = grace ? ISOLCTL_GRACE(strtoul(grace, NULL, 10)) : 0;
	return flags | ISOLCTL_ENABLE | (text ? strtoul(text, NULL, 0) : 0);
}

/* The signal that the launcher chose for breaks; 0: none, or SIGKILL. */
static inline int isolctl_launch_signal(void)
{
	return (int)(isolctl_launch_flags() >> 8 & 0x7f);
}

#ifdef __cplusplus
#define ISOLCTL_THREAD_LOCAL thread_local
#else
#define ISOLCTL_THREAD_LOCAL _Thread_local
#endif

/* Whether this thread lost isolation since it last asked. One for each thread and source file. */
__attribute__((unused)) static ISOLCTL_THREAD_LOCAL volatile sig_atomic_t isolctl_lost_flag;

__attribute__((unused)) static void isolctl_note_break(int signal)
{
	(void)signal;
	isolctl_lost_flag = 1; /* and no more: to enter again here would be the next break */
}

/*
 * Handle breaks that come as this signal, in every thread of the process. 0 and SIGKILL need no
 * handler. Returns 0, or a negative errno.
 */
static inline int isolctl_watch_breaks(int signal)
{
	struct sigaction action;
	if (signal == 0 || signal == SIGKILL)
		return 0;
	memset(&action, 0, sizeof action);
	action.sa_handler = isolctl_note_break;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	isolctl_lost_flag = 0; /* makes the thread's page of it present */
	return sigaction(signal, &action, NULL) < 0 ? -errno : 0;
}

/*
 * Whether the calling thread lost isolation since it last asked: then it may enter again. Reads
 * memory, nothing else.
 */
static inline int isolctl_was_lost(void)
{
	if (!isolctl_lost_flag)
		return 0;
	isolctl_lost_flag = 0;
	return 1;
}

static inline int isolctl_is_soft(void)
{
	return getenv("ISOLCTL_SOFT") != NULL;
}

enum { ISOLCTL_CPUS_MAX = 8192, ISOLCTL_WORD = 8 * sizeof(unsigned long) };

struct isolctl_cpus {
	unsigned long word[ISOLCTL_CPUS_MAX / ISOLCTL_WORD];
};

/*
 * One CPU number at *text, which is moved behind it. ISOLCTL_CPUS_MAX: there is none, or it is too
 * large.
 */
static inline unsigned long isolctl_parse_cpu(const char **text)
{
	unsigned long cpu = 0;
	if (**text < '0' || **text > '9')
		return ISOLCTL_CPUS_MAX;
	for (; **text >= '0' && **text <= '9'; ++*text)
		if (cpu < ISOLCTL_CPUS_MAX)
			cpu = cpu * 10 + (unsigned long)(**text - '0');
	return cpu < ISOLCTL_CPUS_MAX ? cpu : (unsigned long)ISOLCTL_CPUS_MAX;
}

/*
 * The CPUs of a cpulist: numbers and ranges, "2-3,6", without strides, spaces and signs. An absent
 * or broken list is the empty set. CPU numbers are below ISOLCTL_CPUS_MAX.
 */
static inline struct isolctl_cpus isolctl_parse_cpus(const char *list)
{
	struct isolctl_cpus none, cpus;
	memset(&none, 0, sizeof none);
	cpus = none;
	while (list) {
		unsigned long cpu = isolctl_parse_cpu(&list), last = cpu;
		if (*list == '-') {
			list++;
			last = isolctl_parse_cpu(&list);
		}
		if (cpu >= ISOLCTL_CPUS_MAX || last >= ISOLCTL_CPUS_MAX || last < cpu ||
		    (*list && *list != ','))
			return none;
		for (; cpu <= last; cpu++)
			cpus.word[cpu / ISOLCTL_WORD] |= 1UL << (cpu % ISOLCTL_WORD);
		list = *list ? list + 1 : NULL;
	}
	return cpus;
}

static inline int isolctl_has_cpu(const struct isolctl_cpus *cpus, unsigned long cpu)
{
	return cpus->word[cpu / ISOLCTL_WORD] >> (cpu % ISOLCTL_WORD) & 1;
}

static inline int isolctl_move_to(const struct isolctl_cpus *cpus)
{
	if (isolctl_syscall(SYS_sched_setaffinity, 0, sizeof *cpus, (long)cpus, 0, 0) >= 0)
		return ISOLCTL_OK;
	return isolctl_is_soft() ? ISOLCTL_SOFT : ISOLCTL_EWORKER;
}

/*
 * Bind the calling thread to the CPU of the `worker`-th worker, counted from 0: the launch CPUs in
 * ascending order, one each. Needed when a program was launched on several CPUs, and has not bound
 * its threads itself.
 */
static inline int isolctl_bind(unsigned worker)
{
	struct isolctl_cpus cpus = isolctl_parse_cpus(getenv("ISOLCTL_CPUS")), one = isolctl_parse_cpus("");
	for (unsigned long cpu = 0; cpu < ISOLCTL_CPUS_MAX; cpu++) {
		if (!isolctl_has_cpu(&cpus, cpu) || worker-- != 0)
			continue;
		one.word[cpu / ISOLCTL_WORD] = 1UL << (cpu % ISOLCTL_WORD);
		break;
	}
	return isolctl_move_to(&one);
}

/* Move the calling thread or process to the launcher's housekeeping CPUs. */
static inline int isolctl_housekeep(void)
{
	struct isolctl_cpus cpus = isolctl_parse_cpus(getenv("ISOLCTL_HOUSEKEEPING"));
	return isolctl_move_to(&cpus);
}

static inline long long isolctl_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

/*
 * Touch the stack to come, and lock all that is mapped. noinline: the array must be below the
 * caller's frames.
 */
__attribute__((noinline, unused)) static int isolctl_lock_memory(void)
{
	volatile char stack[ISOLCTL_STACK];
	for (size_t i = 0; i < sizeof stack; i += 1024)
		stack[i] = 0;
	return (int)isolctl_syscall(SYS_mlockall, 1 /* MCL_CURRENT */, 0, 0, 0, 0);
}

/*
 * Whether the kernel knows these flags: it looks at them first, and without ISOLCTL_ENABLE the call
 * only leaves isolation.
 */
static inline int isolctl_knows(unsigned long flags)
{
	return isolctl_syscall(SYS_prctl, ISOLCTL_PR_SET, (long)(flags & ~ISOLCTL_ENABLE), 0, 0, 0) == 0;
}

/* Why prctl gave EINVAL for these flags. */
static inline int isolctl_diagnose(unsigned long flags)
{
	struct isolctl_cpus mask = isolctl_parse_cpus("");
	int cpus = 0;
	if (isolctl_syscall(SYS_prctl, ISOLCTL_PR_GET, 0, 0, 0, 0) < 0)
		return ISOLCTL_ENOSUPPORT;
	if (!isolctl_knows(flags))
		return ISOLCTL_EFLAGS;
	isolctl_syscall(SYS_sched_getaffinity, 0, sizeof mask, (long)&mask, 0, 0);
	for (unsigned long cpu = 0; cpu < ISOLCTL_CPUS_MAX; cpu++)
		cpus += isolctl_has_cpu(&mask, cpu);
	return cpus == 1 ? ISOLCTL_ECPU : ISOLCTL_EAFFINITY;
}

/*
 * Isolate the calling thread, which must be bound to one isolated CPU. `flags`:
 * ISOLCTL_AS_LAUNCHED, or 0 (killed on a break), ISOLCTL_SIGNAL(n), ISOLCTL_REPORT; and
 * ISOLCTL_GRACE(s). Returns ISOLCTL_OK with the thread isolated, ISOLCTL_SOFT, or a refusal.
 */
static inline int isolctl_enter(unsigned long flags)
{
	int refusal;
	flags = flags == ISOLCTL_AS_LAUNCHED ? isolctl_launch_flags() : flags | ISOLCTL_ENABLE;
	if (flags & ~(ISOLCTL_ENABLE | ISOLCTL_USERSIG | ISOLCTL_SIGNAL(0x7f) | ISOLCTL_GRACE(0xff)))
		return ISOLCTL_EFLAGS;
	refusal = isolctl_lock_memory() < 0 ? ISOLCTL_EMEMORY : ISOLCTL_OK;

	/*
	 * "Not yet" mostly lasts microseconds. Ask again at once: a sleep would put this thread on
	 * the runqueue again, and start the timers again that the kernel waits for. But sleep a
	 * little every 50 ms, so that kernel threads bound to this CPU get it even from a
	 * real-time thread. Reading the clock first also makes the vDSO's pages present.
	 */
	long long start = isolctl_now_ns(), rest = start, now;
	while (refusal == ISOLCTL_OK) {
		long result = isolctl_syscall(SYS_prctl, ISOLCTL_PR_SET, (long)flags, 0, 0, 0);
		if (result == 0)
			return ISOLCTL_OK; /* no system call from here on */
		if (result != -EAGAIN) {
			refusal = isolctl_diagnose(flags);
		} else if ((now = isolctl_now_ns()) - start > ISOLCTL_PATIENCE_NS) {
			refusal = ISOLCTL_EAGAIN;
		} else if (now - rest > 50000000LL) {
			struct timespec pause = {0, 1000000};
			isolctl_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0, 0);
			rest = isolctl_now_ns();
		}
	}
	return isolctl_is_soft() ? ISOLCTL_SOFT : refusal;
}

/* The words for what isolctl_enter() or isolctl_bind() returned: lower case, no full stop. */
static inline const char *isolctl_why(int result)
{
	static const char *const not_yet[] = {
		"the CPU did not come to rest",
		"the CPU did not come to rest: pages wait in its LRU batches (lru)",
		"the CPU did not come to rest: its memory statistics are being updated (vmstat)",
		"the CPU did not come to rest: a softirq is pending (softirq)",
		"the CPU is not this thread's alone: another task wants to run on it (runqueue)",
		"the tick cannot stop: a CPU timer, perf event, RCU or an unstable clock needs it (tick)",
		"the CPU did not come to rest: a timer is pending on it (timer)",
		"the CPU did not come to rest: a high-resolution timer is pending on it (hrtimer)",
		"the CPU did not come to rest: work for this thread kept arriving (work)",
		"the thread was moved to another CPU (affinity)",
		"the CPU was interrupted at the moment of entering, again and again (early)"};
	struct isolctl_status status;
	switch (result) {
	case ISOLCTL_OK:
		return "isolated";
	case ISOLCTL_SOFT:
		return "not isolated, and going on without, as the launcher said";
	case ISOLCTL_ENOSUPPORT:
		return "this kernel has no task isolation (PR_TASK_ISOLATION)";
	case ISOLCTL_EAFFINITY:
		return "the thread is not bound to one CPU: call isolctl_bind() first";
	case ISOLCTL_ECPU:
		return "the thread's CPU is not isolated: see /sys/devices/system/cpu/task_isolation";
	case ISOLCTL_EMEMORY:
		return "memory cannot be locked: raise RLIMIT_MEMLOCK (ulimit -l), or run as root";
	case ISOLCTL_EFLAGS:
		return "isolation flags that do not exist, or that this kernel does not know: see ISOLCTL_FLAGS in the environment";
	case ISOLCTL_EWORKER:
		return "the launcher gave no such CPU: start with isolctl launch --cpus, one CPU per worker";
	default:
		break;
	}
	if (isolctl_status(&status) < 0 || status.last_eagain >= sizeof not_yet / sizeof *not_yet)
		return not_yet[0];
	return not_yet[status.last_eagain];
}

#endif
