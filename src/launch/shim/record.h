/* SPDX-License-Identifier: MIT */
/* What the kernel tells of one thread in /proc/PID/task/TID/task_isolation: one "key:<tab>value" per line. */
#ifndef ISOL_RECORD_H
#define ISOL_RECORD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct isol_record {
	char state[16];  /* off, starting, isolated, lost */
	char cause[16];  /* why isolation ended last: none, syscall, page_fault, ... */
	char eagain[16]; /* what refused the last start: none, lru, vmstat, ... */
	unsigned long long data; /* by cause: system call number, address, vector, ... */
	unsigned long long time_ns, duration_ns; /* when isolation ended last (CLOCK_MONOTONIC), and how long it had held */
	unsigned long long starts, eagains, breaks;
	int cpu, signal; /* cpu -1: never isolated */
	unsigned long long steal_ns; /* what a hypervisor took from the CPU meanwhile, if it tells */
	/* Who interrupted the thread from another CPU. sender_cpu -1: not known. */
	int sender_cpu, sender_pid;
	char sender_name[16];
	char sender_function[64], sender_site[64]; /* in the kernel: "flush_tlb_func" on behalf of "native_flush_tlb_multi+..." */
	/* The first other thread that ran on its CPU, if that was the cause. 0: not known. */
	int intruder_pid;
	char intruder_name[16];
};

/* CLOCK_MONOTONIC, which is also the record's. */
static inline unsigned long long isol_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
}

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

/* "sender:	cpu=0 pid=7 func=flush_tlb_func site=on_each_cpu_cond_mask+0x20/0x30 comm=a name"; func may be missing. */
static void isol_parse_sender(struct isol_record *record, const char *text)
{
	static const char site[] = "site=", function[] = "func=", name[] = "comm=";
	char line[256];
	const char *value = isol_field(text, "sender"), *at;
	record->sender_cpu = -1;
	if (!value)
		return;
	snprintf(line, sizeof line, "%.*s", (int)strcspn(value, "\n"), value);
	if (sscanf(line, "cpu=%d pid=%d", &record->sender_cpu, &record->sender_pid) != 2) {
		record->sender_cpu = -1;
		return;
	}
	if ((at = strstr(line, function)))
		snprintf(record->sender_function, sizeof record->sender_function, "%.*s", (int)strcspn(at + 5, " +"), at + 5);
	if ((at = strstr(line, site)))
		snprintf(record->sender_site, sizeof record->sender_site, "%.*s", (int)strcspn(at + 5, " +"), at + 5);
	if ((at = strstr(line, name)))
		snprintf(record->sender_name, sizeof record->sender_name, "%s", at + 5);
}

/* "intruder:	pid=77 comm=a name" */
static void isol_parse_intruder(struct isol_record *record, const char *text)
{
	const char *value = isol_field(text, "intruder");
	if (!value || sscanf(value, "pid=%d comm=%15[^\n]", &record->intruder_pid, record->intruder_name) != 2)
		record->intruder_pid = 0;
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
		.steal_ns = isol_number(text, "steal_ns"),
	};
	isol_word(record.state, text, "state");
	isol_word(record.cause, text, "cause");
	isol_word(record.eagain, text, "eagain");
	isol_parse_sender(&record, text);
	isol_parse_intruder(&record, text);
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
