/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 4096, SMALLEST_BLOCK = 2 << 20, ENTRIES = 8192 /* of the page map, read at once */ };

/* Bit 63 of an entry of the page map: the page is present. */
#define PRESENT (UINT64_C(1) << 63)

bool parse_lock(const char *text, enum lock *lock)
{
	static const char *const names[] = {"none", "resident", "all"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*lock = (enum lock)i;
			return true;
		}
	return false;
}

struct collection {
	struct range *ranges;
	size_t count;
	uint64_t block; /* bytes */
	bool full;
};

/* Add the block of that page, within its mapping. */
static void add(struct collection *to, uint64_t page, uint64_t low, uint64_t high)
{
	const uint64_t block = page & ~(to->block - 1);
	const uint64_t start = block < low ? low : block;
	const uint64_t end = high - block < to->block ? high : block + to->block;
	struct range *last = to->count ? &to->ranges[to->count - 1] : NULL;
	if (last && last->start + last->length >= start && last->start >= low) {
		last->length = end - last->start;
	} else if (to->count == RANGES_MAX) {
		to->full = true;
	} else {
		to->ranges[to->count++] = (struct range){start, end - start};
	}
}

/* Collect the blocks of one mapping. -1 with errno. */
static int collect(struct collection *to, int pagemap, uint64_t low, uint64_t high)
{
	static uint64_t entries[ENTRIES];
	for (uint64_t at = low; at < high && !to->full;) {
		const uint64_t left = (high - at) / PAGE;
		const size_t wanted = (left < ENTRIES ? left : ENTRIES) * sizeof *entries;
		const ssize_t got = pread(pagemap, entries, wanted, (off_t)(at / PAGE * sizeof *entries));
		if (got < (ssize_t)sizeof *entries)
			return got < 0 ? -1 : 0; /* 0: the program is gone */
		for (size_t i = 0; i < (size_t)got / sizeof *entries; i++)
			if (entries[i] & PRESENT)
				add(to, at + i * PAGE, low, high);
		at += (uint64_t)got / sizeof *entries * PAGE;
	}
	return 0;
}

ssize_t resident_ranges(pid_t pid, struct range ranges[RANGES_MAX])
{
	char path[32], line[512];
	struct collection found = {.full = true};
	snprintf(path, sizeof path, "/proc/%d/pagemap", pid);
	const int pagemap = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = pagemap < 0 ? NULL : fopen(path, "re");
	int error = maps ? 0 : errno;
	for (uint64_t block = SMALLEST_BLOCK; maps && found.full && block; block *= 2) {
		found = (struct collection){.ranges = ranges, .block = block};
		rewind(maps);
		while (!error && !found.full && fgets(line, sizeof line, maps)) {
			uint64_t low, high;
			if (sscanf(line, "%lx-%lx", &low, &high) != 2 || strstr(line, "[vsyscall]"))
				continue;
			if (collect(&found, pagemap, low, high) < 0)
				error = errno;
		}
	}
	if (maps)
		fclose(maps);
	if (pagemap >= 0)
		close(pagemap);
	errno = error;
	return error ? -1 : (ssize_t)found.count;
}

const char *why_not_locked(long error)
{
	switch (-error) {
	case EPERM:
		return "it may lock no memory (ulimit -l is 0)";
	case ENOMEM:
		return "it would lock more than it may (ulimit -l), or have too many mappings "
		       "(vm.max_map_count)";
	case EAGAIN:
		return "some of it could not be read in or locked, try again";
	case EIO:
		return "a page of a mapped file cannot be read: the file is shorter, or its disk fails";
	case EINTR:
		return "a signal stopped the program meanwhile";
	case ESRCH:
		return "it ended, or executed another program";
	case ETIMEDOUT:
		return "it takes long, and goes on";
	}
	return strerror((int)-error);
}
