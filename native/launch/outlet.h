/* SPDX-License-Identifier: MIT */
/*
 * Output that never makes the writer wait: a terminal that was stopped with Ctrl-S, or a full pipe
 * that nobody reads, must not keep the supervisor from its work.
 *
 * The descriptor is shared with the program, so that it cannot be made non-blocking: the program would
 * find it so. A pipe or a terminal is opened once more, a socket is asked not to wait with each
 * message, and nobody waits for a file. Where a pipe may not be opened again (it is another user's),
 * it is written to when it has room.
 */
#ifndef LAUNCH_OUTLET_H
#define LAUNCH_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTLET_MAX = 256 << 10 /* bytes that wait for a reader */ };

struct outlet {
	int fd; /* -1: what is put here is dropped */
	bool socket, terminal, opened;
	char *text; /* that waits */
	size_t size;
	bool silent;   /* no line may say that texts are lost; false after open_outlet() */
	uint64_t lost; /* texts that found no room, and are not named yet */
};

/* Begin to write to a descriptor, or to none (-1). */
void open_outlet(struct outlet *outlet, int fd);

/*
 * Write a text after those that wait, now or later. When too much waits, it is dropped, and a line says
 * how many were when there is room again. A text of any size finds room when nothing waits.
 */
void put_text(struct outlet *outlet, const char *text, size_t size);

/* Write what can be written without waiting. */
void write_waiting_text(struct outlet *outlet);

/* Wait until everything is written, or cannot be. */
void drain_outlets(struct outlet *const outlets[], size_t count);

#endif
