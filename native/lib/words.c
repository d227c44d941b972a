/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "words.h"
#include "isolctl.h"
#include "names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define VECTOR_MIN ISOLCTL_IRQ_VECTOR
#define VECTOR_MAX (ISOLCTL_IRQ_VECTOR + 255)
#define PAGE_MAX 4095

#define SENDER "{sender.name}[{sender.pid}]"
#define INTRUDER "{intruder.name}[{intruder.pid}]"
/* Both run on every CPU when text was patched or kernel memory was unmapped. */
#define TEXT "do_sync_core"
#define MEMORY "do_flush_tlb_all do_kernel_range_flush"
#define OWN_FIREWALL "nft iptables ip6tables iptables-nft iptables-legacy ebtables firewalld"
#define OWN_TRACING "perf bpftrace bpftool trace-cmd"

/* clang-format off */
const struct activity activities[] = {
	/* The program says what its change was for. */
	{"ipi", TEXT " " MEMORY, "modprobe insmod systemd-modules udevd (udev-worker)", "a module was loaded by " SENDER},
	{"ipi", TEXT " " MEMORY, "rmmod", "a module was unloaded by " SENDER},
	{"ipi", TEXT " " MEMORY, OWN_FIREWALL, "a firewall rule was changed by " SENDER},
	{"ipi", TEXT " " MEMORY, "tc", "traffic control was changed by " SENDER},
	{"ipi", TEXT " " MEMORY, "tcpdump", "a packet capture was started or stopped by " SENDER},
	{"ipi", TEXT " " MEMORY, OWN_TRACING, "tracing was changed by " SENDER},
	/* Another one does it for a reason that the record does not have: a BPF program, a tracepoint, a setting. */
	{"ipi", TEXT, NULL, "kernel text was patched by " SENDER " (a module, tracing, a BPF program, a setting)"},
	{"ipi", MEMORY, NULL, "kernel memory was unmapped by " SENDER " (a module, a BPF program, stacks of threads)"},
	{"ipi", "tlb_remove_table_smp_sync", "khugepaged", "a huge page was made by " SENDER},
	{"ipi", "tlb_remove_table_smp_sync", NULL, "page tables of another process were freed by " SENDER},
	{"ipi", "trc_read_check_handler", NULL, "the kernel waited for sleepable BPF programs: " SENDER},
	{"ipi", "rdmsr", NULL, "a register of its CPU was read by " SENDER},
	{"ipi", "wrmsr", NULL, "a register of its CPU was written by " SENDER},
	{"ipi", "remote_function", NULL, "a perf event on its CPU was changed or read by " SENDER},
	{"ipi", "nohz_full_kick_func", "cpuhp/", "a CPU was taken offline or online: " SENDER},
	{"ipi", "cgroup_freeze_task", NULL, "its control group was frozen by " SENDER},
	{"ipi", "ptrace_", NULL, "it was stopped or traced by " SENDER},
	{"sched", "nohz_full_kick_func", "cpuhp/",
	 "a callback of CPU hotplug ran on its CPU (a module was loaded or unloaded, or a CPU went): " INTRUDER ", by " SENDER},
	{"sched", "nohz_full_kick_func", "kworker/", "work that was queued on every CPU ran on its CPU: " INTRUDER ", by " SENDER},
	{"sched", "wakeup_preempt nohz_full_kick_func", "migration/", "all CPUs were stopped for a moment: " INTRUDER ", by " SENDER},
};

const struct sentence sentences[] = {
	{"syscall", NEEDS_NAME, 0, 0, "system call {name} ({data})"},
	{"syscall", NEEDS_NOTHING, 0, 0, "system call unknown ({data})"},
	{"page_fault", NEEDS_NOTHING, 0, PAGE_MAX, "page fault at address {hex} (a null pointer)"},
	{"page_fault", NEEDS_NOTHING, 0, 0, "page fault at address {hex}"},
	{"exception", NEEDS_NAME, 0, 0, "exception {data} ({name})"},
	{"exception", NEEDS_NOTHING, 0, 255, "exception {data} (unknown)"},
	{"exception", NEEDS_NOTHING, 0, 0, "an exception"},
	{"irq", NEEDS_NOTHING, VECTOR_MIN, VECTOR_MAX, "interrupt, vector {vector}"},
	{"irq", NEEDS_NOTHING, 0, 0, "interrupt {data} (see /proc/interrupts)"},
	{"ipi", NEEDS_FUNCTION, 0, 0, "another CPU interrupted it: CPU {sender.cpu}, {sender.name}[{sender.pid}], "
				      "in {sender.site}, to run {sender.function}"},
	{"ipi", NEEDS_SITE, 0, 0, "another CPU interrupted it: CPU {sender.cpu}, {sender.name}[{sender.pid}], in {sender.site}"},
	{"ipi", NEEDS_SENDER, 0, 0, "another CPU interrupted it: CPU {sender.cpu}, {sender.name}[{sender.pid}]"},
	{"ipi", NEEDS_NOTHING, 0, 0, "another CPU interrupted it (IPI, vector {hex})"},
	{"tick", NEEDS_NOTHING, 0, 0, "timer interrupt"},
	{"nmi", NEEDS_NOTHING, 0, 0, "non-maskable interrupt"},
	{"signal", NEEDS_NAME, 0, 0, "signal SIG{name} was delivered to it"},
	{"signal", NEEDS_NOTHING, 0, 0, "signal {data} was delivered to it"},
	{"sched", NEEDS_INTRUDER, 0, 0, "another task ran on its CPU: {intruder.name}[{intruder.pid}]"},
	{"sched", NEEDS_NOTHING, 1, UINT64_MAX, "another task ran on its CPU: pid {data}"},
	{"sched", NEEDS_SENDER, 0, 0, "another task ran on its CPU, sent or woken by {sender.name}[{sender.pid}]"},
	{"sched", NEEDS_NOTHING, 0, 0, "another task ran on its CPU"},
	{"hotplug", NEEDS_NOTHING, 0, 0, "CPU {data} was taken offline or online"},
	{"prctl", NEEDS_NOTHING, 0, 0, "it left isolation"},
	{"exit", NEEDS_NOTHING, 0, 0, "it ended"},
	{"external", NEEDS_NOTHING, 0, 0, "something that its CPU does not see interrupted it ({hex})"},
	{"unknown", NEEDS_NOTHING, 0, 0, "the kernel could not tell why"},
	{NULL, NEEDS_NOTHING, 0, 0, "{cause} ({hex})"},
};

/* test/launch/allocators.system.test.ts shows that these work; src/launch/hints.ts has those of other allocators. */
#define TUNE_MALLOC                                                                                          \
	"GLIBC_TUNABLES=glibc.malloc.top_pad=67108864:glibc.malloc.trim_threshold=4294967296:glibc.malloc.mmap_max=0 " \
	"(jemalloc, tcmalloc: launch --runtime-hints)"

const struct help helps[] = {
	{"syscall", "clock_gettime gettimeofday time getcpu clock_getres",
	 "the vDSO reads the clock without a system call only while the clocksource is tsc: see "
	 "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
	{"syscall", "write writev pwrite64 sendto sendmsg",
	 "keep system calls out of the isolated loop: hand output to a thread on a housekeeping CPU"},
	{"syscall", "mmap munmap brk mremap mprotect madvise mlock mlockall",
	 "allocate and touch memory before the loop; malloc and free then stay in user space with " TUNE_MALLOC},
	{"syscall", "futex",
	 "a lock was taken, or a thread woken: of the allocator when another thread frees the memory (give it back to the "
	 "thread that allocated it), of a logger, of a condition variable or of RCU; launch --explain-breaks shows the functions"},
	{"syscall", "nanosleep clock_nanosleep poll ppoll select epoll_wait pselect6 sched_yield epoll_pwait",
	 "do not block or sleep in the isolated loop: poll shared memory instead of locks and descriptors"},
	{"syscall", NULL, "keep system calls out of the isolated loop"},
	{"page_fault", NULL, "map and touch all memory before entering; only what is mapped then gets locked"},
	{"exception", NULL, "the program did something that only the kernel can handle: look at it in a debugger"},
	{"irq", NULL, "keep device interrupts off isolated CPUs: isolctl preflight, then isolctl apply --only irq-affinity"},
	/* By what the other CPU wanted. */
	{"ipi", "other:flush_tlb",
	 "the kernel moved or reclaimed pages of its memory for another process (compaction, transparent huge pages, NUMA "
	 "balancing, reclaim): set vm.compaction_proactiveness=0 and kernel.numa_balancing=0, and keep memory free"},
	{"ipi", "flush_tlb",
	 "a thread sharing its memory unmapped or protected some of it, or forked: keep them still; malloc does it less with "
	 TUNE_MALLOC},
	{"ipi", "enqueue_task resched", "nothing else may run on an isolated CPU: isolctl preflight names what does"},
	{"ipi", "cpu_stop", "leave CPUs online and affinities alone while a program is isolated"},
	{"ipi", "do_signal_stop", "the program was stopped (SIGSTOP, Ctrl-Z): do not stop what is isolated"},
	{"ipi", "ptrace", "a debugger or tracer stopped it: attach none to what is isolated"},
	{"ipi", "send_signal", "send no signals to isolated threads, do not stop or trace them, and use no timers that do"},
	{"ipi", "perf remote_function", "keep perf off isolated CPUs and away from isolated programs"},
	{"ipi", "task_work",
	 "another thread of the process made the kernel do work in this one: attach, trace and migrate nothing"},
	{"ipi", "kick_process signal_wake",
	 "send no signals to isolated threads, do not stop or trace them, and use no timers that do"},
	{"ipi", "nohz", "a CPU timer or perf event was started for it, which needs the tick: use none while isolated"},
	{"ipi", "sync_core", "the kernel changed its own code (tracing, probes, BPF, a module): do none of that while isolated"},
	{"ipi", "ipi_mb ipi_sync", "another thread called membarrier(2): RCU and JIT libraries do; keep them out of the process"},
	{"ipi", "rdmsr", "something reads model-specific registers of every CPU: stop turbostat and its like"},
	{"ipi", "wrmsr", "something writes model-specific registers of every CPU: change cpufreq settings before"},
	{"ipi", NULL,
	 "a thread sharing its memory unmapped or protected some of it, or the kernel changed its own code (tracing, module "
	 "loading): keep both still while isolated"},
	{"tick", NULL, "no timer may be pending on its CPU, and no second task may run there: isolctl preflight"},
	{"nmi", NULL, "boot with nowatchdog, and keep perf off isolated CPUs"},
	{"signal", "KILL", "the program ended, or was killed"},
	{"signal", NULL, "send no signals to isolated threads, and use no timers that do"},
	{"sched", NULL, "nothing else may run on an isolated CPU: isolctl preflight names what does"},
	{"hotplug", NULL, "leave CPUs online while a program is isolated"},
	{"external", NULL,
	 "a driver or the hypervisor reported it: look at the firmware settings for system management interrupts, and at the "
	 "host for interruptions of a guest"},
	{"prctl", NULL, "the program asked for it; the kernel's log has the breaks before: dmesg | grep task_isolation"},
	{"exit", NULL, "the program asked for it; the kernel's log has the breaks before: dmesg | grep task_isolation"},
	{NULL, NULL, "see the kernel's log: dmesg | grep task_isolation"},
};
/* clang-format on */

const size_t activity_count = sizeof activities / sizeof *activities;
const size_t sentence_count = sizeof sentences / sizeof *sentences;
const size_t help_count = sizeof helps / sizeof *helps;

/* The name of the number in the record's data, or NULL. */
static const char *name_of(const struct record *record)
{
	if (strcmp(record->cause, "syscall") == 0)
		return syscall_name(record->data);
	if (strcmp(record->cause, "exception") == 0)
		return exception_name(record->data);
	if (strcmp(record->cause, "signal") == 0)
		return signal_name(record->data);
	return NULL;
}

static bool has(const struct record *record, enum needs needs)
{
	switch (needs) {
	case NEEDS_NAME:
		return name_of(record) != NULL;
	case NEEDS_SENDER:
		return record->sender_cpu >= 0;
	case NEEDS_SITE:
		return record->sender_cpu >= 0 && *record->sender_site;
	case NEEDS_FUNCTION:
		return record->sender_cpu >= 0 && *record->sender_function;
	case NEEDS_INTRUDER:
		return record->intruder_pid != 0;
	case NEEDS_NOTHING:
		break;
	}
	return true;
}

static bool is_cause(const struct record *record, const char *cause)
{
	return !cause || strcmp(record->cause, cause) == 0;
}

/* The kernel shows the names of other users' tasks to CAP_PERFMON only. */
static const char *shown_name(const char *name)
{
	return *name ? name : "another user's task";
}

/* The value of a {field} of a sentence, in `buffer` where it is a number. */
static const char *value_of(const struct record *record, const char *field, size_t length, char buffer[32])
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{"cause", record->cause},
		{"name", name_of(record)},
		{"sender.name", shown_name(record->sender_name)},
		{"sender.site", record->sender_site},
		{"sender.function", record->sender_function},
		{"intruder.name", shown_name(record->intruder_name)},
	};
	const struct {
		const char *name, *format;
		uint64_t number;
	} numbers[] = {
		{"data", "%" PRIu64, record->data},
		{"hex", "0x%" PRIx64, record->data},
		{"vector", "0x%" PRIx64, record->data - ISOLCTL_IRQ_VECTOR},
		{"sender.cpu", "%" PRIu64, (uint64_t)record->sender_cpu},
		{"sender.pid", "%" PRIu64, (uint64_t)record->sender_pid},
		{"intruder.pid", "%" PRIu64, (uint64_t)record->intruder_pid},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strlen(texts[i].name) == length && memcmp(texts[i].name, field, length) == 0)
			return texts[i].text;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strlen(numbers[i].name) == length && memcmp(numbers[i].name, field, length) == 0) {
			snprintf(buffer, 32, numbers[i].format, numbers[i].number);
			return buffer;
		}
	return "?";
}

static void append(char *text, size_t size, size_t *length, const char *more, size_t count)
{
	if (count > size - 1 - *length)
		count = size - 1 - *length;
	memcpy(text + *length, more, count);
	*length += count;
	text[*length] = 0;
}

static bool is_part(const char *word, size_t length, const char *text)
{
	return memmem(text, strlen(text), word, length);
}

static bool is_name(const char *word, size_t length, const char *name)
{
	return word[length - 1] == '/' ? strncmp(name, word, length) == 0
				       : strlen(name) == length && memcmp(name, word, length) == 0;
}

/* Whether one of the words, which are separated by spaces, fits the text. */
static bool any_word(const char *words, const char *text, bool (*is)(const char *, size_t, const char *))
{
	while (*words) {
		const size_t length = strcspn(words, " ");
		if (is(words, length, text))
			return true;
		words += length;
		words += strspn(words, " ");
	}
	return false;
}

/* The text for what somebody did, or NULL. */
static const char *activity_of(const struct record *record)
{
	const bool sched = strcmp(record->cause, "sched") == 0;
	const char *name = sched ? record->intruder_name : record->sender_name;
	if (record->sender_cpu < 0 || (sched && record->intruder_pid == 0))
		return NULL;
	for (size_t i = 0; i < activity_count; i++)
		if (is_cause(record, activities[i].cause) &&
		    (any_word(activities[i].where, record->sender_function, is_part) ||
		     any_word(activities[i].where, record->sender_site, is_part)) &&
		    (!activities[i].names || any_word(activities[i].names, name, is_name)))
			return activities[i].text;
	return NULL;
}

static const char *sentence_of(const struct record *record)
{
	const struct sentence *sentence = sentences;
	while (!is_cause(record, sentence->cause) || !has(record, sentence->needs) ||
	       (sentence->high && (record->data < sentence->low || record->data > sentence->high)))
		sentence++; /* the last one fits every record */
	return sentence->text;
}

void say_cause(char *text, size_t size, const struct record *record)
{
	const char *activity = activity_of(record);
	size_t length = 0;
	*text = 0;
	for (const char *rest = activity ? activity : sentence_of(record); *rest;) {
		const size_t plain = strcspn(rest, "{");
		append(text, size, &length, rest, plain);
		rest += plain;
		if (!*rest)
			break;
		char buffer[32];
		const size_t field = strcspn(rest, "}");
		const char *value = value_of(record, rest + 1, field - 1, buffer);
		append(text, size, &length, value, strlen(value));
		rest += field + 1;
	}
}

static bool fits(const struct record *record, const char *word)
{
	static const char other[] = "other:";
	const char *name = name_of(record);
	if (strncmp(word, other, strlen(other)) == 0)
		return record->sender_foreign && fits(record, word + strlen(other));
	if (strcmp(record->cause, "ipi") == 0)
		return strstr(record->sender_function, word) || strstr(record->sender_site, word);
	return name && strcmp(name, word) == 0;
}

static bool any_fits(const struct record *record, const char *words)
{
	while (*words) {
		char word[32];
		const size_t length = strcspn(words, " ");
		snprintf(word, sizeof word, "%.*s", (int)length, words);
		if (fits(record, word))
			return true;
		words += length;
		words += strspn(words, " ");
	}
	return false;
}

const char *help_for(const struct record *record)
{
	const struct help *help = helps;
	while (!is_cause(record, help->cause) || (help->words && !any_fits(record, help->words)))
		help++; /* the last one fits every record */
	return help->text;
}
