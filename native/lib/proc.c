/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool read_task(pid_t pid, pid_t tid, const char *file, char *text, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t length = read(fd, text, size - 1);
	close(fd);
	text[length > 0 ? length : 0] = 0;
	return length > 0;
}

bool read_name(pid_t pid, pid_t tid, char name[NAME_SIZE])
{
	char text[NAME_SIZE + 1]; /* with the newline */
	if (!read_task(pid, tid, "comm", text, sizeof text))
		return false;
	text[strcspn(text, "\n")] = 0;
	snprintf(name, NAME_SIZE, "%.*s", NAME_SIZE - 1, text);
	return true;
}

const char *stat_field(const char *stat, int number)
{
	/* Field 2, the name in parentheses, may hold anything: count from its end. */
	const char *field = strrchr(stat, ')');
	for (int at = 2; field && at < number; at++) {
		field = strchr(field, ' ');
		if (field)
			field++;
	}
	return field;
}

uint64_t start_of(pid_t pid)
{
	char stat[1024];
	const char *start = read_task(pid, pid, "stat", stat, sizeof stat) ? stat_field(stat, 22) : NULL;
	return start ? strtoull(start, NULL, 10) : 0;
}

/* More than exec takes (fs/exec.c: three quarters of _STK_LIM). */
enum { ENVIRONMENT_MAX = 6 << 20 };

enum variable read_variable(pid_t pid, const char *name, char *value, size_t size)
{
	static char text[ENVIRONMENT_MAX + 1];
	const size_t prefix = strlen(name);
	char path[32];
	size_t length = 0;
	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NO_VARIABLE;
	for (ssize_t got;
	     length < ENVIRONMENT_MAX && (got = read(fd, text + length, ENVIRONMENT_MAX - length)) > 0;)
		length += (size_t)got;
	close(fd);
	text[length] = 0;
	for (const char *variable = text; variable < text + length; variable += strlen(variable) + 1)
		if (strncmp(variable, name, prefix) == 0 && variable[prefix] == '=') {
			snprintf(value, size, "%s", variable + prefix + 1);
			return FOUND_VARIABLE;
		}
	return length ? NO_VARIABLE : NO_ENVIRONMENT;
}

const char *field_of(const char *text, const char *key)
{
	const size_t length = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, key, length) == 0 && line[length] == ':')
			return line + length + 1 + strspn(line + length + 1, " \t");
	return NULL;
}

unsigned long long number_of(const char *text, const char *key)
{
	const char *value = field_of(text, key);
	/*
	 * strtoull() would also take a sign, and go on to the next line where the value is empty.
	 */
	return value && *value >= '0' && *value <= '9' ? strtoull(value, NULL, 0) : 0;
}
