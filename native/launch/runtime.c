/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "runtime.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

/* What Go's linker puts into each program: src/debug/buildinfo/buildinfo.go. */
static bool is_go(pid_t pid)
{
	static const char go[] = "\xff Go buildinf:";
	char path[32];
	struct stat file;
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &file) == 0 && file.st_size > 0) {
		void *bytes = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes != MAP_FAILED) {
			found = memmem(bytes, (size_t)file.st_size, go, sizeof go - 1);
			munmap(bytes, (size_t)file.st_size);
		}
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
