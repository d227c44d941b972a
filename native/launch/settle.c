/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "settle.h"
#include "clock.h"
#include "names.h"
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PLANTS_MAX = 8, WATCH_LONGEST = 20 /* settle times */ };

/* A thread that was isolated for that long has left its stub, a few instructions long, for good. */
#define STUB_LEFT_NS 1000000ULL

static bool take_sample(pid_t pid, pid_t tid, struct sample *sample)
{
	char text[4096];
	unsigned long minor, major;
	if (!read_task(pid, tid, "stat", text, sizeof text))
		return false;
	const char *state = stat_field(text, 3);
	if (!state || sscanf(state, "%c %*d %*d %*d %*d %*d %*u %lu %*u %lu %*u %lu %lu", &sample->state,
			     &minor, &major, &sample->user_ticks, &sample->system_ticks) != 5)
		return false;
	sample->faults = minor + major;
	if (!read_task(pid, tid, "status", text, sizeof text))
		return false;
	sample->voluntary = (unsigned long)number_of(text, "voluntary_ctxt_switches");
	return true;
}

struct candidate *find_candidate(struct settle *settle, pid_t tid)
{
	for (size_t i = 0; i < settle->count; i++)
		if (settle->threads[i].tid == tid)
			return &settle->threads[i];
	return NULL;
}

static void disturb(struct candidate *thread, uint64_t now, const char *why)
{
	thread->rest_ns = now;
	thread->user_ticks = thread->sample.user_ticks;
	snprintf(thread->why, sizeof thread->why, "%s", why);
}

/* Take a sample of every thread. */
static void settle_look(struct settle *settle)
{
	char path[32];
	uint64_t now = now_ns();
	snprintf(path, sizeof path, "/proc/%d/task", settle->pid);
	DIR *tasks = opendir(path);
	for (size_t i = 0; i < settle->count; i++)
		settle->threads[i].seen = false;
	for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
		pid_t tid = atoi(entry->d_name);
		struct sample sample;
		if (tid <= 0 || !take_sample(settle->pid, tid, &sample))
			continue;
		struct candidate *thread = find_candidate(settle, tid);
		if (!thread) {
			if (settle->count == THREADS_MAX)
				continue;
			thread = &settle->threads[settle->count++];
			*thread = (struct candidate){.tid = tid, .cpu = -1, .slot = -1, .sample = sample};
			disturb(thread, now, "has just started");
			settle->restless_ns = now;
		}
		const struct sample before = thread->sample;
		thread->seen = true;
		thread->sample = sample;
		unsigned long user = sample.user_ticks - thread->user_ticks;
		if (sample.faults != before.faults) {
			disturb(thread, now, "has page faults");
			/* For an isolated thread the record has the break. */
			if (thread->stage == WATCHED || thread->stage == DONE)
				settle->restless_ns = now;
		} else if (sample.voluntary != before.voluntary || sample.state != 'R') {
			disturb(thread, now, "sleeps");
		} else if (sample.system_ticks - before.system_ticks > 1 + user / 8) {
			disturb(thread, now, "spends time in the kernel");
		}
	}
	if (tasks)
		closedir(tasks);
	size_t kept = 0;
	for (size_t i = 0; i < settle->count; i++)
		if (settle->threads[i].seen)
			settle->threads[kept++] = settle->threads[i];
	if (kept != settle->count)
		settle->restless_ns = now;
	settle->count = kept;
}

/*
 * The thread that has that CPU: isolated there, or bound to it alone, also while it sleeps. NULL:
 * none but `thread`.
 */
static const struct candidate *holder(const struct settle *settle, int cpu, const struct candidate *thread)
{
	for (size_t i = 0; i < settle->count; i++) {
		const struct candidate *other = &settle->threads[i];
		cpu_set_t theirs;
		if (other != thread &&
		    (other->cpu == cpu ||
		     (other->cpu < 0 && sched_getaffinity(other->tid, sizeof theirs, &theirs) == 0 &&
		      CPU_COUNT(&theirs) == 1 && CPU_ISSET(cpu, &theirs))))
			return other;
	}
	return NULL;
}

/*
 * The CPU that a thread is to be isolated on, or -1 with the reason in its `why`. CPUs are given
 * out in the order in which threads settle, lowest number first.
 */
static int place(const struct settle *settle, struct candidate *thread)
{
	const struct settle_options *options = &settle->options;
	cpu_set_t allowed;
	if (thread->cpu >= 0)
		return thread->cpu; /* it was isolated there before */
	if (sched_getaffinity(thread->tid, sizeof allowed, &allowed) < 0)
		return -1;
	bool bound = CPU_COUNT(&allowed) == 1;
	if (CPU_EQUAL(&allowed, &options->housekeeping))
		bound = false; /* it was started there, and may be on one CPU for that reason */
	else if (!bound) {
		snprintf(thread->why, sizeof thread->why, "chose several CPUs for itself");
		return -1;
	}
	const struct candidate *other = NULL;
	bool ours = false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &options->cpus) || (bound && !CPU_ISSET(cpu, &allowed)))
			continue;
		ours = true;
		if (!(other = holder(settle, cpu, thread)))
			return cpu;
		if (bound)
			snprintf(thread->why, sizeof thread->why,
				 "is bound to CPU %d, where thread %d is already", cpu, other->tid);
	}
	if (!ours)
		snprintf(thread->why, sizeof thread->why,
			 "bound itself to a CPU that is not one of the launch's");
	else if (!bound)
		snprintf(thread->why, sizeof thread->why, "polls, and no launch CPU is left for it");
	return -1;
}

static bool move_in(const struct settle *settle, struct candidate *thread)
{
	const struct sched_param priority = {.sched_priority = settle->options.priority};
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(thread->cpu, &one);
	return sched_getaffinity(thread->tid, sizeof thread->home, &thread->home) == 0 &&
	       sched_setaffinity(thread->tid, sizeof one, &one) == 0 &&
	       (!priority.sched_priority || sched_setscheduler(thread->tid, SCHED_FIFO, &priority) == 0);
}

static void move_out(const struct settle *settle, struct candidate *thread)
{
	if (settle->options.priority)
		sched_setscheduler(thread->tid, SCHED_OTHER, &(struct sched_param){0});
	if (CPU_COUNT(&thread->home))
		sched_setaffinity(thread->tid, sizeof thread->home, &thread->home);
	thread->cpu = -1;
}

__attribute__((format(printf, 2, 3))) static void give_up(struct candidate *thread, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(thread->why, sizeof thread->why, format, arguments);
	va_end(arguments);
	unsigned doublings = thread->failures < 6 ? thread->failures : 6;
	thread->failures++;
	thread->retry_ns = now_ns() + (100000000ULL << doublings);
	thread->rest_ns = thread->retry_ns;
}

/* Detach from a thread that has stopped with that wait status, or has ended. */
static void release(struct candidate *thread, int status)
{
	const int signal = status >= 0 && WIFSTOPPED(status) ? held_signal(status) : 0;
	trace(PTRACE_DETACH, thread->held.tid, 0, (void *)(long)signal);
	thread->held.tid = 0;
}

/*
 * Stop tracing a thread, wherever it is. A thread that is deep in the kernel stops later and stays
 * traced until then: call let_go_late() until it has stopped, because nothing else lets it run on.
 */
static void let_go(struct candidate *thread)
{
	const pid_t tid = thread->held.tid;
	if (trace(PTRACE_DETACH, tid, 0, NULL) == 0 || trace(PTRACE_INTERRUPT, tid, 0, NULL) < 0) {
		thread->held.tid = 0;
		return;
	}
	int status = wait_stop(tid, 1000);
	if (status >= 0 || errno != ETIMEDOUT)
		release(thread, status);
}

static void let_go_late(struct candidate *thread)
{
	int status;
	pid_t got = waitpid(thread->held.tid, &status, __WALL | WNOHANG);
	if (got)
		release(thread, got < 0 ? -1 : status);
}

/*
 * Why the program cannot settle, or "": some runtimes interrupt their own threads, by signals or by
 * unmapping.
 */
static const char *find_runtime(pid_t pid)
{
	static const char go[] = "\xff Go buildinf:";
	char path[32], line[512];
	const char *found = "";
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	while (maps && fgets(line, sizeof line, maps))
		if (strstr(line, "/libjvm.so"))
			found = "runs in a Java VM, which interrupts its own threads";
	if (maps)
		fclose(maps);

	struct stat file;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return found;
	if (fstat(fd, &file) == 0 && file.st_size > 0) {
		void *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED && memmem(bytes, (size_t)file.st_size, go, sizeof go - 1))
			found = "is a Go program, whose runtime interrupts its own threads";
		if (bytes != MAP_FAILED)
			munmap(bytes, (size_t)file.st_size);
	}
	close(fd);
	return found;
}

/*
 * Whether a part of its memory waits for a program at a page fault (userfaultfd(2)): to lock it could
 * wait for the very thread that would lock it. "um", "uw", "ui": fs/proc/task_mmu.c,
 * show_smap_vma_flags().
 */
static bool has_userfaults(pid_t pid)
{
	char path[32], line[512];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/smaps", pid);
	FILE *maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof line, maps))
		found = strncmp(line, "VmFlags:", 8) == 0 &&
			(strstr(line, " um") || strstr(line, " uw") || strstr(line, " ui"));
	if (maps)
		fclose(maps);
	return found;
}

/* Why a thread must not be traced at all, or NULL. */
static const char *untouchable(struct settle *settle, const struct candidate *thread)
{
	char text[4096];
	if (!settle->runtime)
		settle->runtime = find_runtime(settle->pid);
	if (*settle->runtime)
		return settle->runtime;
	if (!read_task(settle->pid, thread->tid, "status", text, sizeof text))
		return "is gone";
	if (number_of(text, "TracerPid"))
		return "is being debugged";
	if (has_userfaults(settle->pid))
		return "has memory that it pages in itself (userfaultfd), which cannot be locked";
	if (number_of(text, "Seccomp"))
		return "has a seccomp filter, which may forbid what has to be injected";
	return NULL;
}

/* Stop the thread at an instruction of its own. False: it is released, and its `why` says why. */
static bool stop(struct settle *settle, struct candidate *thread)
{
	const char *reason = untouchable(settle, thread);
	if (reason) {
		give_up(thread, "%s", reason);
		return false;
	}
	thread->held = (struct held){.tid = thread->tid};
	if (trace(PTRACE_SEIZE, thread->tid, 0, (void *)PTRACE_O_TRACESYSGOOD) < 0) {
		give_up(thread, "cannot be stopped with ptrace: %s", strerror(errno));
		return false;
	}
	if (interrupt(&thread->held, PTRACE_CONT) < 0) {
		give_up(thread, errno == EINTR ? "is stopped" : "was in the kernel");
		let_go(thread);
		return false;
	}
	if (!can_return(&thread->held)) {
		give_up(thread, "is not a 64-bit program");
	} else if (in_rseq(&thread->held, settle->memory)) {
		give_up(thread, "was in a restartable sequence");
	} else if (!settle->gate && !(settle->gate = find_gate(settle->pid, settle->memory))) {
		give_up(thread, "has no syscall instruction");
	} else {
		return true;
	}
	let_go(thread);
	return false;
}

/*
 * Let one thread make the calls that the program needs once: lock its memory, and map stubs for
 * `count` threads. They can take long, a locked page may have to come from a disk, so no other
 * thread is held meanwhile; this one goes on when they have returned. False when the program cannot
 * be prepared: `why` of the thread says it.
 */
static bool prepare(struct settle *settle, struct candidate *thread, size_t count)
{
	if (!stop(settle, thread))
		return false;
	const long locked = call(&thread->held, settle->gate, SYS_mlockall, (const long[6]){MCL_CURRENT});
	bool ready = false;
	if (locked < 0)
		give_up(thread, "cannot lock its memory (ulimit -l): %s", strerror((int)-locked));
	else if (!reserve_slots(&settle->stubs, &thread->held, settle->memory, settle->gate, count))
		give_up(thread, "could not be sent into isolation: %s", strerror(errno));
	else
		ready = true;
	let_go(thread);
	return ready;
}

/* Stop the thread, put it on its CPU, and let it run on under PTRACE_SYSCALL. */
static bool seize(struct settle *settle, struct candidate *thread)
{
	if (!stop(settle, thread))
		return false;
	if (!move_in(settle, thread)) {
		give_up(thread, "cannot be put on CPU %d: %s", thread->cpu, strerror(errno));
	} else if (trace(PTRACE_SYSCALL, thread->tid, 0, NULL) == 0) {
		take_sample(settle->pid, thread->tid, &thread->sample);
		return true;
	}
	let_go(thread);
	return false;
}

/*
 * Whether a seized thread did nothing that would have broken its isolation. If it did, it is
 * released, and its `why` says it.
 */
static bool stays_settled(struct candidate *thread)
{
	int status;
	pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);
	if (got == 0)
		return true;
	if (got < 0 || !WIFSTOPPED(status)) {
		thread->held.tid = 0;
		give_up(thread, "ended");
		return false;
	}
	uint64_t number;
	if (is_syscall_stop(status) && stopped_at_call(thread->tid, &number)) {
		const char *name = syscall_name(number);
		give_up(thread, "makes system calls: %s (%" PRIu64 ")", name ? name : "unknown", number);
		let_go(thread);
	} else {
		const char *name = signal_name((uint64_t)WSTOPSIG(status));
		give_up(thread, is_group_stop(status) ? "is stopped (SIG%s)" : "gets signals: SIG%s",
			name ? name : "RT");
		release(thread, status);
	}
	return false;
}

/*
 * Whether a seized thread had its CPU for half of the settle time: a thread that did not run proved
 * nothing.
 */
static bool has_run(const struct settle *settle, const struct candidate *thread)
{
	struct sample now;
	return take_sample(settle->pid, thread->tid, &now) &&
	       (now.user_ticks - thread->sample.user_ticks) * 2000 >=
		       settle->options.ms * (unsigned long)sysconf(_SC_CLK_TCK);
}

/* The last step: send it into the stub. */
static void enter_by_stub(struct settle *settle, struct candidate *thread)
{
	struct sample now;
	if (!take_sample(settle->pid, thread->tid, &now) || now.faults != thread->sample.faults) {
		give_up(thread, "has page faults");
		let_go(thread);
		return;
	}
	if (!has_run(settle, thread)) {
		give_up(thread, "gets too little of CPU %d", thread->cpu);
		let_go(thread);
		return;
	}
	if (interrupt(&thread->held, PTRACE_SYSCALL) < 0 || in_rseq(&thread->held, settle->memory)) {
		give_up(thread, "was in the kernel");
		let_go(thread);
		return;
	}
	uint64_t slot;
	if ((thread->slot = take_slot(&settle->stubs, &thread->held, settle->memory, settle->gate, &slot)) <
		    0 ||
	    plant(&thread->held, settle->memory, slot, settle->options.flags) < 0) {
		give_up(thread, "could not be sent into isolation: %s", strerror(errno));
		let_go(thread);
		return;
	}
	thread->held.tid = 0;
	thread->stage = PLANTED;
	thread->plants++;
	thread->planted_ns = now_ns();
}

/*
 * False when a new program was executed in the same process: what is known of the old one does not
 * hold.
 */
static bool same_program(const struct settle *settle)
{
	unsigned char first;
	return !settle->stubs.page[0] || pread(settle->memory, &first, 1, (off_t)settle->stubs.page[0]) == 1;
}

static void enter_all(struct settle *settle, struct candidate *threads[], size_t count)
{
	const struct timespec pause = {0, 2000000};
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/mem", settle->pid);
	settle->memory = open(path, O_RDWR | O_CLOEXEC);
	if (settle->memory < 0) {
		for (size_t i = 0; i < count; i++)
			give_up(threads[i], "its memory cannot be opened: %s", strerror(errno));
		return;
	}
	if (!same_program(settle)) {
		settle->gate = 0;
		settle->stubs = (struct stubs){0};
		for (size_t i = 0; i < settle->count; i++)
			settle->threads[i].slot = -1;
		settle->runtime = NULL;
	}
	bool watched[THREADS_MAX] = {false};
	/* The others try again at the next step, when another thread is the first. */
	const bool prepared = prepare(settle, threads[0], count);
	for (size_t i = 0; i < count; i++)
		watched[i] = prepared && !threads[i]->held.tid && seize(settle, threads[i]);
	const uint64_t start = now_ns(), time = settle->options.ms * 1000000ULL;
	for (bool proved = !prepared; !proved && now_ns() - start < WATCH_LONGEST * time;) {
		nanosleep(&pause, NULL);
		proved = now_ns() - start >= time;
		for (size_t i = 0; i < count; i++) {
			watched[i] = watched[i] && stays_settled(threads[i]);
			proved = proved && (!watched[i] || has_run(settle, threads[i]));
		}
	}
	for (size_t i = 0; i < count; i++)
		if (watched[i])
			enter_by_stub(settle, threads[i]);
	close(settle->memory);
	settle->memory = -1;
	/*
	 * Take new samples, because our stops count as context switches. What was not sent goes
	 * back.
	 */
	for (size_t i = 0; i < count; i++) {
		take_sample(settle->pid, threads[i]->tid, &threads[i]->sample);
		if (threads[i]->stage != PLANTED)
			move_out(settle, threads[i]);
	}
}

static void note_stub_left(struct settle *settle, struct candidate *thread, const struct record *record)
{
	const bool isolated = is_isolated(record);
	const uint64_t lasted = isolated ? now_ns() - thread->entered_ns : record->duration_ns;
	if (thread->slot >= 0 && lasted > STUB_LEFT_NS)
		settle->stubs.used[thread->slot] = false;
	if (lasted > STUB_LEFT_NS || !isolated)
		thread->slot = -1;
}

bool settle_record(struct settle *settle, struct candidate *thread, const struct record *record)
{
	const bool isolated = is_isolated(record);
	const uint64_t waited = now_ns() - thread->planted_ns;
	switch (thread->stage) {
	case WATCHED:
		if (record->starts && !thread->plants)
			thread->stage = DONE; /* it isolated itself */
		thread->starts = record->starts;
		break;
	case PLANTED:
		if (isolated || record->starts > thread->starts) {
			thread->stage = ISOLATED;
			thread->failures = 0;
			thread->starts = record->starts;
			thread->entered_ns = now_ns();
			return true;
		}
		if (waited > 2000000000ULL) {
			thread->stage = thread->plants < PLANTS_MAX ? WATCHED : DONE;
			give_up(thread, "was refused by the kernel (%s)", record->eagain);
		}
		thread->starts = record->starts;
		break;
	case ISOLATED:
		if (thread->slot >= 0)
			note_stub_left(settle, thread, record);
		if (isolated)
			break;
		thread->stage = settle->options.rearm ? WATCHED : DONE;
		thread->plants = 1;
		disturb(thread, now_ns(), "lost isolation");
		thread->starts = record->starts;
		break;
	case DONE:
		break;
	}
	return false;
}

/* Whether it wants to run and gets no CPU: what it is about to do is not known. */
static bool is_starved(const struct candidate *thread)
{
	return thread->stage == WATCHED && thread->sample.state == 'R' &&
	       thread->sample.user_ticks == thread->user_ticks;
}

void settle_step(struct settle *settle)
{
	struct candidate *ready[THREADS_MAX];
	size_t count = 0;
	settle_look(settle);
	uint64_t now = now_ns(), time = settle->options.ms * 1000000ULL;
	for (size_t i = 0; i < settle->count; i++) {
		if (settle->threads[i].held.tid)
			let_go_late(&settle->threads[i]);
		if (is_starved(&settle->threads[i]))
			settle->restless_ns = now;
	}
	for (size_t i = 0; i < settle->count; i++) {
		struct candidate *thread = &settle->threads[i];
		if (thread->stage != WATCHED || thread->held.tid || now < thread->retry_ns ||
		    now < thread->rest_ns || now - thread->rest_ns < time ||
		    thread->sample.user_ticks == thread->user_ticks)
			continue;
		int cpu = place(settle, thread);
		thread->crowded = cpu < 0;
		if (cpu < 0)
			continue;
		if (now - settle->restless_ns < time)
			continue; /* wait for the control threads */
		thread->cpu = cpu;
		if (settle->options.records)
			ready[count++] = thread;
		else if (move_in(settle, thread))
			thread->stage = DONE;
	}
	if (count)
		enter_all(settle, ready, count);
}

int settle_pause_ms(const struct settle *settle)
{
	int pause = (int)settle->options.ms / 4, busy = 0;
	for (size_t i = 0; i < settle->count; i++)
		busy += settle->threads[i].stage == PLANTED ||
			(settle->threads[i].stage == WATCHED && settle->threads[i].sample.state == 'R');
	return !busy && settle->count ? 250 : pause < 5 ? 5 : pause > 250 ? 250 : pause;
}
