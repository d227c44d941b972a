/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "family.h"
#include "proc.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

bool make_mark(pid_t pid, char mark[FAMILY_MARK_SIZE])
{
	uint64_t random[2];
	const uint64_t start = start_of(pid);
	if (!start || getrandom(random, sizeof random, 0) != sizeof random)
		return false;
	snprintf(mark, FAMILY_MARK_SIZE, "%d.%" PRIu64 ".%016" PRIx64 "%016" PRIx64, pid, start, random[0],
		 random[1]);
	return true;
}

enum variable read_mark(pid_t pid, char mark[FAMILY_MARK_SIZE])
{
	return read_variable(pid, FAMILY_VARIABLE, mark, FAMILY_MARK_SIZE);
}

static int by_pid(const void *a, const void *b)
{
	const struct known *one = a, *other = b;
	return (one->pid > other->pid) - (one->pid < other->pid);
}

static struct known *find(struct known *known, size_t count, pid_t pid)
{
	const struct known wanted = {.pid = pid};
	return known ? bsearch(&wanted, known, count, sizeof *known, by_pid) : NULL;
}

static pid_t parent_of(pid_t pid)
{
	char stat[1024];
	const char *parent = read_task(pid, pid, "stat", stat, sizeof stat) ? stat_field(stat, 4) : NULL;
	return parent ? atoi(parent) : 0;
}

/* A flag in /proc/PID/stat: a thread of the kernel (include/linux/sched.h: PF_KTHREAD). */
#define KERNEL_THREAD 0x200000UL

static bool is_kernels(pid_t pid)
{
	char stat[1024];
	const char *flags = read_task(pid, pid, "stat", stat, sizeof stat) ? stat_field(stat, 9) : NULL;
	return flags && strtoul(flags, NULL, 10) & KERNEL_THREAD;
}

/*
 * Whether a process is of the family: by its own mark, and without one by its parent, which may be new
 * as well. `depth` ends a chain that changes while it is read. `sure`: false when a process without an
 * environment is not of the family: it may be executing a program, with our mark.
 */
static bool is_ours(const struct family *family, pid_t pid, int depth, bool *sure)
{
	char mark[FAMILY_MARK_SIZE];
	if (pid <= 1 || !depth)
		return false;
	const uint64_t start = start_of(pid);
	if (pid == family->pid && start == family->start)
		return true;
	const enum variable found = read_mark(pid, mark);
	if (found == FOUND_VARIABLE)
		return strcmp(mark, family->mark) == 0;
	const struct known *known = find(family->known, family->count, pid);
	const bool ours = known && known->start == start ? known->ours
							 : is_ours(family, parent_of(pid), depth - 1, sure);
	if (!ours && found == NO_ENVIRONMENT && !is_kernels(pid))
		*sure = false;
	return ours;
}

bool is_taken(struct family *family, pid_t pid)
{
	char mark[FAMILY_MARK_SIZE];
	if (read_mark(pid, mark) != FOUND_VARIABLE || strcmp(mark, family->mark) == 0)
		return false;
	struct known *known = find(family->known, family->count, pid);
	if (known)
		known->ours = false;
	if (pid == family->pid)
		family->pid = 0;
	return true;
}

/*
 * Judge a process that was not there at the last look. False: it is to be judged again at the next one.
 */
static bool judge(const struct family *family, struct known *process,
		  bool (*found)(void *context, pid_t pid, uint64_t start), void *context)
{
	enum { DEPTH_MAX = 32 };
	bool sure = true;
	process->ours = is_ours(family, process->pid, DEPTH_MAX, &sure);
	return process->ours ? found(context, process->pid, process->start) : sure;
}

size_t look_for_family(struct family *family, bool (*found)(void *context, pid_t pid, uint64_t start),
		       void *context)
{
	struct known *now = NULL;
	size_t count = 0, room = 0, fresh = 0;
	DIR *processes = opendir("/proc");
	if (!processes)
		return 0; /* what is known stays known */
	for (struct dirent *entry; (entry = readdir(processes));) {
		const pid_t pid = atoi(entry->d_name);
		if (pid <= 1 || pid == getpid())
			continue;
		if (count == room) {
			room = room ? room * 2 : 256;
			struct known *more = realloc(now, room * sizeof *now);
			if (!more) {
				free(now);
				closedir(processes);
				return fresh;
			}
			now = more;
		}
		const struct known *before = find(family->known, family->count, pid);
		/* The start of each process would cost much, and a stranger's number is no key to ours. */
		if (before && (!before->ours || before->start == start_of(pid))) {
			now[count++] = *before;
			continue;
		}
		now[count] = (struct known){.pid = pid, .start = start_of(pid)};
		if (pid == family->pid && now[count].start == family->start)
			continue;
		fresh++;
		count += judge(family, &now[count], found, context);
	}
	closedir(processes);
	if (now)
		qsort(now, count, sizeof *now, by_pid);
	free(family->known);
	family->known = now;
	family->count = count;
	return fresh;
}
