/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "family.h"
#include "proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool make_mark(pid_t pid, char mark[FAMILY_MARK_SIZE])
{
	char stat[1024];
	const char *start = read_task(pid, pid, "stat", stat, sizeof stat) ? stat_field(stat, 22) : NULL;
	if (!start)
		return false;
	snprintf(mark, FAMILY_MARK_SIZE, "%d.%.*s", pid, (int)strcspn(start, " \n"), start);
	return true;
}

bool read_mark(pid_t pid, char mark[FAMILY_MARK_SIZE])
{
	static const char name[] = FAMILY_VARIABLE "=";
	char path[32], *variable = NULL;
	size_t size = 0;
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	FILE *environment = fopen(path, "re");
	while (environment && !found && getdelim(&variable, &size, 0, environment) > 0)
		found = strncmp(variable, name, sizeof name - 1) == 0;
	if (found)
		snprintf(mark, FAMILY_MARK_SIZE, "%s", variable + sizeof name - 1);
	free(variable);
	if (environment)
		fclose(environment);
	return found;
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

/*
 * Whether a process is of the family: by its own mark, and without one by its parent, which may be new
 * as well. `depth` ends a chain that changes while it is read.
 */
static bool is_ours(const struct family *family, pid_t pid, int depth)
{
	char mark[FAMILY_MARK_SIZE];
	if (pid == family->pid)
		return true;
	if (pid <= 1 || !depth)
		return false;
	if (read_mark(pid, mark))
		return strcmp(mark, family->mark) == 0;
	const struct known *known = find(family->known, family->count, pid);
	return known ? known->ours : is_ours(family, parent_of(pid), depth - 1);
}

size_t look_for_family(struct family *family, void (*found)(void *context, pid_t pid), void *context)
{
	enum { DEPTH_MAX = 32 };
	struct known *now = NULL;
	size_t count = 0, room = 0, fresh = 0;
	DIR *processes = opendir("/proc");
	for (struct dirent *entry; processes && (entry = readdir(processes));) {
		const pid_t pid = atoi(entry->d_name);
		if (pid <= 1 || pid == family->pid || pid == getpid())
			continue;
		if (count == room) {
			room = room ? room * 2 : 256;
			struct known *more = realloc(now, room * sizeof *now);
			if (!more)
				break;
			now = more;
		}
		const struct known *before = find(family->known, family->count, pid);
		now[count] = (struct known){pid, before ? before->ours : is_ours(family, pid, DEPTH_MAX)};
		fresh += !before;
		if (now[count].ours && !before)
			found(context, pid);
		count++;
	}
	if (processes)
		closedir(processes);
	if (now)
		qsort(now, count, sizeof *now, by_pid);
	free(family->known);
	family->known = now;
	family->count = count;
	return fresh;
}
