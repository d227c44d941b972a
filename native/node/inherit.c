/* SPDX-License-Identifier: MIT */
/*
 * isol-inherit.so, which isolctl launch loads into Node.js before it becomes the program. When
 * Node.js starts, it sets close-on-exec on the descriptors that it inherited (libuv,
 * uv_disable_stdio_inheritance()), and JavaScript cannot undo that: the program would lose the
 * sockets of systemd (sd_listen_fds(3)), the pipe of a job server, a lock that its caller holds.
 *
 * It is no module of Node.js: loading it is all. It takes close-on-exec from the descriptors that
 * bin/isolctl has written down in ISOLCTL_INHERITED, as "PID:3,5,", before Node.js began. Without that
 * it takes it from every descriptor but those of a kind that Node.js itself opens, which are event
 * polls, event counters, io_uring, /dev/null, and pipes of which it has both ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { FIRST = 3, LAST = 1023 };

static bool read_kind(int fd, char *kind, size_t size)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const ssize_t length = readlink(path, kind, size - 1);
	kind[length > 0 ? length : 0] = 0;
	return length > 0;
}

/* Whether this process has the other end of a pipe, too. */
static bool has_both_ends(int fd, const char *pipe)
{
	const int mode = fcntl(fd, F_GETFL) & O_ACCMODE;
	char kind[64];
	for (int other = FIRST; other <= LAST; other++)
		if (other != fd && fcntl(other, F_GETFD) >= 0 &&
		    (fcntl(other, F_GETFL) & O_ACCMODE) != mode && read_kind(other, kind, sizeof kind) &&
		    strcmp(kind, pipe) == 0)
			return true;
	return false;
}

static bool is_of_node(int fd)
{
	static const char *const own[] = {"anon_inode:[eventpoll]", "anon_inode:[eventfd]",
					  "anon_inode:[io_uring]", "/dev/null"};
	char kind[64];
	if (!read_kind(fd, kind, sizeof kind))
		return true;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(kind, own[i]) == 0)
			return true;
	return strncmp(kind, "pipe:", 5) == 0 && has_both_ends(fd, kind);
}

static void pass(int fd)
{
	const int flags = fcntl(fd, F_GETFD);
	if (flags >= 0)
		fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

/* Whether the list is for this process: a program that it starts inherits the variable. */
static bool pass_listed(const char *list)
{
	char *end;
	if (!list || strtol(list, &end, 10) != getpid() || *end != ':')
		return false;
	for (const char *next = end + 1; *next; next = end + 1) {
		const long fd = strtol(next, &end, 10);
		if (end == next || *end != ',')
			return true;
		if (fd >= FIRST)
			pass((int)fd);
	}
	return true;
}

__attribute__((constructor)) static void pass_inherited(void)
{
	if (pass_listed(getenv("ISOLCTL_INHERITED")))
		return;
	for (int fd = FIRST; fd <= LAST; fd++) {
		const int flags = fcntl(fd, F_GETFD);
		if (flags >= 0 && flags & FD_CLOEXEC && !is_of_node(fd))
			pass(fd);
	}
}
