/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What a terminal takes that says it has room: drivers/tty/n_tty.c asks for 256 bytes less than what waits
 * in its buffer, and each newline becomes two bytes.
 */
enum { TERMINAL_ROOM = 64 };

void open_outlet(struct outlet *outlet, int fd)
{
	char path[32];
	struct stat file;
	*outlet = (struct outlet){.fd = fd};
	if (fd < 0 || fstat(fd, &file) < 0)
		return;
	outlet->socket = S_ISSOCK(file.st_mode);
	outlet->terminal = S_ISCHR(file.st_mode);
	if (S_ISREG(file.st_mode)) /* would be written from its beginning */
		outlet->opened = true;
	if (!S_ISFIFO(file.st_mode) && !S_ISCHR(file.st_mode))
		return;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const int again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		return;
	outlet->fd = again;
	outlet->opened = true;
}

/* How much was written; -1 with errno: EAGAIN, there is no room. */
static ssize_t write_some(const struct outlet *outlet)
{
	struct pollfd room = {.fd = outlet->fd, .events = POLLOUT};
	if (outlet->socket)
		return send(outlet->fd, outlet->text, outlet->size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (outlet->opened)
		return write(outlet->fd, outlet->text, outlet->size);
	if (poll(&room, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	/* A pipe with room takes that much at once (pipe(7)), and a terminal much less (n_tty_poll()). */
	const size_t most = outlet->terminal ? TERMINAL_ROOM : PIPE_BUF;
	return write(outlet->fd, outlet->text, outlet->size < most ? outlet->size : most);
}

static bool append(struct outlet *outlet, const char *text, size_t size)
{
	const bool fits = !outlet->size || (outlet->size < OUTLET_MAX && size <= OUTLET_MAX - outlet->size);
	char *longer = fits ? realloc(outlet->text, outlet->size + size) : NULL;
	if (!longer)
		return false;
	memcpy(longer + outlet->size, text, size);
	outlet->text = longer;
	outlet->size += size;
	return true;
}

/* Name the texts that are lost, when nothing waits. */
static void name_lost(struct outlet *outlet)
{
	char line[96];
	if (outlet->size || !outlet->lost || outlet->silent)
		return;
	const int length = snprintf(line, sizeof line,
				    "isolctl: %" PRIu64 " messages are lost: they were not read in time\n",
				    outlet->lost);
	if (append(outlet, line, (size_t)length))
		outlet->lost = 0;
}

void write_waiting_text(struct outlet *outlet)
{
	for (name_lost(outlet); outlet->size; name_lost(outlet)) {
		const ssize_t wrote = write_some(outlet);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN)
			return;
		/* Nobody can read it any more, or the disk is full. */
		const size_t done = wrote > 0 ? (size_t)wrote : outlet->size;
		memmove(outlet->text, outlet->text + done, outlet->size - done);
		outlet->size -= done;
	}
}

void put_text(struct outlet *outlet, const char *text, size_t size)
{
	if (outlet->fd < 0 || !size)
		return;
	write_waiting_text(outlet);
	if (!append(outlet, text, size))
		outlet->lost++;
	write_waiting_text(outlet);
}

void drain_outlets(struct outlet *const outlets[], size_t count)
{
	enum { MOST = 4 };
	struct pollfd room[MOST];
	for (;;) {
		size_t waiting = 0;
		for (size_t i = 0; i < count && i < MOST; i++) {
			write_waiting_text(outlets[i]);
			room[i] = (struct pollfd){.fd = outlets[i]->size ? outlets[i]->fd : -1,
						  .events = POLLOUT};
			waiting += outlets[i]->size > 0;
		}
		if (!waiting)
			return;
		poll(room, (nfds_t)(count < MOST ? count : MOST), -1);
	}
}
