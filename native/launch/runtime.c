/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The largest command line and environment that is looked at. More is taken as without the setting. */
enum { WORDS_SIZE = 256 << 10 };

/* Whether a word of /proc/PID/NAME, each ended by NUL, contains the setting. */
static bool has_word(pid_t pid, const char *name, const char *setting)
{
	char path[32];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *words = fd < 0 ? NULL : malloc(WORDS_SIZE);
	size_t length = 0;
	for (ssize_t got;
	     words && length < WORDS_SIZE && (got = read(fd, words + length, WORDS_SIZE - length)) > 0;)
		length += (size_t)got;
	if (words)
		found = memmem(words, length, setting, strlen(setting));
	free(words);
	if (fd >= 0)
		close(fd);
	return found;
}

static bool is_set(pid_t pid, const char *setting)
{
	return has_word(pid, "environ", setting) || has_word(pid, "cmdline", setting);
}

static bool maps_file(pid_t pid, const char *name)
{
	char path[32], line[512];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof line, maps))
		found = strstr(line, name);
	if (maps)
		fclose(maps);
	return found;
}

/* The largest part of an executable file that is looked at: a file may be of any size, with nothing in it. */
enum { PROGRAM_SIZE = 256 << 20 };

/*
 * What Go's linker puts into each program: src/debug/buildinfo/buildinfo.go. The file is read, not mapped:
 * somebody may shorten it meanwhile.
 */
static bool is_go(pid_t pid)
{
	static const char go[] = "\xff Go buildinf:";
	enum { OVERLAP = sizeof go - 2, CHUNK = 64 << 10 };
	static char bytes[OVERLAP + CHUNK]; /* the end of the chunk before, and this one */
	char path[32];
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	memset(bytes, 0, OVERLAP);
	ssize_t got;
	for (off_t at = 0; !found && at < PROGRAM_SIZE && (got = pread(fd, bytes + OVERLAP, CHUNK, at)) > 0;
	     at += got) {
		found = memmem(bytes, OVERLAP + (size_t)got, go, sizeof go - 1);
		memmove(bytes, bytes + got, OVERLAP);
	}
	close(fd);
	return found;
}

const char *find_runtime(pid_t pid)
{
	if (is_go(pid) && !is_set(pid, "asyncpreemptoff=1"))
		return "is a Go program, whose runtime interrupts its own threads "
		       "without GODEBUG=asyncpreemptoff=1 (--runtime-hints)";
	if (maps_file(pid, "/libjvm.so") && !is_set(pid, "UseEpsilonGC"))
		return "runs in a Java VM, which interrupts its own threads "
		       "without -XX:+UseEpsilonGC (--runtime-hints)";
	return "";
}
