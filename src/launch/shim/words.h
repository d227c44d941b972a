/* SPDX-License-Identifier: MIT */
/* The kernel's record of a break, in words: what it was, and the habit that prevents it. */
#ifndef ISOL_WORDS_H
#define ISOL_WORDS_H

#include "record.h"
#include "syscalls.h"

#include <string.h>

/* x86 exception vectors (Intel SDM volume 3, table 6-1). */
static const char *isol_exception_name(unsigned long long vector)
{
	static const char *const names[] = {
		[0] = "divide error",
		[1] = "debug: a breakpoint or single step",
		[3] = "breakpoint",
		[4] = "overflow",
		[5] = "bound range exceeded",
		[6] = "invalid opcode",
		[7] = "FPU not available",
		[12] = "stack fault",
		[13] = "general protection",
		[14] = "page fault",
		[16] = "x87 floating-point error",
		[17] = "alignment check",
		[18] = "machine check",
		[19] = "SIMD floating-point error",
		[21] = "control protection",
	};
	enum { KNOWN = sizeof names / sizeof *names };
	return vector < KNOWN && names[vector] ? names[vector] : "unknown";
}

enum { ISOL_IRQ_VECTOR = 0x10000 }; /* in `data` of an interrupt that has no number: a vector */

static void isol_say_irq(char *text, size_t size, unsigned long long data)
{
	if (data & ISOL_IRQ_VECTOR)
		snprintf(text, size, "interrupt, vector 0x%llx", data & ~(unsigned long long)ISOL_IRQ_VECTOR);
	else
		snprintf(text, size, "interrupt %llu (see /proc/interrupts)", data);
}

/* "another CPU interrupted it: CPU 0, gdb[77], on_each_cpu_cond_mask, to run flush_tlb_func". */
static void isol_say_ipi(char *text, size_t size, const struct isol_record *record)
{
	if (record->sender_cpu < 0)
		snprintf(text, size, "another CPU interrupted it (IPI, vector 0x%llx)", record->data);
	else
		snprintf(text, size, "another CPU interrupted it: CPU %d, %s[%d], in %s%s%s", record->sender_cpu,
			 record->sender_name, record->sender_pid, record->sender_site, *record->sender_function ? ", to run " : "",
			 record->sender_function);
}

/* "system call write (1)". */
static void isol_say_what(char *text, size_t size, const struct isol_record *record)
{
	const char *cause = record->cause;
	unsigned long long data = record->data;
	const char *name;
	if (strcmp(cause, "syscall") == 0)
		snprintf(text, size, "system call %s (%llu)", isol_syscall_name(data), data);
	else if (strcmp(cause, "page_fault") == 0)
		snprintf(text, size, "page fault at address 0x%llx%s", data, data < 4096 ? " (a null pointer)" : "");
	else if (strcmp(cause, "exception") == 0 && data > 255)
		snprintf(text, size, "an exception");
	else if (strcmp(cause, "exception") == 0)
		snprintf(text, size, "exception %llu (%s)", data, isol_exception_name(data));
	else if (strcmp(cause, "irq") == 0)
		isol_say_irq(text, size, data);
	else if (strcmp(cause, "ipi") == 0)
		isol_say_ipi(text, size, record);
	else if (strcmp(cause, "tick") == 0)
		snprintf(text, size, "timer interrupt");
	else if (strcmp(cause, "nmi") == 0)
		snprintf(text, size, "non-maskable interrupt");
	else if (strcmp(cause, "signal") == 0 && (name = sigabbrev_np((int)data)))
		snprintf(text, size, "signal SIG%s was delivered to it", name);
	else if (strcmp(cause, "signal") == 0)
		snprintf(text, size, "signal %llu was delivered to it", data);
	else if (strcmp(cause, "sched") == 0 && record->intruder_pid)
		snprintf(text, size, "another task ran on its CPU: %s[%d]", record->intruder_name, record->intruder_pid);
	else if (strcmp(cause, "sched") == 0 && data)
		snprintf(text, size, "another task ran on its CPU: pid %llu", data);
	else if (strcmp(cause, "sched") == 0 && record->sender_cpu >= 0)
		snprintf(text, size, "another task ran on its CPU: %s[%d]", record->sender_name, record->sender_pid);
	else if (strcmp(cause, "sched") == 0)
		snprintf(text, size, "another task ran on its CPU");
	else if (strcmp(cause, "hotplug") == 0)
		snprintf(text, size, "CPU %llu was taken offline or online", data);
	else if (strcmp(cause, "external") == 0)
		snprintf(text, size, "something that its CPU does not see interrupted it (0x%llx)", data);
	else if (strcmp(cause, "unknown") == 0)
		snprintf(text, size, "the kernel could not tell why");
	else
		snprintf(text, size, "%s (0x%llx)", cause, data);
}

static int isol_is_any(const char *name, const char *const names[])
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return 1;
	return 0;
}

static const char *isol_syscall_help(unsigned long long number)
{
	static const char *const clocks[] = {"clock_gettime", "gettimeofday", "time", "getcpu", "clock_getres", NULL};
	static const char *const output[] = {"write", "writev", "pwrite64", "sendto", "sendmsg", NULL};
	static const char *const memory[] = {"mmap",   "munmap",  "brk",     "mremap", "mprotect",
					     "madvise", "mlock", "mlockall", NULL};
	static const char *const waits[] = {"futex",      "nanosleep", "clock_nanosleep", "poll",         "ppoll", "select",
					    "epoll_wait", "pselect6",  "sched_yield",     "epoll_pwait", NULL};
	const char *name = isol_syscall_name(number);
	if (isol_is_any(name, clocks))
		return "the vDSO reads the clock without a system call only while the clocksource is tsc: see "
		       "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	if (isol_is_any(name, output))
		return "keep system calls out of the isolated loop: hand output to a thread on a housekeeping CPU";
	if (isol_is_any(name, memory))
		return "allocate before the loop: set GLIBC_TUNABLES=glibc.malloc.trim_threshold=4294967296:"
		       "glibc.malloc.mmap_max=0 so that malloc and free stay in user space";
	if (isol_is_any(name, waits))
		return "do not block or sleep in the isolated loop: poll shared memory instead of locks and descriptors";
	return "keep system calls out of the isolated loop";
}

/* By what the other CPU wanted (kernel function names). */
static const char *isol_ipi_help(const struct isol_record *record)
{
	static const struct {
		const char *name, *help;
	} helps[] = {
		{"flush_tlb", "a thread sharing its memory unmapped or protected some of it, or forked: keep them still; malloc does "
			      "it less with GLIBC_TUNABLES=glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_max=0"},
		{"enqueue_task", "nothing else may run on an isolated CPU: isolctl preflight names what does"},
		{"resched", "nothing else may run on an isolated CPU: isolctl preflight names what does"},
		{"cpu_stop", "leave CPUs online and affinities alone while a program is isolated"},
		{"do_signal_stop", "the program was stopped (SIGSTOP, Ctrl-Z): do not stop what is isolated"},
		{"ptrace", "a debugger or tracer stopped it: attach none to what is isolated"},
		{"send_signal", "send no signals to isolated threads, do not stop or trace them, and use no timers that do"},
		{"perf", "keep perf off isolated CPUs and away from isolated programs"},
		{"remote_function", "keep perf off isolated CPUs and away from isolated programs"},
		{"task_work", "another thread of the process made the kernel do work in this one: attach, trace and migrate nothing"},
		{"kick_process", "send no signals to isolated threads, do not stop or trace them, and use no timers that do"},
		{"signal_wake", "send no signals to isolated threads, do not stop or trace them, and use no timers that do"},
		{"nohz", "a CPU timer or perf event was started for it, which needs the tick: use none while isolated"},
		{"sync_core", "the kernel changed its own code (tracing, probes, BPF, a module): do none of that while isolated"},
		{"ipi_mb", "somebody called membarrier(2): RCU and JIT libraries do; keep them out of the process"},
		{"ipi_sync", "somebody called membarrier(2): RCU and JIT libraries do; keep them out of the process"},
		{"rdmsr", "something reads model-specific registers of every CPU: stop turbostat and its like"},
		{"wrmsr", "something writes model-specific registers of every CPU: change cpufreq settings before"},
	};
	for (size_t i = 0; i < sizeof helps / sizeof *helps; i++)
		if (strstr(record->sender_function, helps[i].name) || strstr(record->sender_site, helps[i].name))
			return helps[i].help;
	return "a thread sharing its memory unmapped or protected some of it, or the kernel changed its own code (tracing, "
	       "module loading): keep both still while isolated";
}

/* The habit or check that prevents such a break. */
static const char *isol_say_help(const struct isol_record *record)
{
	static const struct {
		const char *cause, *help;
	} helps[] = {
		{"page_fault", "map and touch all memory before entering; only what is mapped then gets locked"},
		{"exception", "the program did something that only the kernel can handle: look at it in a debugger"},
		{"irq", "keep device interrupts off isolated CPUs: isolctl preflight, then isolctl apply --only irq-affinity"},
		{"tick", "no timer may be pending on its CPU, and no second task may run there: isolctl preflight"},
		{"nmi", "boot with nowatchdog, and keep perf off isolated CPUs"},
		{"signal", "send no signals to isolated threads, and use no timers that do"},
		{"sched", "nothing else may run on an isolated CPU: isolctl preflight names what does"},
		{"hotplug", "leave CPUs online while a program is isolated"},
		{"external", "a driver or the hypervisor reported it: system management interrupts are a matter of the firmware's "
			     "settings, a guest's interruptions one of its host"},
	};
	if (strcmp(record->cause, "syscall") == 0)
		return isol_syscall_help(record->data);
	if (strcmp(record->cause, "ipi") == 0)
		return isol_ipi_help(record);
	if (strcmp(record->cause, "signal") == 0 && record->data == 9)
		return "the program ended, or somebody killed it";
	for (size_t i = 0; i < sizeof helps / sizeof *helps; i++)
		if (strcmp(record->cause, helps[i].cause) == 0)
			return helps[i].help;
	return "see the kernel's log: dmesg | grep task_isolation";
}

#endif
