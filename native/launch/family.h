/* SPDX-License-Identifier: MIT */
/*
 * The processes that a launched program started, at any depth: found in /proc, without being their
 * parent, their tracer, or in charge of their control group, none of which a program would fail to
 * notice.
 *
 * A process is of the family when its parent is, or when its environment has the mark that isol-exec
 * gave the program: a daemon that forked twice has lost its parent, and kept its environment. One
 * whose environment has the mark of another launch is that launch's. What cleans its environment and
 * loses its parent between two looks is not found.
 */
#ifndef LAUNCH_FAMILY_H
#define LAUNCH_FAMILY_H

#include "proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAMILY_VARIABLE "ISOLCTL_LAUNCH"

enum { FAMILY_MARK_SIZE = 80 };

/*
 * A new mark of a launch: "PID.START.RANDOM", the program's process id and start time (proc(5), stat,
 * field 22), and 128 random bits in hex. Who can read it, in the environment, may trace the program
 * anyway; nobody else can guess it, and make a process of his one that is isolated. False when /proc or
 * random numbers cannot be had.
 */
bool make_mark(pid_t pid, char mark[FAMILY_MARK_SIZE]);

/* Which launch the environment of a process names. */
enum variable read_mark(pid_t pid, char mark[FAMILY_MARK_SIZE]);

struct known { /* a process that was there at the last look */
	pid_t pid;
	uint64_t start; /* another process may get its number: see start_of() */
	bool ours;
};

struct family {
	pid_t pid; /* the program, */
	uint64_t start;
	const char *mark;
	struct known *known; /* ascending */
	size_t count;
};

/*
 * Look for new processes: `found` is called for each of the family, and asked again at the next look when
 * it returns false. Returns how many of any kind were new: a chain of forks may have gone on meanwhile.
 */
size_t look_for_family(struct family *family, bool (*found)(void *context, pid_t pid, uint64_t start),
		       void *context);

/*
 * Whether another launch has a process that was of the family: it executed isolctl launch, and then the
 * other program. It is not of the family any more, nor is what it starts.
 */
bool is_taken(struct family *family, pid_t pid);

#endif
