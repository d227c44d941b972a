/* SPDX-License-Identifier: MIT */
/*
 * launch --lock: what a program's memory is locked with before its threads are isolated. docs/launch.md
 * says what each keeps out.
 */
#ifndef LAUNCH_LOCK_H
#define LAUNCH_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lock {
	LOCK_NONE,     /* nothing: memory stays as the program left it */
	LOCK_RESIDENT, /* mlock2(MLOCK_ONFAULT) of what is resident: the program does not grow */
	LOCK_ALL       /* mlockall(MCL_CURRENT): every mapping is made present and stays so */
};

/* "none", "resident" or "all". False: it is none of them. */
bool parse_lock(const char *text, enum lock *lock);

struct range {
	uint64_t start, length; /* bytes */
};

/* How many ranges there are at most: each can split a mapping in three (vm.max_map_count: 65530). */
enum { RANGES_MAX = 1024 };

/*
 * The ranges of a program's memory in which pages are resident, rounded to blocks of 2 MiB, or of
 * more when there would be too many, within their mappings. From /proc/PID/maps and
 * /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst). Returns how many, or -1 with errno.
 */
ssize_t resident_ranges(pid_t pid, struct range ranges[RANGES_MAX]);

/* Why memory cannot be locked, by the negative errno of mlockall() or mlock2() (mlock(2)). */
const char *why_not_locked(long error);

#endif
