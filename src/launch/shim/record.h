/* SPDX-License-Identifier: MIT */
/* What the kernel tells of one thread in /proc/PID/task/TID/task_isolation: one "key:<tab>value" per line. */
#ifndef ISOL_RECORD_H
#define ISOL_RECORD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct isol_record {
	char state[16];  /* off, starting, isolated, lost */
	char cause[16];  /* why isolation ended last: none, syscall, page_fault, ... */
	char eagain[16]; /* what refused the last start: none, lru, vmstat, ... */
	unsigned long long data; /* by cause: system call number, address, vector, ... */
	unsigned long long time_ns, duration_ns; /* when isolation ended last (CLOCK_MONOTONIC), and how long it had held */
	unsigned long long starts, eagains, breaks;
	int cpu, signal; /* cpu -1: never isolated */
};

/* The value of `key`, or NULL. The text is ended by a newline or NUL. */
static const char *isol_field(const char *text, const char *key)
{
	size_t length = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, key, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	return NULL;
}

static void isol_word(char word[16], const char *text, const char *key)
{
	const char *value = isol_field(text, key);
	snprintf(word, 16, "%.*s", value ? (int)strcspn(value, "\n") : 7, value ? value : "unknown");
}

static unsigned long long isol_number(const char *text, const char *key)
{
	const char *value = isol_field(text, key);
	return value ? strtoull(value, NULL, 0) : 0;
}

static struct isol_record isol_parse(const char *text)
{
	struct isol_record record = {
		.data = isol_number(text, "data"),
		.time_ns = isol_number(text, "time_ns"),
		.duration_ns = isol_number(text, "duration_ns"),
		.starts = isol_number(text, "starts"),
		.eagains = isol_number(text, "eagains"),
		.breaks = isol_number(text, "breaks"),
		.cpu = (int)isol_number(text, "cpu"),
		.signal = (int)isol_number(text, "signal"),
	};
	isol_word(record.state, text, "state");
	isol_word(record.cause, text, "cause");
	isol_word(record.eagain, text, "eagain");
	return record;
}

/* Read the record behind an open file. Returns 0, or -1 when it cannot be read or is not one. */
static inline int isol_read_record(int fd, struct isol_record *record)
{
	char text[1024];
	ssize_t length = pread(fd, text, sizeof text - 1, 0);
	if (length <= 0)
		return -1;
	text[length] = 0;
	if (!isol_field(text, "state"))
		return -1;
	*record = isol_parse(text);
	return 0;
}

#endif
