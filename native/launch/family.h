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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAMILY_VARIABLE "ISOLCTL_LAUNCH"

enum { FAMILY_MARK_SIZE = 48 };

/*
 * The mark of a launch: "PID.START", the program's process id and start time (proc(5), stat, field
 * 22). False when /proc cannot be read.
 */
bool make_mark(pid_t pid, char mark[FAMILY_MARK_SIZE]);

/* Which launch the environment of a process names. False: none, or it cannot be read. */
bool read_mark(pid_t pid, char mark[FAMILY_MARK_SIZE]);

struct known { /* a process that was there at the last look */
	pid_t pid;
	bool ours;
};

struct family {
	pid_t pid; /* the program */
	const char *mark;
	struct known *known; /* ascending */
	size_t count;
};

/*
 * Look for new processes: `found` is called for each of the family, with its process id. Returns how many
 * of any kind were new: a chain of forks may have gone on meanwhile.
 */
size_t look_for_family(struct family *family, void (*found)(void *context, pid_t pid), void *context);

#endif
