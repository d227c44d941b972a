/* SPDX-License-Identifier: MIT */
/*
 * The reporter: a small process on the housekeeping CPUs that watches the records of the program's threads, says what
 * broke isolation, and ends with the program. It is not a child of the program, which must not find one it did not
 * start. It cannot see the program's exit status for the same reason; the launcher's caller gets that.
 *
 * Reading a record is a read of kernel memory: it does not disturb the thread (Documentation of the ABI). A record that
 * was opened while its thread lived stays readable after the thread is dead, so that a kill can be explained.
 */
#ifndef ISOL_REPORTER_H
#define ISOL_REPORTER_H

#include "notify.h"
#include "report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HINT_NS 10000000000ULL /* how long to wait for the first thread to settle before saying why none does */

__attribute__((format(printf, 2, 3))) static void say(const struct reporter *reporter, const char *format, ...)
{
	va_list arguments;
	if (reporter->quiet || reporter->json)
		return;
	va_start(arguments, format);
	vdprintf(2, format, arguments);
	va_end(arguments);
}

static void say_break(const struct reporter *reporter, const struct told *told)
{
	char what[256], times[48] = "";
	isol_say_what(what, sizeof what, &told->record);
	if (told->count > 1)
		snprintf(times, sizeof times, " (the last of %llu breaks)", told->count);
	say(reporter,
	    "isolctl: %s[%d]: isolation lost on CPU %d after %.3f s, %.3f s after the start%s: %s\n"
	    "help: %s\n",
	    told->name, told->tid, told->record.cpu, (double)told->record.duration_ns / 1e9, (double)told->since_ns / 1e9,
	    times, what, isol_say_help(&told->record));
}

/* Read one thread's record; tell what is new. */
static void look(struct watch *watch, struct watched *thread)
{
	struct isol_record record;
	if (thread->fd < 0 || isol_read_record(thread->fd, &record) < 0)
		return;
	unsigned long long fresh = record.breaks - thread->record.breaks;
	if (record.starts != thread->record.starts || fresh)
		watch->changed_ns = isol_now_ns();
	thread->record = record;
	if (strcmp(record.state, "isolated") != 0)
		thread->since_ns = 0;
	else if (!thread->since_ns || fresh)
		thread->since_ns = isol_now_ns();
	if (fresh == 0 || watch->told_count == TOLD_MAX)
		return;
	struct told *told = &watch->told[watch->told_count++];
	*told = (struct told){.tid = thread->tid, .record = record, .count = fresh};
	told->since_ns = record.time_ns > watch->start_ns ? record.time_ns - watch->start_ns : 0;
	memcpy(told->name, thread->name, sizeof told->name);
	say_break(watch->reporter, told);
}

static void read_name(struct watched *thread, pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/comm", pid, thread->tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* gone: keep the name we know */
	char name[sizeof thread->name];
	ssize_t length = read(fd, name, sizeof name - 1);
	close(fd);
	if (length > 0) {
		name[length] = 0;
		name[strcspn(name, "\n")] = 0;
		memcpy(thread->name, name, sizeof name);
	}
}

static void open_thread(struct watch *watch, pid_t tid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/task_isolation", watch->reporter->pid, tid);
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
	watch->threads[watch->count++] = (struct watched){.tid = tid, .fd = fd, .seen = true, .name = "?"};
	watch->changed_ns = isol_now_ns();
}

/* Follow the threads: open new ones, and close the records of those that are gone. */
static void scan(struct watch *watch)
{
	char path[48];
	snprintf(path, sizeof path, "/proc/%d/task", watch->reporter->pid);
	DIR *tasks = opendir(path);
	for (size_t i = 0; i < watch->count; i++)
		watch->threads[i].seen = false;
	for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
		pid_t tid = atoi(entry->d_name);
		size_t i = 0;
		while (i < watch->count && (watch->threads[i].tid != tid || watch->threads[i].fd < 0))
			i++;
		if (tid <= 0)
			continue;
		if (i < watch->count)
			watch->threads[i].seen = true;
		else
			open_thread(watch, tid);
	}
	if (tasks)
		closedir(tasks);

	size_t kept = 0;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		if (thread->seen && thread->record.starts == 0)
			read_name(thread, watch->reporter->pid); /* exec and pthread_setname_np change it */
		look(watch, thread);
		if (!thread->seen && thread->fd >= 0) {
			close(thread->fd);
			thread->fd = -1;
		}
		/* A thread that came and went without isolation is no news. */
		if (thread->fd >= 0 || thread->record.starts || thread->record.eagains)
			watch->threads[kept++] = *thread;
	}
	watch->count = kept;
}

/* Threads that are ready to be isolated, and have no CPU to be isolated on: said once. */
static void say_crowded(struct watch *watch)
{
	for (size_t i = 0; i < watch->settle.count && !watch->crowded; i++) {
		const struct candidate *thread = &watch->settle.threads[i];
		char name[16] = "?";
		if (!thread->crowded)
			continue;
		watch->crowded = true;
		read_task(watch->reporter->pid, thread->tid, "comm", name, sizeof name);
		name[strcspn(name, "\n")] = 0;
		say(watch->reporter, "isolctl: %s[%d] %s: it is not isolated\nhelp: give each worker a CPU of its own: --cpus, and the "
				     "program's own affinities\n",
		    name, thread->tid, thread->why);
	}
}

/* Processes that the program started are not looked at: said, because it may be they that do the work. */
static void say_children(const struct watch *watch)
{
	int count = 0, parent;
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		char line[1024];
		const pid_t pid = atoi(entry->d_name);
		if (pid > 0 && read_task(pid, pid, "stat", line, sizeof line) && strrchr(line, ')') &&
		    sscanf(strrchr(line, ')'), ") %*c %d", &parent) == 1)
			count += parent == watch->reporter->pid;
	}
	if (processes)
		closedir(processes);
	if (count)
		say(watch->reporter, "  %d process%s that it started: only its own threads are isolated\n", count, count == 1 ? "" : "es");
}

/* Remember why the busiest thread is not isolated: when the program has ended there is nobody to ask. */
static void note_why(struct watch *watch)
{
	const struct candidate *busiest = NULL;
	for (size_t i = 0; i < watch->settle.count; i++)
		if (!busiest || watch->settle.threads[i].sample.user_ticks > busiest->sample.user_ticks)
			busiest = &watch->settle.threads[i];
	char name[16];
	if (!busiest || !read_task(watch->reporter->pid, busiest->tid, "comm", name, sizeof name))
		return;
	name[strcspn(name, "\n")] = 0;
	snprintf(watch->last_why, sizeof watch->last_why, "%s[%d] %s", name, busiest->tid, busiest->why);
}

/* Why threads that run are not isolated. Returns how many it named. */
static size_t say_unsettled(const struct watch *watch)
{
	size_t named = 0;
	char name[16];
	for (size_t i = 0; i < watch->settle.count; i++) {
		const struct candidate *thread = &watch->settle.threads[i];
		if (thread->stage == ISOLATED || thread->stage == PLANTED || named == 8)
			continue;
		if (!read_task(watch->reporter->pid, thread->tid, "comm", name, sizeof name))
			continue;
		name[strcspn(name, "\n")] = 0;
		say(watch->reporter, "  %s[%d] %s\n", name, thread->tid, thread->why);
		named++;
	}
	return named;
}

static void say_end(const struct watch *watch)
{
	size_t isolated = 0;
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *thread = &watch->threads[i];
		const struct isol_record *record = &thread->record;
		if (record->starts == 0 && record->eagains == 0)
			continue;
		isolated += record->starts > 0;
		char refusal[32] = "";
		if (record->eagains)
			snprintf(refusal, sizeof refusal, " (last: %s)", record->eagain);
		char steal[48] = "";
		if (record->steal_ns)
			snprintf(steal, sizeof steal, ", %.3f s stolen by the hypervisor", (double)record->steal_ns / 1e9);
		say(watch->reporter, "isolctl: %s[%d] on CPU %d: isolated %.3f s, %llu start%s, %llu refusal%s%s, %llu break%s%s\n",
		    thread->name, thread->tid, record->cpu, (double)isolated_ns(thread) / 1e9, record->starts,
		    record->starts == 1 ? "" : "s", record->eagains, record->eagains == 1 ? "" : "s", refusal, record->breaks,
		    record->breaks == 1 ? "" : "s", steal);
	}
	if (isolated || watch->reporter->soft)
		return;
	say(watch->reporter, "isolctl: no thread of %s was seen isolated\n", watch->reporter->program);
	if (!watch->hinted && *watch->last_why)
		say(watch->reporter, "  %s\n", watch->last_why);
	if (watch->reporter->settle.ms == 0)
		say(watch->reporter, "help: with --enter app the program itself must call isolctl_enter() of isolctl.h\n");
}

/* The report in one write: who reads the file meanwhile finds the old one or the new one. */
static void write_json(int fd, const struct watch *watch)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	json_report(out, watch);
	if (fclose(out) != 0)
		return;
	/* A pipe or a device has no place to write to and nothing to cut off. */
	if (fd == watch->reporter->status_fd && pwrite(fd, text, size, 0) >= 0 && ftruncate(fd, (off_t)size) == 0)
		size = 0;
	for (size_t at = 0; at < size;) {
		ssize_t wrote = write(fd, text + at, size - at);
		if (wrote <= 0)
			break;
		at += (size_t)wrote;
	}
	free(text);
}

/* All workers are isolated, for the first time. */
static void tell_ready(struct watch *watch, size_t isolated)
{
	const struct reporter *reporter = watch->reporter;
	char text[128];
	watch->ready = true;
	if (reporter->status_fd >= 0)
		write_json(reporter->status_fd, watch);
	snprintf(text, sizeof text, "READY=1\nSTATUS=%zu thread%s isolated on CPU %.64s", isolated, isolated == 1 ? "" : "s",
		 reporter->cpus);
	if (reporter->notify && isol_notify(reporter->notify, reporter->pid, text) < 0)
		say(reporter, "isolctl: cannot notify %s: %s\n", reporter->notify, strerror(errno));
}

/* One look at the program's threads, and what settle does with it. */
static void step(struct watch *watch)
{
	const struct reporter *reporter = watch->reporter;
	size_t isolated = 0, now = 0;
	scan(watch);
	for (size_t i = 0; i < watch->count; i++)
		now += strcmp(watch->threads[i].record.state, "isolated") == 0;
	if (!watch->ready && now >= reporter->workers)
		tell_ready(watch, now);
	if (reporter->settle.ms == 0)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		struct candidate *candidate = find_candidate(&watch->settle, thread->tid);
		isolated += thread->record.starts > 0;
		if (candidate && settle_record(&watch->settle, candidate, &thread->record) && thread->record.starts == 1)
			say(reporter, "isolctl: %s[%d] is isolated on CPU %d, %.3f s after the start\n", thread->name, thread->tid,
			    thread->record.cpu, (double)(isol_now_ns() - watch->start_ns) / 1e9);
	}
	settle_step(&watch->settle);
	if (!isolated)
		note_why(watch);
	if (!watch->crowded && watch->reporter->settle.records)
		say_crowded(watch);
	if (!isolated && !watch->hinted && reporter->settle.records && isol_now_ns() - watch->start_ns > HINT_NS) {
		watch->hinted = true;
		say(reporter, "isolctl: no thread of %s has settled yet:\n", reporter->program);
		say_unsettled(watch);
		say_children(watch);
	}
}

/* How many threads the program has: the links of its task directory, less "." and "..". */
static unsigned long thread_count(pid_t pid)
{
	char path[32];
	struct stat tasks;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	return stat(path, &tasks) == 0 ? (unsigned long)tasks.st_nlink : 0;
}

/*
 * Whether all is as it was: every worker isolated, no thread come or gone. Then nothing has to be looked at but the
 * records of those, and we use next to no CPU.
 */
static bool at_rest(struct watch *watch)
{
	size_t isolated = 0;
	unsigned long count = thread_count(watch->reporter->pid);
	if (!watch->ready || count != watch->thread_count) {
		watch->thread_count = count;
		return false;
	}
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *thread = &watch->threads[i];
		struct isol_record record;
		if (!thread->record.starts || thread->fd < 0)
			continue;
		if (isol_read_record(thread->fd, &record) < 0 || strcmp(record.state, "isolated") != 0 ||
		    record.starts != thread->record.starts || record.breaks != thread->record.breaks ||
		    strcmp(thread->record.state, "isolated") != 0)
			return false;
		isolated++;
	}
	return isolated >= watch->reporter->workers;
}

/* Wait for the program's end, looking at its threads now and then: often while they change, seldom when they rest. */
static void follow(struct watch *watch, int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int over;
	do {
		bool busy = isol_now_ns() - watch->changed_ns < 1000000000ULL, rest = !busy && at_rest(watch);
		int pause = rest ? 250 : watch->reporter->settle.ms ? settle_pause_ms(&watch->settle) : busy ? 20 : 250;
		over = poll(&end, 1, pause);
		if (over != 0 || !rest || !at_rest(watch))
			step(watch);
	} while (over == 0 || (over < 0 && errno == EINTR));

	watch->ended = true;
	if (watch->reporter->json)
		write_json(2, watch);
	else
		say_end(watch);
	if (watch->reporter->status_fd >= 0)
		write_json(watch->reporter->status_fd, watch);
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

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The reporter's process: tells `ready` when it watches, waits for `started` to close at exec, reports, exits. */
__attribute__((noreturn)) static void run_reporter(const struct reporter *reporter, int pidfd, int ready, int started)
{
	static struct watch watch;
	int keep[] = {pidfd, ready, started, reporter->status_fd};
	setsid(); /* Ctrl-C is for the program; what it did is still to be told */
	for (size_t i = 0; i < 4; i++)
		signal((const int[]){SIGINT, SIGTERM, SIGHUP, SIGPIPE}[i], SIG_IGN);
	prctl(PR_SET_NAME, "isol-reporter");
	sched_setaffinity(0, sizeof reporter->housekeeping, &reporter->housekeeping);
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
	qsort(keep, 4, sizeof *keep, by_number);
	close_all_but(keep, 4);
	if (chdir("/") < 0)
		errno = 0; /* then we stay, and keep a file system busy */

	watch.reporter = reporter;
	watch.settle.options = reporter->settle;
	watch.settle.pid = reporter->pid;
	watch.settle.memory = -1;
	watch.start_ns = isol_now_ns();
	open_thread(&watch, reporter->pid);
	char byte;
	pid_t self = getpid();
	if (write(ready, &self, sizeof self) != sizeof self)
		_exit(0);
	close(ready);
	if (read(started, &byte, 1) != 0)
		_exit(0); /* exec failed, and the shim has said so */
	close(started);
	watch.start_ns = isol_now_ns();
	open_thread(&watch, reporter->pid); /* again: exec of a privileged program starts a new record */
	if (watch.count == 2) {
		close(watch.threads[0].fd);
		watch.threads[0] = watch.threads[--watch.count];
	}
	follow(&watch, pidfd);
	_exit(0);
}

/*
 * Start the reporter for the calling process. Returns a descriptor to write one byte to when exec fails (it closes by
 * itself when exec succeeds), or -1 with errno.
 */
static int start_reporter(const struct reporter *reporter)
{
	int ready[2], started[2], pidfd;
	pid_t reporter_pid;
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(started, O_CLOEXEC) < 0)
		return -1;
	if ((pidfd = (int)syscall(SYS_pidfd_open, reporter->pid, 0)) < 0)
		return -1;
	pid_t between = fork();
	if (between < 0)
		return -1;
	if (between == 0) { /* fork twice: the reporter becomes a child of init */
		pid_t last = fork();
		if (last != 0)
			_exit(last < 0);
		close(started[1]);
		close(ready[0]);
		run_reporter(reporter, pidfd, ready[1], started[0]);
	}
	waitpid(between, NULL, 0);
	close(ready[1]);
	close(started[0]);
	close(pidfd);
	ssize_t got = read(ready[0], &reporter_pid, sizeof reporter_pid);
	close(ready[0]);
	if (got != sizeof reporter_pid) {
		errno = ECHILD;
		return -1;
	}
	if (reporter->settle.ms) /* Yama: a process may be traced only by its ancestors and by whom it names */
		prctl(PR_SET_PTRACER, (unsigned long)reporter_pid, 0, 0, 0);
	return started[1];
}

#endif
