/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "settle.h"
#include "clock.h"
#include "names.h"
#include "proc.h"
#include "runtime.h"

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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PLANTS_MAX = 8, WATCH_LONGEST = 20 /* settle times */, LOCK_PATIENCE_MS = 60000 };

/* A flag in /proc/PID/stat: a thread that io_uring made (include/linux/sched.h: PF_IO_WORKER). */
#define IO_WORKER 0x10UL

/* A thread that was isolated for that long has left its stub, a few instructions long, for good. */
#define STUB_LEFT_NS 1000000ULL

static bool take_sample(pid_t pid, pid_t tid, struct sample *sample)
{
	char text[4096];
	unsigned long flags, minor, major;
	if (!read_task(pid, tid, "stat", text, sizeof text))
		return false;
	const char *state = stat_field(text, 3);
	if (!state || sscanf(state, "%c %*d %*d %*d %*d %*d %lu %lu %*u %lu %*u %lu %lu", &sample->state,
			     &flags, &minor, &major, &sample->user_ticks, &sample->system_ticks) != 6)
		return false;
	const char *image =
		stat_field(text, 28); /* start of the stack: the kernel gives each program another */
	sample->image = image ? strtoul(image, NULL, 10) : 0;
	sample->kernels = flags & IO_WORKER;
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

/* Note that a thread disturbs the others. */
static void disturb_all(struct settle *settle, uint64_t now, pid_t tid, const char *how)
{
	settle->restless_ns = now;
	settle->restless = tid;
	settle->how = how;
}

static void disturb(struct candidate *thread, uint64_t now, const char *why)
{
	thread->rest_ns = now;
	thread->settled_ns = 0;
	thread->user_ticks = thread->sample.user_ticks;
	snprintf(thread->why, sizeof thread->why, "%s", why);
}

/* Give a thread the CPUs back that it had before it was moved. */
static void move_out(const struct settle *settle, struct candidate *thread)
{
	if (settle->options.priority)
		sched_setscheduler(thread->tid, SCHED_OTHER, &(struct sched_param){0});
	if (CPU_COUNT(&thread->home))
		sched_setaffinity(thread->tid, sizeof thread->home, &thread->home);
	thread->cpu = -1;
}

/* Forget what is known of the program's memory. */
static void close_memory(struct settle *settle)
{
	if (settle->memory >= 0)
		close(settle->memory);
	settle->memory = -1;
	settle->stubs = (struct stubs){0};
	for (size_t i = 0; i < settle->count; i++)
		settle->threads[i].slot = -1;
	settle->runtime = NULL;
}

/*
 * The process has executed another program, or itself: nothing that is known of the old one holds. Its
 * new threads must not begin on the CPU that the old one had.
 */
static void start_over(struct settle *settle, uint64_t now)
{
	for (size_t i = 0; i < settle->count; i++) {
		struct candidate *thread = &settle->threads[i];
		if (thread->held.phase != FREE)
			continue; /* its stop says what happened */
		/* The others have ended: their numbers may be strangers'. */
		if (thread->cpu >= 0 && thread->tid == settle->pid)
			move_out(settle, thread);
		*thread = (struct candidate){.tid = thread->tid,
					     .cpu = -1,
					     .slot = -1,
					     .sample = thread->sample,
					     .starts = thread->starts,
					     .plants = thread->plants > 0};
		disturb(thread, now, "has just executed a program");
	}
	if (!settle_holds(settle))
		close_memory(settle);
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
			if (!sample.kernels)
				disturb_all(settle, now, tid, "has just started");
		}
		if (sample.image && sample.image != settle->image) {
			if (settle->image)
				start_over(settle, now);
			settle->image = sample.image;
		}
		const struct sample before = thread->sample;
		thread->seen = true;
		thread->sample = sample;
		unsigned long user = sample.user_ticks - thread->user_ticks;
		if (sample.kernels) {
			disturb(thread, now, "is io_uring's, in the kernel");
			continue;
		}
		if (sample.faults != before.faults) {
			disturb(thread, now, "has page faults");
			/* For an isolated thread the record has the break. */
			if (thread->stage == WATCHED || thread->stage == DONE)
				disturb_all(settle, now, tid, "touches new memory");
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
		else if (!settle->threads[i].sample.kernels)
			disturb_all(settle, now, settle->threads[i].tid, "has ended");
	settle->count = kept;
}

/*
 * The thread that has that CPU: isolated there, or bound to it alone, also while it sleeps. NULL:
 * none but `thread`.
 */
static const struct candidate *holder(const struct settle *settle, int cpu, const struct candidate *thread)
{
	const struct settle *at = settle;
	do {
		for (size_t i = 0; i < at->count; i++) {
			const struct candidate *other = &at->threads[i];
			cpu_set_t theirs;
			if (other != thread &&
			    (other->cpu == cpu ||
			     (other->cpu < 0 && sched_getaffinity(other->tid, sizeof theirs, &theirs) == 0 &&
			      CPU_COUNT(&theirs) == 1 && CPU_ISSET(cpu, &theirs))))
				return other;
		}
		at = at->next;
	} while (at && at != settle);
	return NULL;
}

/*
 * The launch CPUs that a thread with these CPUs wants one of. All of them, when it runs on the
 * housekeeping CPUs: it was started there, and chose nothing, also if that is one CPU. None: it bound
 * itself to other CPUs. Pure.
 */
static cpu_set_t wanted_cpus(const struct settle_options *options, const struct candidate *thread,
			     const cpu_set_t *allowed)
{
	cpu_set_t wanted;
	CPU_AND(&wanted, allowed, &options->cpus);
	if (!CPU_EQUAL(allowed, &options->housekeeping))
		return wanted;
	return CPU_COUNT(&thread->chosen) ? thread->chosen : options->cpus;
}

/*
 * The CPU that a thread is to be isolated on, or -1 with the reason in its `why`. CPUs are given
 * out in the order in which threads settle, lowest number first. It is `crowded` when it could have had
 * one; that a control thread has other CPUs is as it should be.
 */
static int place(const struct settle *settle, struct candidate *thread)
{
	cpu_set_t allowed;
	thread->crowded = false;
	if (thread->cpu >= 0)
		return thread->cpu; /* it was isolated there before */
	if (sched_getaffinity(thread->tid, sizeof allowed, &allowed) < 0)
		return -1;
	const cpu_set_t wanted = wanted_cpus(&settle->options, thread, &allowed);
	const struct candidate *other = NULL;
	int last = -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &wanted))
			continue;
		last = cpu;
		if (!(other = holder(settle, cpu, thread)))
			return cpu;
	}
	thread->crowded = last >= 0;
	if (last < 0)
		snprintf(thread->why, sizeof thread->why,
			 "bound itself to a CPU that is not one of the launch's");
	else if (CPU_COUNT(&allowed) == 1 && CPU_ISSET(last, &allowed))
		snprintf(thread->why, sizeof thread->why, "is bound to CPU %d, where thread %d is already",
			 last, other->tid);
	else
		snprintf(thread->why, sizeof thread->why, "polls, and no launch CPU is left for it");
	return -1;
}

/*
 * Keep the threads that are not isolated off the launch CPUs. One that may run on several CPUs, launch
 * CPUs among them, gets the housekeeping CPUs: the scheduler would leave it where it is for as long as
 * nothing moves it, but taskset -c 2-3 has put all threads of a program on one launch CPU, and NUMA
 * balancing asks only which CPUs are allowed. A thread that bound itself to one CPU meant it.
 */
static void keep_off(struct settle *settle)
{
	const struct settle_options *options = &settle->options;
	for (size_t i = 0; i < settle->count; i++) {
		struct candidate *thread = &settle->threads[i];
		cpu_set_t allowed, launch;
		if (thread->cpu >= 0 || thread->sample.kernels || thread->held.phase != FREE ||
		    sched_getaffinity(thread->tid, sizeof allowed, &allowed) < 0)
			continue;
		CPU_AND(&launch, &allowed, &options->cpus);
		if (CPU_COUNT(&allowed) < 2 || !CPU_COUNT(&launch))
			continue;
		if (!CPU_EQUAL(&allowed, &options->start))
			thread->chosen = launch;
		sched_setaffinity(thread->tid, sizeof options->housekeeping, &options->housekeeping);
	}
}

/* The same in all processes that share the CPUs. */
static void keep_all_off(struct settle *settle)
{
	struct settle *at = settle;
	do
		keep_off(at);
	while ((at = at->next) && at != settle);
}

static bool any_works(const struct settle *settle)
{
	const struct settle *at = settle;
	do
		if (settle_works(at))
			return true;
	while ((at = at->next) && at != settle);
	return false;
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
	if (settle->options.lock == LOCK_ALL && has_userfaults(settle->pid))
		return "has memory that it pages in itself (userfaultfd), which cannot be locked";
	if (number_of(text, "Seccomp"))
		return "has a seccomp filter, which may forbid what has to be injected";
	if (!settle->stubs.area[0].count && !find_room(&settle->stubs, settle->pid, settle->memory))
		return "has no room for a stub: no vDSO, and no executable file with a free end";
	return NULL;
}

/* Stop the thread at an instruction of its own. False: it is let go, and its `why` says why. */
static bool stop(struct settle *settle, struct candidate *thread)
{
	struct held *held = &thread->held;
	const char *reason = untouchable(settle, thread);
	if (reason) {
		give_up(thread, "%s", reason);
		return false;
	}
	if (seize_thread(held, thread->tid) < 0) {
		give_up(thread, "cannot be stopped with ptrace: %s", strerror(errno));
		return false;
	}
	if (interrupt(held, PTRACE_CONT) < 0)
		give_up(thread, errno == EINTR ? "is stopped" : "was in the kernel");
	else if (!can_return(held))
		give_up(thread, "is not a 64-bit program");
	else if (takes_calls(held))
		give_up(thread, "takes system calls itself (syscall user dispatch)");
	else if (in_rseq(held, settle->memory))
		give_up(thread, "was in a restartable sequence");
	else
		return true;
	let_go(held);
	return false;
}

/* Let a HELD thread lock the program's memory. 0, or a negative errno; see call(). */
static long lock_memory(struct settle *settle, struct held *held)
{
	static struct range ranges[RANGES_MAX];
	if (settle->options.lock == LOCK_ALL)
		return call_somewhere(&settle->stubs, held, settle->memory, SYS_mlockall,
				      (const long[6]){MCL_CURRENT}, LOCK_PATIENCE_MS);
	const ssize_t count = resident_ranges(settle->pid, ranges);
	long result = count < 0 ? -errno : 0;
	ssize_t locked = 0;
	for (; locked < count && result >= 0; locked++)
		result = call_somewhere(&settle->stubs, held, settle->memory, SYS_mlock2,
					(const long[6]){(long)ranges[locked].start,
							(long)ranges[locked].length, MLOCK_ONFAULT},
					LOCK_PATIENCE_MS);
	/* All or nothing. */
	for (; result < 0 && held->phase == HELD && locked > 0; locked--)
		call_somewhere(
			&settle->stubs, held, settle->memory, SYS_munlock,
			(const long[6]){(long)ranges[locked - 1].start, (long)ranges[locked - 1].length},
			LOCK_PATIENCE_MS);
	return result;
}

/*
 * Let one thread make the calls that the program needs once: lock its memory, and map stubs for
 * `count` threads. Most programs need none. They can take long, a locked page may have to come from
 * a disk, so no other thread is held meanwhile; this one goes on when they have returned. False when
 * the program cannot be prepared: `why` of the thread says it.
 */
static bool prepare(struct settle *settle, struct candidate *thread, size_t count)
{
	struct held *held = &thread->held;
	const bool locks = settle->options.lock != LOCK_NONE;
	if (!locks && free_slots(&settle->stubs) >= count)
		return true;
	if (!stop(settle, thread))
		return false;
	long result = locks ? lock_memory(settle, held) : 0;
	if (result < 0)
		give_up(thread, "cannot lock its memory: %s", why_not_locked(result));
	/* One slot more, in which the next mapping can be made. */
	while (result >= 0 && free_slots(&settle->stubs) <= count &&
	       (result = map_slots(&settle->stubs, held, settle->memory)) < 0)
		give_up(thread, "could not be sent into isolation: %s", strerror((int)-result));
	let_go(held);
	return result >= 0;
}

/* Stop the thread, put it on its CPU, and let it run on under PTRACE_SYSCALL. */
static bool seize(struct settle *settle, struct candidate *thread)
{
	if (!stop(settle, thread))
		return false;
	if (!move_in(settle, thread)) {
		give_up(thread, "cannot be put on CPU %d: %s", thread->cpu, strerror(errno));
	} else if (go_on(&thread->held, PTRACE_SYSCALL) == 0) {
		thread->held.phase = TRACED;
		take_sample(settle->pid, thread->tid, &thread->sample);
		return true;
	}
	let_go(&thread->held);
	return false;
}

/*
 * Whether a seized thread did nothing that would have broken its isolation. If it did, it is
 * released, and its `why` says it.
 */
static bool stays_settled(struct candidate *thread)
{
	struct held *held = &thread->held;
	const int status = wait_stop(held, 0);
	if (status < 0 && errno == ETIMEDOUT)
		return true;
	uint64_t number;
	if (status < 0) {
		give_up(thread, "ended");
	} else if (is_exec_stop(status)) {
		give_up(thread, "executed another program");
	} else if (is_syscall_stop(status) && stopped_at_call(held, &number)) {
		const char *name = syscall_name(number);
		give_up(thread, "makes system calls: %s (%" PRIu64 ")", name ? name : "unknown", number);
	} else {
		const char *name = signal_name((uint64_t)WSTOPSIG(status));
		give_up(thread, is_group_stop(status) ? "is stopped (SIG%s)" : "gets signals: SIG%s",
			name ? name : "RT");
	}
	let_go(held);
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
	struct held *held = &thread->held;
	struct sample now;
	uint64_t slot;
	if (!take_sample(settle->pid, thread->tid, &now) || now.faults != thread->sample.faults) {
		give_up(thread, "has page faults");
	} else if (!has_run(settle, thread)) {
		give_up(thread, "gets too little of CPU %d", thread->cpu);
	} else if (interrupt(held, PTRACE_SYSCALL) < 0 || in_rseq(held, settle->memory)) {
		give_up(thread, "was in the kernel");
	} else if ((thread->slot = take_slot(&settle->stubs, held, &slot)) < 0 ||
		   plant(held, settle->memory, slot, settle->options.flags) < 0) {
		give_up(thread, "could not be sent into isolation: %s", strerror(errno));
	} else {
		thread->stage = PLANTED;
		thread->plants++;
		thread->planted_ns = now_ns();
		return;
	}
	let_go(held);
}

/*
 * Open the program's memory, unless that is done. A descriptor stays with the memory that it was
 * opened for, and reads nothing when another program was executed: what is known of the old one does
 * not hold then, and nothing is written to the new one. False with errno.
 */
static bool open_memory(struct settle *settle)
{
	char path[32];
	unsigned char first;
	const uint64_t room = settle->stubs.area[0].address;
	if (settle->memory >= 0 && (!room || pread(settle->memory, &first, 1, (off_t)room) == 1))
		return true;
	close_memory(settle);
	snprintf(path, sizeof path, "/proc/%d/mem", settle->pid);
	settle->memory = open(path, O_RDWR | O_CLOEXEC);
	return settle->memory >= 0;
}

/*
 * Let go of the first thread of a program that a thread which we traced has executed: it got the
 * number of the process (ptrace(2), "execve(2) under ptrace"), under which nobody waits for it.
 */
static void let_go_of_new_program(struct settle *settle)
{
	const struct candidate *first = find_candidate(settle, settle->pid);
	siginfo_t info = {0};
	if ((first && first->held.phase != FREE) ||
	    waitid(P_PID, (id_t)settle->pid, &info, WSTOPPED | WNOHANG | __WALL) < 0 ||
	    info.si_pid != settle->pid)
		return;
	struct held held = {.tid = settle->pid, .phase = TRACED, .stop = info.si_status << 8 | 0x7f};
	let_go(&held);
}

static void enter_all(struct settle *settle, struct candidate *threads[], size_t count)
{
	const struct timespec pause = {0, 2000000};
	if (!open_memory(settle)) {
		for (size_t i = 0; i < count; i++)
			give_up(threads[i], "its memory cannot be opened: %s", strerror(errno));
		return;
	}
	bool watched[THREADS_MAX] = {false};
	/* The others try again at the next step, when another thread is the first. */
	const bool prepared = prepare(settle, threads[0], count);
	for (size_t i = 0; i < count; i++)
		watched[i] = prepared && threads[i]->held.phase == FREE && seize(settle, threads[i]);
	const uint64_t start = now_ns(), time = settle->options.ms * 1000000ULL;
	for (bool proved = !prepared; !proved && now_ns() - start < WATCH_LONGEST * time;) {
		nanosleep(&pause, NULL);
		proved = now_ns() - start >= time;
		for (size_t i = 0; i < count; i++) {
			watched[i] = watched[i] && stays_settled(threads[i]);
			proved = proved && (!watched[i] || has_run(settle, threads[i]));
		}
		let_go_of_new_program(settle);
	}
	for (size_t i = 0; i < count; i++)
		if (watched[i])
			enter_by_stub(settle, threads[i]);
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

const char *how_it_ended(const struct record *record)
{
	return strcmp(record->state, "leaving") == 0 ? "is leaving"
	       : strcmp(record->state, "lost") == 0  ? "lost isolation"
						     : "left isolation";
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
		if (isolated && thread->plants) { /* the kernel let it in after we had given up */
			thread->stage = ISOLATED;
			thread->entered_ns = now_ns();
			return true;
		}
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
		disturb(thread, now_ns(), how_it_ended(record));
		thread->starts = record->starts;
		break;
	case DONE:
		if (strcmp(thread->why, "is leaving") == 0)
			disturb(thread, now_ns(), how_it_ended(record));
		break;
	}
	return false;
}

/*
 * Whether it has wanted to run for the settle time and got no CPU: what it is about to do is not known.
 * What disturbed it less long ago counts by itself.
 */
static bool is_starved(const struct candidate *thread, uint64_t now, uint64_t time)
{
	return thread->stage == WATCHED && thread->sample.state == 'R' && !thread->sample.kernels &&
	       now > thread->rest_ns && now - thread->rest_ns >= time &&
	       thread->sample.user_ticks == thread->user_ticks;
}

void settle_step(struct settle *settle)
{
	struct candidate *ready[THREADS_MAX];
	size_t count = 0;
	let_go_of_new_program(settle);
	settle_look(settle);
	uint64_t now = now_ns(), time = settle->options.ms * 1000000ULL;
	for (size_t i = 0; i < settle->count; i++) {
		let_go_late(&settle->threads[i].held);
		if (is_starved(&settle->threads[i], now, time))
			disturb_all(settle, now, settle->threads[i].tid, "wants to run and gets no CPU");
	}
	for (size_t i = 0; i < settle->count; i++) {
		struct candidate *thread = &settle->threads[i];
		if (thread->stage != WATCHED || thread->held.phase != FREE || now < thread->retry_ns ||
		    now < thread->rest_ns || now - thread->rest_ns < time ||
		    thread->sample.user_ticks == thread->user_ticks) {
			thread->settled_ns = 0;
			continue;
		}
		int cpu = place(settle, thread);
		if (cpu < 0) {
			thread->settled_ns = 0;
			continue;
		}
		if (!thread->settled_ns)
			thread->settled_ns = now;
		if (now - settle->restless_ns < time &&
		    (!settle->options.timeout_ms ||
		     now - thread->settled_ns < settle->options.timeout_ms * 1000000ULL))
			continue; /* wait for the control threads */
		thread->settled_ns = 0;
		thread->cpu = cpu;
		if (settle->options.records)
			ready[count++] = thread;
		else if (move_in(settle, thread))
			thread->stage = DONE;
	}
	if (count || any_works(settle))
		keep_all_off(settle);
	if (count)
		enter_all(settle, ready, count);
}

void settle_end(struct settle *settle)
{
	for (size_t i = 0; i < settle->count; i++)
		let_go_late(&settle->threads[i].held);
	if (!settle_holds(settle))
		settle->count = 0;
}

const struct candidate *settle_waits(const struct settle *settle)
{
	const struct candidate *longest = NULL;
	for (size_t i = 0; i < settle->count; i++) {
		const struct candidate *thread = &settle->threads[i];
		if (thread->settled_ns && (!longest || thread->settled_ns < longest->settled_ns))
			longest = thread;
	}
	return longest;
}

bool settle_works(const struct settle *settle)
{
	for (size_t i = 0; i < settle->count; i++)
		if (settle->threads[i].cpu >= 0)
			return true;
	return false;
}

bool settle_holds(const struct settle *settle)
{
	for (size_t i = 0; i < settle->count; i++)
		if (settle->threads[i].held.phase != FREE)
			return true;
	return false;
}

int settle_pause_ms(const struct settle *settle)
{
	int pause = (int)settle->options.ms / 4, busy = 0;
	for (size_t i = 0; i < settle->count; i++)
		busy += settle->threads[i].stage == PLANTED ||
			(settle->threads[i].stage == WATCHED && settle->threads[i].sample.state == 'R');
	return !busy && settle->count ? 250 : pause < 5 ? 5 : pause > 250 ? 250 : pause;
}
