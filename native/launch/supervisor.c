/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "supervisor.h"
#include "clock.h"
#include "explain.h"
#include "notify.h"
#include "outlet.h"
#include "proc.h"
#include "report.h"
#include "visible.h"
#include "words.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long to wait for the first thread to settle before saying why none has. */
#define HINT_NS (10 * NS_PER_SECOND)

enum { ASLEEP_MAX = 8 /* threads that sleep and are named in a list */ };

/* Where the sentences go, and the status file if it is a pipe or a device. One process, one of each. */
static struct outlet words, status;

__attribute__((format(printf, 2, 3))) static void say(const struct supervisor *supervisor, const char *format,
						      ...)
{
	va_list arguments;
	char text[4096], shown[4 * sizeof text];
	if (supervisor->quiet || supervisor->json)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	/* Names of threads have no newline: those that are there end our lines. */
	make_visible(shown, sizeof shown, text);
	put_text(&words, shown, strlen(shown));
}

/*
 * The thread itself entered the kernel, or a thread of its process made it: a grace lets both do that
 * if the thread ends then.
 */
static bool is_own_doing(const struct record *record)
{
	const bool sent = strcmp(record->cause, "ipi") == 0 || strcmp(record->cause, "signal") == 0;
	return strcmp(record->cause, "syscall") == 0 || strcmp(record->cause, "page_fault") == 0 ||
	       strcmp(record->cause, "exception") == 0 || (sent && record->sender_own);
}

/*
 * Whether the program has a handler for the signal that broke isolation. It is all that the thread
 * gets then, whatever the policy is: the kernel sends no second one.
 */
static bool was_handled(pid_t pid, const struct record *record)
{
	char text[4096];
	if (strcmp(record->cause, "signal") != 0 || record->data < 1 || record->data > 64 ||
	    !read_task(pid, pid, "status", text, sizeof text))
		return false;
	const char *caught = field_of(text, "SigCgt");
	return caught && strtoull(caught, NULL, 16) >> (record->data - 1) & 1;
}

static uint64_t since_start(const struct watch *watch, uint64_t time_ns)
{
	return time_ns > watch->start_ns ? time_ns - watch->start_ns : 0;
}

static void say_break(const struct watch *watch, const struct event *event)
{
	const struct record *record = &event->record;
	char sentence[SENTENCE_SIZE], times[48] = "", then[96] = "";
	say_cause(sentence, sizeof sentence, record);
	if (event->count > 1)
		snprintf(times, sizeof times, " (the last of %" PRIu64 " breaks)", event->count);
	if (watch->supervisor->grace && is_own_doing(record))
		snprintf(then, sizeof then, ", and did not end within %u s", watch->supervisor->grace);
	else if (was_handled(event->pid, record))
		snprintf(then, sizeof then, "; its handler ran, and it goes on without isolation%s",
			 watch->supervisor->settle.rearm ? " until it has settled again" : "");
	say(watch->supervisor,
	    "isolctl: %s[%d]: isolation lost on CPU %d after %.3f s, %.3f s after the start%s: %s%s\n"
	    "help: %s\n",
	    event->name, event->tid, record->cpu, (double)record->duration_ns / 1e9,
	    (double)since_start(watch, event->time_ns) / 1e9, times, sentence, then, help_for(record));
}

/* Add a break to those of its kind. Returns true when it is to be said: the first, or each. */
static bool remember(struct watch *watch, const struct event *event)
{
	const uint64_t since = since_start(watch, event->time_ns);
	for (size_t i = 0; i < watch->reported_count; i++) {
		struct reported *known = &watch->reported[i];
		if (!is_same_kind(known, event))
			continue;
		known->count += event->count;
		known->last_ns = since;
		return watch->supervisor->verbose;
	}
	if (watch->reported_count == REPORTED_MAX)
		return watch->supervisor->verbose;
	struct reported *fresh = &watch->reported[watch->reported_count++];
	*fresh = (struct reported){.tid = event->tid,
				   .record = event->record,
				   .count = event->count,
				   .since_ns = since,
				   .last_ns = since};
	memcpy(fresh->name, event->name, sizeof fresh->name);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct event *one = a, *other = b;
	return (one->time_ns > other->time_ns) - (one->time_ns < other->time_ns);
}

/* Say what one look at all threads has found, in the order in which it happened. */
static void say_events(struct watch *watch)
{
	qsort(watch->events, watch->event_count, sizeof *watch->events, by_time);
	for (size_t i = 0; i < watch->event_count; i++) {
		const struct event *event = &watch->events[i];
		if (event->what == STARTED)
			say(watch->supervisor,
			    "isolctl: %s[%d] is isolated on CPU %d, %.3f s after the start\n", event->name,
			    event->tid, event->record.cpu, (double)since_start(watch, event->time_ns) / 1e9);
		else if (remember(watch, event))
			say_break(watch, event);
	}
	watch->event_count = 0;
}

/* Say where in the program its breaks were made, when that has been found out. */
static void say_explanations(const struct watch *watch)
{
	char text[EXPLANATION_SIZE];
	for (size_t i = 0; i < watch->count; i++)
		if (take_explanation(watch->threads[i].tid, &watch->threads[i].record, text))
			say(watch->supervisor, "isolctl: %s[%d], where isolation was lost:\n%s",
			    watch->threads[i].name, watch->threads[i].tid, text);
}

static void add_event(struct watch *watch, const struct watched *thread, struct event event)
{
	if (watch->event_count == EVENTS_MAX)
		say_events(watch);
	event.pid = thread->pid;
	event.tid = thread->tid;
	event.record = thread->record;
	memcpy(event.name, thread->name, sizeof event.name);
	watch->events[watch->event_count++] = event;
}

/* Whether a thread lives in another process than this one. One that has ended is not known to. */
static bool is_foreign(pid_t pid, pid_t tid)
{
	char name[NAME_SIZE];
	return tid > 0 && !read_name(pid, tid, name) && read_name(tid, tid, name);
}

/* Read one thread's record, and report what is new. */
static void look(struct watch *watch, struct watched *thread)
{
	struct record record;
	if (thread->fd < 0 || !read_record(thread->fd, &record))
		return;
	const struct record *old = &thread->record;
	const uint64_t fresh = new_breaks(old, &record);
	const bool started = record.starts != old->starts;
	if (started || fresh)
		watch->changed_ns = now_ns();
	if (watch->supervisor->explain && !watch->supervisor->quiet && !watch->supervisor->json &&
	    (fresh || strcmp(record.state, "leaving") == 0))
		explain(thread->pid, thread->tid, &record);
	if (fresh && record.sender_cpu >= 0) {
		char name[NAME_SIZE];
		record.sender_own = record.sender_pid > 0 && read_name(thread->pid, record.sender_pid, name);
		record.sender_foreign = is_foreign(thread->pid, record.sender_pid);
	}
	thread->record = record;
	if (!is_isolated(&record))
		thread->since_ns = 0;
	else if (!thread->since_ns || fresh || started)
		thread->since_ns = now_ns();
	if (fresh)
		add_event(watch, thread,
			  (struct event){.what = BROKE, .time_ns = record.time_ns, .count = fresh});
}

static void open_thread(struct watch *watch, const struct process *process, pid_t tid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/task_isolation", process->pid, tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* gone already, or no such ABI */
	if (watch->count == watch->room) {
		size_t room = watch->room ? watch->room * 2 : 16;
		struct watched *threads = realloc(watch->threads, room * sizeof *threads);
		if (!threads) {
			close(fd);
			return;
		}
		watch->threads = threads;
		watch->room = room;
	}
	watch->threads[watch->count++] = (struct watched){.pid = process->pid,
							  .start = process->start,
							  .tid = tid,
							  .fd = fd,
							  .seen = true,
							  .name = "?"};
	watch->changed_ns = now_ns();
}

/* The process of a thread, or NULL: it is not watched any more. */
static struct process *process_of(const struct watch *watch, const struct watched *thread)
{
	for (size_t i = 0; i < watch->process_count; i++)
		if (watch->processes[i]->pid == thread->pid && watch->processes[i]->start == thread->start)
			return watch->processes[i];
	return NULL;
}

/* Whether a process is not looked at any more: its number may be a stranger's. */
static bool is_left(const struct process *process)
{
	return process->over || process->taken;
}

/* The processes that share the launch CPUs, for settle. */
static void join_ring(struct watch *watch)
{
	for (size_t i = 0; i < watch->process_count; i++)
		watch->processes[i]->settle.next = &watch->processes[(i + 1) % watch->process_count]->settle;
}

/* Watch a process, which started then. `pidfd`: -1: it is to be opened. False: there are too many. */
static bool add_process(struct watch *watch, pid_t pid, uint64_t start, int pidfd)
{
	for (size_t i = 0; i < watch->process_count; i++)
		if (watch->processes[i]->pid == pid && watch->processes[i]->start == start)
			return true;
	struct process *process = watch->process_count < PROCESSES_MAX ? calloc(1, sizeof *process) : NULL;
	if (!process)
		return false;
	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	const int error = pidfd < 0 ? errno : 0;
	/* With the descriptor the number is its own: or it was another's already. */
	if (error || start_of(pid) != start) {
		if (!error)
			close(pidfd);
		free(process);
		return !error || error == ESRCH;
	}
	process->pid = pid;
	process->start = start;
	process->pidfd = pidfd;
	process->settle.options = watch->supervisor->settle;
	process->settle.pid = pid;
	process->settle.memory = -1;
	watch->processes[watch->process_count++] = process;
	watch->changed_ns = now_ns();
	join_ring(watch);
	return true;
}

static bool found_process(void *context, pid_t pid, uint64_t start)
{
	struct watch *watch = context;
	const bool added = add_process(watch, pid, start, -1);
	if (!added && !watch->many_said) {
		watch->many_said = true;
		say(watch->supervisor,
		    "isolctl: %s has more than %d processes: the others are not watched until one ends\n",
		    watch->supervisor->program, PROCESSES_MAX - 1);
	}
	return added;
}

/*
 * Leave the processes alone that have become the program of another launch. The program itself stays in
 * the list, because the launch lasts as long as it does.
 */
static void leave_to_others(struct watch *watch)
{
	for (size_t i = 0; i < watch->process_count && watch->supervisor->mark; i++) {
		struct process *process = watch->processes[i];
		if (!process->over && !settle_holds(&process->settle) &&
		    is_taken(&watch->family, process->pid))
			process->taken = true;
	}
}

/* Look for processes that the program started: often at first, until all workers are isolated. */
static void find_processes(struct watch *watch)
{
	const uint64_t now = now_ns();
	const bool often = !watch->ready && now - watch->start_ns < HINT_NS;
	if (!watch->supervisor->mark || now - watch->family_ns < (often ? NS_PER_SECOND / 10 : NS_PER_SECOND))
		return;
	watch->family_ns = now;
	look_for_family(&watch->family, found_process, watch);
}

/*
 * The last process that is watched has ended. It may have forked just before, and its child again, while
 * we looked: look until nothing is new.
 */
static void find_last_processes(struct watch *watch)
{
	enum { LOOKS_MAX = 8 /* on a machine where processes start all the time */ };
	for (int looks = 0; looks < LOOKS_MAX; looks++)
		if (!look_for_family(&watch->family, found_process, watch))
			return;
}

/* Forget the processes that have ended or are another launch's, but for the program. Their threads have been looked at. */
static void drop_processes(struct watch *watch)
{
	size_t kept = 1;
	for (size_t i = 1; i < watch->process_count; i++) {
		struct process *process = watch->processes[i];
		if (!is_left(process) || settle_holds(&process->settle)) {
			/* A step takes the end of a traced thread, which its parent waits for. */
			watch->processes[kept++] = process;
			continue;
		}
		close(process->pidfd);
		if (process->settle.memory >= 0)
			close(process->settle.memory);
		free(process);
	}
	watch->process_count = kept;
	join_ring(watch);
}

/* Note which threads a process has, and open the records of new ones. */
static void scan_process(struct watch *watch, const struct process *process)
{
	char path[48];
	snprintf(path, sizeof path, "/proc/%d/task", process->pid);
	DIR *tasks = opendir(path);
	/* No descriptor is left: they are no less there. */
	for (size_t i = 0; !tasks && errno != ENOENT && i < watch->count; i++)
		watch->threads[i].seen |= process_of(watch, &watch->threads[i]) == process;
	for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
		pid_t tid = atoi(entry->d_name);
		size_t i = 0;
		while (i < watch->count &&
		       (watch->threads[i].tid != tid || watch->threads[i].pid != process->pid ||
			watch->threads[i].start != process->start || watch->threads[i].fd < 0))
			i++;
		if (tid <= 0)
			continue;
		if (i < watch->count)
			watch->threads[i].seen = true;
		else
			open_thread(watch, process, tid);
	}
	if (tasks)
		closedir(tasks);
}

/*
 * Follow the threads: open new ones, and close the records of those that are gone, which are looked at
 * once more before.
 */
static void scan(struct watch *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		watch->threads[i].seen = false;
	for (size_t i = 0; i < watch->process_count; i++)
		if (!is_left(watch->processes[i]))
			scan_process(watch, watch->processes[i]);

	size_t kept = 0;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		if (thread->seen && thread->record.starts == 0)
			/* Again and again: exec and pthread_setname_np change it. */
			read_name(thread->pid, thread->tid, thread->name);
		look(watch, thread);
		if (!thread->seen && thread->fd >= 0) {
			close(thread->fd);
			thread->fd = -1;
		}
		/* A thread that started and ended without isolation is not reported. */
		if (thread->fd >= 0 || thread->record.starts || thread->record.eagains)
			watch->threads[kept++] = *thread;
	}
	watch->count = kept;
}

/* Say once which threads are ready to be isolated and have no CPU to be isolated on. */
static void say_crowded(struct watch *watch, const struct settle *settle)
{
	for (size_t i = 0; i < settle->count && !watch->crowded; i++) {
		const struct candidate *thread = &settle->threads[i];
		char name[NAME_SIZE] = "?";
		if (!thread->crowded)
			continue;
		watch->crowded = true;
		read_name(settle->pid, thread->tid, name);
		say(watch->supervisor,
		    "isolctl: %s[%d] %s: it is not isolated\n"
		    "help: give each worker a CPU of its own: --cpus, and the program's own affinities\n",
		    name, thread->tid, thread->why);
	}
}

/*
 * Say how many processes the program started, when they are not followed: they may be what does the
 * work.
 */
static void say_children(const struct watch *watch)
{
	int count = 0;
	DIR *processes = watch->supervisor->mark ? NULL : opendir("/proc");
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		char line[1024];
		const pid_t pid = atoi(entry->d_name);
		const char *parent = pid > 0 && read_task(pid, pid, "stat", line, sizeof line)
					     ? stat_field(line, 4)
					     : NULL;
		count += parent && atoi(parent) == watch->supervisor->pid;
	}
	if (processes)
		closedir(processes);
	if (count)
		say(watch->supervisor, "  %d process%s that it started: --no-follow leaves %s alone\n", count,
		    count == 1 ? "" : "es", count == 1 ? "it" : "them");
}

/* The threads of all processes that are observed, as far as they fit. Returns how many. */
static size_t all_candidates(const struct watch *watch, const struct candidate *threads[THREADS_MAX])
{
	size_t count = 0;
	for (size_t i = 0; i < watch->process_count; i++) {
		const struct settle *settle = &watch->processes[i]->settle;
		for (size_t j = 0; !is_left(watch->processes[i]) && j < settle->count && count < THREADS_MAX;
		     j++)
			threads[count++] = &settle->threads[j];
	}
	return count;
}

static int by_cpu_time(const void *a, const void *b)
{
	const struct sample *one = &(*(const struct candidate *const *)a)->sample;
	const struct sample *other = &(*(const struct candidate *const *)b)->sample;
	return (one->user_ticks < other->user_ticks) - (one->user_ticks > other->user_ticks);
}

/*
 * Remember why the busiest thread is not isolated: when the program has ended that cannot be read.
 */
static void note_why(struct watch *watch)
{
	static const struct candidate *threads[THREADS_MAX];
	const size_t count = all_candidates(watch, threads);
	char name[NAME_SIZE];
	qsort(threads, count, sizeof *threads, by_cpu_time);
	if (!count || !read_name(threads[0]->tid, threads[0]->tid, name))
		return;
	snprintf(watch->last_why, sizeof watch->last_why, "%s[%d] %s", name, threads[0]->tid,
		 threads[0]->why);
}

/*
 * Say why threads are not isolated: the one that used most CPU time first, every one that runs, and
 * eight that sleep at most.
 */
static void say_unsettled(const struct watch *watch)
{
	static const struct candidate *threads[THREADS_MAX];
	const size_t count = all_candidates(watch, threads);
	size_t asleep = 0;
	char name[NAME_SIZE];
	qsort(threads, count, sizeof *threads, by_cpu_time);
	for (size_t i = 0; i < count; i++) {
		const struct candidate *thread = threads[i];
		if (thread->stage == ISOLATED || thread->stage == PLANTED)
			continue;
		if (thread->sample.state != 'R' && asleep++ >= ASLEEP_MAX)
			continue;
		if (read_name(thread->tid, thread->tid, name))
			say(watch->supervisor, "  %s[%d] %s\n", name, thread->tid, thread->why);
	}
	if (asleep > ASLEEP_MAX)
		say(watch->supervisor, "  and %zu more that sleep\n", asleep - ASLEEP_MAX);
}

/*
 * Say which thread one that has settled waits for: when it has waited for a second, and again when it
 * is another thread.
 */
static void say_waits(struct watch *watch, const struct settle *settle)
{
	const struct candidate *thread = settle_waits(settle);
	char name[NAME_SIZE] = "?", other[NAME_SIZE] = "?", until[48] = "";
	if (!thread || now_ns() - thread->settled_ns < NS_PER_SECOND || settle->restless == watch->waited_for)
		return;
	watch->waited_for = settle->restless;
	read_name(settle->pid, thread->tid, name);
	read_name(settle->pid, settle->restless, other);
	if (settle->options.timeout_ms)
		snprintf(until, sizeof until, ", for at most %.1f s", settle->options.timeout_ms / 1000.0);
	say(watch->supervisor, "isolctl: %s[%d] has settled and waits%s: %s[%d] %s\n", name, thread->tid,
	    until, other, settle->restless, settle->how);
}

/* How often a thread broke in the same way, where this was said once. */
static void say_repeated(const struct watch *watch, pid_t tid)
{
	for (size_t i = 0; i < watch->reported_count; i++) {
		const struct reported *reported = &watch->reported[i];
		char sentence[SENTENCE_SIZE];
		if (reported->tid != tid || reported->count == 1)
			continue;
		say_cause(sentence, sizeof sentence, &reported->record);
		say(watch->supervisor, "    %" PRIu64 " times, the last %.3f s after the start: %s\n",
		    reported->count, (double)reported->last_ns / 1e9, sentence);
	}
}

enum { COLUMNS = 7, CELL_SIZE = 64 };

/* The row of a thread in the table at the end: that of src/report/launch.ts. */
static void fill_row(const struct watch *watch, const struct watched *thread, char row[COLUMNS][CELL_SIZE])
{
	const struct record *record = &thread->record;
	snprintf(row[0], CELL_SIZE, "CPU %d", record->cpu);
	snprintf(row[1], CELL_SIZE, "%s[%d]", thread->name, thread->tid);
	snprintf(row[2], CELL_SIZE, "%s", has_ended(watch, thread) ? "ended" : record->state);
	snprintf(row[3], CELL_SIZE, "isolated %.3f s", (double)isolated_ns(thread) / 1e9);
	snprintf(row[4], CELL_SIZE, "%" PRIu64 " start%s", record->starts, record->starts == 1 ? "" : "s");
	snprintf(row[5], CELL_SIZE, "%" PRIu64 " break%s", record->breaks, record->breaks == 1 ? "" : "s");
	snprintf(row[6], CELL_SIZE, "%" PRIu64 " refused", record->eagains);
}

/* What a row has behind its columns, where there is anything to say. */
static void say_more(char *text, size_t size, const struct record *record)
{
	size_t length = 0;
	text[0] = 0;
	if (record->eagains)
		length += (size_t)snprintf(text, size, " (last: %s)", record->eagain);
	if (length < size && (record->deferred_text || record->deferred_tlb))
		length += (size_t)snprintf(text + length, size - length,
					   "  deferred: %" PRIu64 " text, %" PRIu64 " mappings",
					   record->deferred_text, record->deferred_tlb);
	if (length < size && record->steal_ns)
		snprintf(text + length, size - length, "  %.3f s stolen by the hypervisor",
			 (double)record->steal_ns / 1e9);
}

static bool is_reported(const struct watched *thread)
{
	return thread->record.starts || thread->record.eagains;
}

/* The table of the threads that were isolated or tried. Returns how many were isolated. */
static size_t say_table(const struct watch *watch)
{
	char row[COLUMNS][CELL_SIZE], more[160];
	int width[COLUMNS] = {0};
	size_t isolated = 0, rows = 0;
	for (size_t i = 0; i < watch->count; i++) {
		if (!is_reported(&watch->threads[i]))
			continue;
		fill_row(watch, &watch->threads[i], row);
		for (size_t column = 0; column < COLUMNS; column++)
			if ((int)strlen(row[column]) > width[column])
				width[column] = (int)strlen(row[column]);
		isolated += watch->threads[i].record.starts > 0;
		rows++;
	}
	if (rows)
		say(watch->supervisor, "isolctl: %s, %.3f s after the start:\n", watch->supervisor->program,
		    (double)(now_ns() - watch->start_ns) / 1e9);
	for (size_t i = 0; i < watch->count; i++) {
		char line[(COLUMNS + 1) * (CELL_SIZE + 2) + sizeof more];
		size_t length = 0;
		if (!is_reported(&watch->threads[i]))
			continue;
		fill_row(watch, &watch->threads[i], row);
		for (size_t column = 0; column < COLUMNS; column++)
			length += (size_t)snprintf(line + length, sizeof line - length, "  %-*s",
						   column + 1 < COLUMNS ? width[column] : 0, row[column]);
		say_more(more, sizeof more, &watch->threads[i].record);
		say(watch->supervisor, "%s%s\n", line, more);
		say_repeated(watch, watch->threads[i].tid);
	}
	return isolated;
}

static void say_end(const struct watch *watch)
{
	const size_t isolated = say_table(watch);
	if (isolated || watch->supervisor->soft)
		return;
	say(watch->supervisor, "isolctl: no thread of %s was seen isolated\n", watch->supervisor->program);
	if (!watch->hinted && *watch->last_why)
		say(watch->supervisor, "  %s\n", watch->last_why);
	if (watch->supervisor->settle.ms == 0)
		say(watch->supervisor,
		    "help: with --enter app the program itself must call isolctl_enter() of isolctl.h\n");
}

static bool is_file(int fd)
{
	struct stat file;
	return fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/*
 * Replace the report in a file. It is padded to the length of the one before, so that a reader finds
 * one or the other, with blank lines at most behind it.
 */
static bool replace(int fd, const char *text, size_t size)
{
	struct stat file;
	if (!is_file(fd) || fstat(fd, &file) < 0)
		return false;
	const size_t whole = (size_t)file.st_size > size ? (size_t)file.st_size : size;
	char *padded = malloc(whole);
	if (!padded)
		return false;
	memcpy(padded, text, size);
	memset(padded + size, '\n', whole - size);
	const bool done = pwrite(fd, padded, whole, 0) == (ssize_t)whole && ftruncate(fd, (off_t)size) == 0;
	free(padded);
	return done;
}

/*
 * Write the report: into files, where it replaces the one before, and after what an outlet has. `fds`:
 * -1: to none. `outlet`: NULL: to none.
 */
static void write_json(const struct watch *watch, const int fds[2], struct outlet *const outlets[2])
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	write_report(out, watch);
	if (fclose(out) != 0) {
		free(text);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			replace(fds[i], text, size);
		if (outlets[i])
			put_text(outlets[i], text, size);
	}
	free(text);
}

/* The present report, in the files that can be read at any time: our own, and the status file. */
static void write_present(struct watch *watch)
{
	watch->written_ns = now_ns();
	write_json(watch, (const int[2]){1, watch->supervisor->status_fd},
		   (struct outlet *const[2]){NULL, NULL});
}

/* All workers are isolated, for the first time. */
static void tell_ready(struct watch *watch, size_t isolated)
{
	const struct supervisor *supervisor = watch->supervisor;
	char text[128];
	watch->ready = true;
	write_json(watch, (const int[2]){1, supervisor->status_fd}, (struct outlet *const[2]){&status, NULL});
	snprintf(text, sizeof text, "READY=1\nSTATUS=%zu thread%s isolated on CPU %.64s", isolated,
		 isolated == 1 ? "" : "s", supervisor->cpus);
	if (supervisor->notify && notify(supervisor->notify, supervisor->pid, text) < 0)
		say(supervisor, "isolctl: cannot notify %s: %s\n", supervisor->notify, strerror(errno));
}

/* Look at all threads once, report what is new, and let settle take its step. */
static void step(struct watch *watch)
{
	const struct supervisor *supervisor = watch->supervisor;
	size_t isolated = 0, now = 0;
	find_processes(watch);
	leave_to_others(watch);
	scan(watch);
	drop_processes(watch);
	for (size_t i = 0; i < watch->count; i++)
		now += is_isolated(&watch->threads[i].record);
	if (!watch->ready && now >= supervisor->workers)
		tell_ready(watch, now);
	if (supervisor->settle.ms == 0) {
		say_events(watch);
		say_explanations(watch);
		return;
	}
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		struct process *process = process_of(watch, thread);
		struct candidate *candidate = process ? find_candidate(&process->settle, thread->tid) : NULL;
		isolated += thread->record.starts > 0;
		const struct record *record = &thread->record;
		if (candidate && settle_record(&process->settle, candidate, record) && record->starts == 1)
			add_event(watch, thread,
				  (struct event){.what = STARTED,
						 .time_ns = is_isolated(record)
								    ? now_ns()
								    : record->time_ns - record->duration_ns});
	}
	say_events(watch);
	say_explanations(watch);
	for (size_t i = 0; i < watch->process_count; i++) {
		struct settle *settle = &watch->processes[i]->settle;
		if (is_left(watch->processes[i])) {
			settle_end(settle);
			continue;
		}
		settle_step(settle);
		say_waits(watch, settle);
		if (!watch->crowded && supervisor->settle.records)
			say_crowded(watch, settle);
	}
	if (!isolated)
		note_why(watch);
	if (!isolated && !watch->hinted && supervisor->settle.records &&
	    now_ns() - watch->start_ns > HINT_NS) {
		watch->hinted = true;
		say(supervisor, "isolctl: no thread of %s has settled yet:\n", supervisor->program);
		say_unsettled(watch);
		say_children(watch);
	}
}

/* How many threads a process has: the links of its task directory, less "." and "..". */
static unsigned long thread_count(pid_t pid)
{
	char path[32];
	struct stat tasks;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	return stat(path, &tasks) == 0 ? (unsigned long)tasks.st_nlink : 0;
}

/*
 * Whether nothing changed: every worker is isolated, no thread or process started or ended. Then only
 * the records of the workers have to be read, which takes next to no CPU time.
 */
static bool at_rest(struct watch *watch)
{
	size_t isolated = 0;
	unsigned long count = 0;
	find_processes(watch);
	for (size_t i = 0; i < watch->process_count; i++)
		count += is_left(watch->processes[i]) ? 0 : thread_count(watch->processes[i]->pid);
	if (!watch->ready || count != watch->thread_count) {
		watch->thread_count = count;
		return false;
	}
	for (size_t i = 0; i < watch->process_count; i++) {
		const struct process *process = watch->processes[i];
		/* A step forgets it. Of the program that has ended the place in the list is kept. */
		if ((is_left(process) && (i > 0 || process->settle.count)) || settle_holds(&process->settle))
			return false;
	}
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		struct record record;
		if (!thread->record.starts || thread->fd < 0)
			continue;
		if (!read_record(thread->fd, &record) || !is_isolated(&record) ||
		    record.starts != thread->record.starts || record.breaks != thread->record.breaks ||
		    !is_isolated(&thread->record))
			return false;
		isolated++;
	}
	return isolated >= watch->supervisor->workers;
}

/* Let other launches have the CPUs. `claim`: may be NULL. */
static void free_cpus(const struct claim *claim)
{
	for (size_t i = 0; claim && i < claim->count; i++)
		close(claim->fds[i]);
}

/* How long to wait for the next look, in ms. */
static int pause_ms(const struct watch *watch, bool busy, bool rest)
{
	int pause = 250;
	if (rest || (!busy && !watch->supervisor->settle.ms))
		return pause;
	if (!watch->supervisor->settle.ms)
		return 20;
	for (size_t i = 0; i < watch->process_count; i++) {
		const int own = settle_pause_ms(&watch->processes[i]->settle);
		if (!is_left(watch->processes[i]) && own < pause)
			pause = own;
	}
	return pause;
}

/* Wait for the end of a process, for that long at most. Returns how many are left. */
static size_t wait_for_ends(struct watch *watch, int pause)
{
	static struct pollfd ends[PROCESSES_MAX];
	size_t left = 0;
	for (size_t i = 0; i < watch->process_count; i++)
		ends[i] = (struct pollfd){.fd = watch->processes[i]->over ? -1 : watch->processes[i]->pidfd,
					  .events = POLLIN};
	const int found = poll(ends, (nfds_t)watch->process_count, pause);
	for (size_t i = 0; i < watch->process_count; i++) {
		if (found > 0 && ends[i].revents)
			watch->processes[i]->over = true;
		left += !watch->processes[i]->over;
	}
	return left;
}

/* The name and number of the first process that runs on after the program's end, for a sentence. */
static void name_left(const struct watch *watch, char *text, size_t size)
{
	char name[NAME_SIZE] = "?";
	const struct process *left = NULL;
	for (size_t i = watch->process_count; i-- > 0;)
		if (!watch->processes[i]->over)
			left = watch->processes[i];
	if (left)
		read_name(left->pid, left->pid, name);
	snprintf(text, size, "%s[%d]", name, left ? left->pid : 0);
}

/*
 * Whether the processes that run on after the program's end are its work: a daemon, whose thread is
 * isolated or has tried, or that has just been started. Others, as an agent that a script left behind,
 * must not keep the CPUs from other launches.
 */
static bool is_carried_on(struct watch *watch)
{
	char left[NAME_SIZE + 16];
	if (!watch->left_ns)
		watch->left_ns = now_ns();
	/* Not of one that is about to end as well. */
	if (!watch->left_said && now_ns() - watch->left_ns > NS_PER_SECOND) {
		watch->left_said = true;
		name_left(watch, left, sizeof left);
		say(watch->supervisor, "isolctl: %s has ended, and %s runs on: it keeps CPU %s\n",
		    watch->supervisor->program, left, watch->supervisor->cpus);
	}
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *thread = &watch->threads[i];
		const struct process *process = process_of(watch, thread);
		if (process && !process->over && (thread->record.starts || thread->record.eagains))
			return true;
	}
	if (now_ns() - watch->left_ns < HINT_NS)
		return true;
	name_left(watch, left, sizeof left);
	say(watch->supervisor, "isolctl: %s runs on without isolation, and is not watched any more\n", left);
	return false;
}

/*
 * Look at the threads until the program ends, and what carries its work on: often while they change,
 * seldom while they are at rest.
 */
static void follow(struct watch *watch)
{
	bool lives = true;
	while (lives) {
		bool busy = now_ns() - watch->changed_ns < NS_PER_SECOND, rest = !busy && at_rest(watch);
		const size_t before = watch->process_count, handled = watch->processes[0]->over;
		const size_t left = wait_for_ends(watch, pause_ms(watch, busy, rest));
		lives = left > 0;
		if (!lives && watch->supervisor->mark) {
			find_last_processes(watch);
			lives = watch->process_count > before;
		}
		if (lives && watch->processes[0]->over)
			lives = is_carried_on(watch);
		if (!lives)
			free_cpus(watch->supervisor->claim); /* before words that nobody may read */
		if (!lives || left + handled < before || !rest || !at_rest(watch))
			step(watch);
		write_waiting_text(&words);
		write_waiting_text(&status);
		if (now_ns() - watch->written_ns > NS_PER_SECOND)
			write_present(watch);
	}

	finish_explanations();
	say_explanations(watch);
	watch->ended = true;
	if (!watch->supervisor->json)
		say_end(watch);
	write_json(watch, (const int[2]){1, watch->supervisor->status_fd},
		   (struct outlet *const[2]){watch->supervisor->json ? &words : NULL, &status});
	drain_outlets((struct outlet *const[2]){&words, &status}, 2);
}

/* Keep stderr and the descriptors listed (ascending); stdin and stdout become /dev/null. */
static void close_all_but(const int keep[], size_t count)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	unsigned from = 3;
	for (size_t i = 0; i < count; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			syscall(SYS_close_range, from, keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0);
}

/* One descriptor for each thread and process: as many as we may have. Not for the program, which runs in another process. */
static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * The supervisor's process. It writes its pid to `ready` when it watches, waits until exec closes
 * `started`, reports, and exits.
 */
__attribute__((noreturn)) static void run_supervisor(const struct supervisor *supervisor, int pidfd,
						     int ready, int started)
{
	static struct watch watch;
	static int keep[4 + CLAIM_MAX];
	size_t kept = 0;
	setsid(); /* Ctrl-C is for the program, and its end is still to be reported */
	for (size_t i = 0; i < 4; i++)
		signal((const int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE}[i], SIG_IGN);
	prctl(PR_SET_NAME, "isol-reporter");
	sched_setaffinity(0, sizeof supervisor->housekeeping, &supervisor->housekeeping);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	raise_file_limit();
	for (size_t i = 0; i < 4; i++)
		keep[kept++] = (const int[]){pidfd, ready, started, supervisor->status_fd}[i];
	for (size_t i = 0; supervisor->claim && i < supervisor->claim->count; i++)
		keep[kept++] = supervisor->claim->fds[i];
	qsort(keep, kept, sizeof *keep, by_number);
	close_all_but(keep, kept);
	const int report = memfd_create("isolctl-report", MFD_CLOEXEC);
	if (report >= 0) {
		dup2(report, 1);
		close(report);
	}
	if (chdir("/") < 0)
		errno = 0; /* then we stay, and keep the file system busy */

	open_outlet(&words, 2);
	open_outlet(&status, is_file(supervisor->status_fd) ? -1 : supervisor->status_fd);
	/* Lines of JSON, between which no sentence may be. */
	status.silent = true;
	words.silent = supervisor->json;
	watch.supervisor = supervisor;
	const uint64_t start = start_of(supervisor->pid);
	watch.family = (struct family){.pid = supervisor->pid, .start = start, .mark = supervisor->mark};
	add_process(&watch, supervisor->pid, start, pidfd);
	if (!watch.process_count)
		_exit(0);
	watch.start_ns = now_ns();
	open_thread(&watch, watch.processes[0], supervisor->pid);
	char byte;
	pid_t self = getpid();
	if (write(ready, &self, sizeof self) != sizeof self)
		_exit(0);
	close(ready);
	if (read(started, &byte, 1) != 0)
		_exit(0); /* exec failed, and isol-exec has said so */
	close(started);
	watch.start_ns = now_ns();
	/* Again: exec of a privileged program starts a new record. */
	open_thread(&watch, watch.processes[0], supervisor->pid);
	if (watch.count == 2) {
		close(watch.threads[0].fd);
		watch.threads[0] = watch.threads[--watch.count];
	}
	follow(&watch);
	_exit(0);
}

int start_supervisor(const struct supervisor *supervisor)
{
	int ready[2], started[2], pidfd;
	pid_t supervisor_pid;
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(started, O_CLOEXEC) < 0)
		return -1;
	if ((pidfd = (int)syscall(SYS_pidfd_open, supervisor->pid, 0)) < 0)
		return -1;
	pid_t between = fork();
	if (between < 0)
		return -1;
	if (between == 0) { /* the second fork makes the supervisor a child of init */
		pid_t last = fork();
		if (last != 0)
			_exit(last < 0);
		close(started[1]);
		close(ready[0]);
		run_supervisor(supervisor, pidfd, ready[1], started[0]);
	}
	waitpid(between, NULL, 0);
	close(ready[1]);
	close(started[0]);
	close(pidfd);
	ssize_t got = read(ready[0], &supervisor_pid, sizeof supervisor_pid);
	close(ready[0]);
	if (got != sizeof supervisor_pid) {
		errno = ECHILD;
		return -1;
	}
	/* Yama lets a process be traced only by its ancestors and by the process it names. */
	if (supervisor->settle.ms || supervisor->explain)
		prctl(PR_SET_PTRACER, (unsigned long)supervisor_pid, 0, 0, 0);
	return started[1];
}
