/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "record.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A copy of the value that starts at `value` and ends before one of the characters in `ends`. */
static void copy(char *to, size_t size, const char *value, const char *ends)
{
	const size_t length = strcspn(value, ends);
	const size_t kept = length < size ? length : size - 1;
	memcpy(to, value, kept);
	to[kept] = 0;
}

static void copy_word(char word[16], const char *text, const char *key)
{
	const char *value = field_of(text, key);
	copy(word, 16, value ? value : "unknown", "\n");
}

/* The decimal number after "name=", or `absent`. Negative and too large ones are absent as well. */
static int number_after(const char *text, int absent)
{
	const long number = *text >= '0' && *text <= '9' ? strtol(text, NULL, 10) : -1;
	return number >= 0 && number <= INT_MAX ? (int)number : absent;
}

/*
 * What stands after "name=" in a line of such words, or NULL. "comm=" is the last one: its value
 * may hold spaces and "=".
 */
static const char *word_of(const char *line, const char *name)
{
	const size_t length = strlen(name);
	while (line && *line && *line != '\n') {
		if (strncmp(line, name, length) == 0 && line[length] == '=')
			return line + length + 1;
		if (strncmp(line, "comm=", 5) == 0)
			return NULL;
		line += strcspn(line, " \n");
		line += strspn(line, " ");
	}
	return NULL;
}

/*
 * "sender:        cpu=0 pid=7 func=flush_tlb_func site=on_each_cpu_cond_mask+0x20/0x30 comm=a
 * name"; func may be missing.
 */
static void parse_sender(struct record *record, const char *text)
{
	const char *line = field_of(text, "sender");
	const char *cpu = word_of(line, "cpu"), *pid = word_of(line, "pid");
	const char *function = word_of(line, "func"), *site = word_of(line, "site");
	const char *name = word_of(line, "comm");
	record->sender_cpu = cpu && pid && number_after(pid, -1) >= 0 ? number_after(cpu, -1) : -1;
	if (record->sender_cpu < 0)
		return;
	record->sender_pid = number_after(pid, 0);
	copy(record->sender_function, sizeof record->sender_function, function ? function : "", " +\n");
	copy(record->sender_site, sizeof record->sender_site, site ? site : "", " +\n");
	copy(record->sender_name, sizeof record->sender_name, name ? name : "", "\n");
}

/* "intruder:	pid=77 comm=a name" */
static void parse_intruder(struct record *record, const char *text)
{
	const char *line = field_of(text, "intruder");
	const char *pid = word_of(line, "pid"), *name = word_of(line, "comm");
	if (!pid || !name)
		return;
	record->intruder_pid = number_after(pid, 0);
	copy(record->intruder_name, sizeof record->intruder_name, name, "\n");
}

/* "deferred:	text=12 tlb=3" */
static void parse_deferred(struct record *record, const char *text)
{
	const char *line = field_of(text, "deferred");
	const char *patched = word_of(line, "text"), *unmapped = word_of(line, "tlb");
	record->deferred_text = patched ? strtoull(patched, NULL, 10) : 0;
	record->deferred_tlb = unmapped ? strtoull(unmapped, NULL, 10) : 0;
}

struct record parse_record(const char *text)
{
	const char *cpu = field_of(text, "cpu");
	struct record record = {
		.data = number_of(text, "data"),
		.time_ns = number_of(text, "time_ns"),
		.duration_ns = number_of(text, "duration_ns"),
		.starts = number_of(text, "starts"),
		.eagains = number_of(text, "eagains"),
		.breaks = number_of(text, "breaks"),
		.cpu = cpu ? number_after(cpu, -1) : -1,
		.steal_ns = number_of(text, "steal_ns"),
	};
	copy_word(record.state, text, "state");
	copy_word(record.cause, text, "cause");
	copy_word(record.eagain, text, "eagain");
	parse_sender(&record, text);
	parse_intruder(&record, text);
	parse_deferred(&record, text);
	return record;
}

bool read_record(int fd, struct record *record)
{
	char text[1024];
	ssize_t length = pread(fd, text, sizeof text - 1, 0);
	if (length <= 0)
		return false;
	text[length] = 0;
	if (!field_of(text, "state"))
		return false;
	*record = parse_record(text);
	return true;
}

bool is_isolated(const struct record *record)
{
	return strcmp(record->state, "isolated") == 0;
}
