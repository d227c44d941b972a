/* SPDX-License-Identifier: MIT */
/* What the reporter knows, and its form for machines: isolctl.launch/1. */
#ifndef ISOL_REPORT_H
#define ISOL_REPORT_H

#include "record.h"
#include "settle.h"
#include "words.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

struct reporter {
	pid_t pid;           /* the program: its process id before and after exec */
	const char *program; /* as it was named */
	const char *cpus;    /* cpulist, for the report */
	cpu_set_t housekeeping;
	int status_fd; /* where the JSON goes, or -1 */
	bool json;     /* JSON on stderr instead of sentences */
	bool soft;     /* isolation is not insisted on */
	bool quiet;    /* nothing on stderr */
	unsigned workers;    /* isolated threads that make it ready */
	const char *notify;  /* address of systemd's socket, or NULL */
	struct settle_options settle; /* ms 0: the program enters by itself */
};

struct watched {
	pid_t tid;
	int fd; /* its record; -1 when the thread is gone */
	bool seen;
	char name[16];
	struct isol_record record;
	unsigned long long since_ns; /* seen isolated since; 0: it is not */
};

struct told { /* one break, as it was seen */
	pid_t tid;
	char name[16];
	struct isol_record record;
	unsigned long long count;    /* breaks since the look before */
	unsigned long long since_ns; /* since the program was started */
};

enum { TOLD_MAX = 100 }; /* a program that enters again for ever must not fill our memory; the counters go on */

struct watch {
	const struct reporter *reporter;
	struct watched *threads;
	size_t count, room;
	struct told told[TOLD_MAX];
	size_t told_count;
	unsigned long long start_ns, changed_ns;
	unsigned long thread_count; /* see at_rest() */
	struct settle settle;
	char last_why[128]; /* the busiest thread is not isolated: "worker[7] sleeps" */
	bool hinted, crowded, ready, ended;
};

/* How long the thread has been isolated, or was the last time. */
static unsigned long long isolated_ns(const struct watched *thread)
{
	return thread->since_ns ? isol_now_ns() - thread->since_ns : thread->record.duration_ns;
}

static void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if (*c < 0x20 || *c == '"' || *c == '\\' || *c >= 0x7f) /* bytes above ASCII need not be UTF-8 */
			fprintf(out, "\\u%04x", *c);
		else
			fputc(*c, out);
	fputc('"', out);
}

static void json_report(FILE *out, const struct watch *watch)
{
	const struct reporter *reporter = watch->reporter;
	unsigned long long starts = 0, breaks = 0;
	for (size_t i = 0; i < watch->count; i++) {
		starts += watch->threads[i].record.starts;
		breaks += watch->threads[i].record.breaks;
	}
	fprintf(out, "{\"schema\":\"isolctl.launch/1\",\"program\":");
	json_text(out, reporter->program);
	fprintf(out, ",\"pid\":%d,\"cpus\":", reporter->pid);
	json_text(out, reporter->cpus);
	fprintf(out, ",\"ended\":%s,\"ready\":%s", watch->ended ? "true" : "false", watch->ready ? "true" : "false");
	fprintf(out, ",\"durationMs\":%llu,\"isolated\":%s,\"starts\":%llu,\"breakCount\":%llu,\"threads\":[",
		(isol_now_ns() - watch->start_ns) / 1000000, starts ? "true" : "false", starts, breaks);
	const char *comma = "";
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *thread = &watch->threads[i];
		const struct isol_record *record = &thread->record;
		if (record->starts == 0 && record->eagains == 0)
			continue;
		fprintf(out, "%s{\"tid\":%d,\"name\":", comma, thread->tid);
		json_text(out, thread->name);
		fprintf(out,
			",\"cpu\":%d,\"state\":\"%s\",\"isolatedMs\":%.3f,\"stealMs\":%.3f,\"starts\":%llu,\"refusals\":%llu,"
			"\"lastRefusal\":\"%s\",\"breaks\":%llu}",
			record->cpu, record->state, (double)isolated_ns(thread) / 1e6, (double)record->steal_ns / 1e6,
			record->starts, record->eagains,
			record->eagain, record->breaks);
		comma = ",";
	}
	fprintf(out, "],\"breaks\":[");
	for (size_t i = 0; i < watch->told_count; i++) {
		const struct told *told = &watch->told[i];
		char what[256];
		isol_say_what(what, sizeof what, &told->record);
		fprintf(out, "%s{\"tid\":%d,\"name\":", i ? "," : "", told->tid);
		json_text(out, told->name);
		fprintf(out, ",\"cpu\":%d,\"cause\":\"%s\",\"data\":\"0x%llx\",\"message\":", told->record.cpu, told->record.cause,
			told->record.data);
		json_text(out, what);
		fprintf(out, ",\"help\":");
		json_text(out, isol_say_help(&told->record));
		if (told->record.sender_cpu >= 0) {
			fprintf(out, ",\"sender\":{\"cpu\":%d,\"pid\":%d,\"name\":", told->record.sender_cpu, told->record.sender_pid);
			json_text(out, told->record.sender_name);
			fprintf(out, ",\"site\":");
			json_text(out, told->record.sender_site);
			fprintf(out, ",\"function\":");
			json_text(out, told->record.sender_function);
			fputc('}', out);
		}
		if (told->record.intruder_pid) {
			fprintf(out, ",\"intruder\":{\"pid\":%d,\"name\":", told->record.intruder_pid);
			json_text(out, told->record.intruder_name);
			fputc('}', out);
		}
		fprintf(out, ",\"count\":%llu,\"afterMs\":%.3f,\"sinceStartMs\":%.3f}", told->count,
			(double)told->record.duration_ns / 1e6, (double)told->since_ns / 1e6);
	}
	fprintf(out, "]}\n");
}

#endif
