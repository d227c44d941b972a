/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "clock.h"
#include "json.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t isolated_ns(const struct watched *thread)
{
	return thread->since_ns ? now_ns() - thread->since_ns : thread->record.duration_ns;
}

bool is_same_kind(const struct reported *one, const struct event *other)
{
	const struct record *a = &one->record, *b = &other->record;
	const bool numbered = strcmp(a->cause, "page_fault") != 0 && strcmp(a->cause, "sched") != 0;
	return one->tid == other->tid && strcmp(a->cause, b->cause) == 0 &&
	       (!numbered || a->data == b->data) && strcmp(a->sender_function, b->sender_function) == 0 &&
	       strcmp(a->sender_site, b->sender_site) == 0 && strcmp(a->sender_name, b->sender_name) == 0 &&
	       strcmp(a->intruder_name, b->intruder_name) == 0;
}

uint64_t new_breaks(const struct record *old, const struct record *record)
{
	return record->breaks > old->breaks ? record->breaks - old->breaks : 0;
}

bool has_ended(const struct watch *watch, const struct watched *thread)
{
	const struct record *record = &thread->record;
	/*
	 * A thread of a process that was told to end is off whatever it did then. One that is refused a
	 * start is off as well, after a break or after it left by itself. One that was leaving and asked
	 * again is off with the cause of the first entry, and lives.
	 */
	return record->starts > 0 && strcmp(record->state, "off") == 0 &&
	       (strcmp(record->cause, "exit") == 0 ||
		(record->breaks == 0 && strcmp(record->cause, "prctl") != 0 &&
		 (watch->ended || thread->fd < 0)));
}

static void write_thread(FILE *out, const struct watch *watch, const struct watched *thread)
{
	const struct record *record = &thread->record;
	fprintf(out, "{\"pid\":%d,\"tid\":%d,\"name\":", thread->pid, thread->tid);
	json_text(out, thread->name);
	fprintf(out, ",\"cpu\":%d,\"state\":", record->cpu);
	json_text(out, record->state);
	fprintf(out,
		",\"isolatedMs\":%.3f,\"stealMs\":%.3f,\"starts\":%" PRIu64 ",\"refusals\":%" PRIu64
		",\"lastRefusal\":",
		(double)isolated_ns(thread) / 1e6, (double)record->steal_ns / 1e6, record->starts,
		record->eagains);
	json_text(out, record->eagain);
	fprintf(out,
		",\"breaks\":%" PRIu64 ",\"ended\":%s,\"deferred\":{\"text\":%" PRIu64 ",\"tlb\":%" PRIu64
		"}}",
		record->breaks, has_ended(watch, thread) ? "true" : "false", record->deferred_text,
		record->deferred_tlb);
}

static void write_break(FILE *out, const struct reported *reported)
{
	const struct record *record = &reported->record;
	char sentence[SENTENCE_SIZE];
	say_cause(sentence, sizeof sentence, record);
	fprintf(out, "{\"tid\":%d,\"name\":", reported->tid);
	json_text(out, reported->name);
	fprintf(out, ",\"cpu\":%d,\"cause\":", record->cpu);
	json_text(out, record->cause);
	fprintf(out, ",\"data\":\"0x%" PRIx64 "\",\"message\":", record->data);
	json_text(out, sentence);
	fputs(",\"help\":", out);
	json_text(out, help_for(record));
	if (record->sender_cpu >= 0) {
		fprintf(out, ",\"sender\":{\"cpu\":%d,\"pid\":%d,\"name\":", record->sender_cpu,
			record->sender_pid);
		json_text(out, record->sender_name);
		fputs(",\"site\":", out);
		json_text(out, record->sender_site);
		fputs(",\"function\":", out);
		json_text(out, record->sender_function);
		fputc('}', out);
	}
	if (record->intruder_pid) {
		fprintf(out, ",\"intruder\":{\"pid\":%d,\"name\":", record->intruder_pid);
		json_text(out, record->intruder_name);
		fputc('}', out);
	}
	fprintf(out, ",\"count\":%" PRIu64 ",\"afterMs\":%.3f,\"sinceStartMs\":%.3f,\"lastMs\":%.3f}",
		reported->count, (double)record->duration_ns / 1e6, (double)reported->since_ns / 1e6,
		(double)reported->last_ns / 1e6);
}

/* Who writes, and when: a reader of the file can tell whether anybody still does. */
static void write_reporter(FILE *out)
{
	const pid_t self = getpid();
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(out, ",\"reporter\":{\"pid\":%d,\"start\":\"%" PRIu64 "\",\"writtenMs\":%lld}", self,
		start_of(self), (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* The processes that are followed, but for the program. */
static void write_processes(FILE *out, const struct watch *watch)
{
	const char *comma = "";
	fputs("],\"processes\":[", out);
	for (size_t i = 1; i < watch->process_count && !watch->ended; i++) {
		const pid_t pid = watch->processes[i]->pid;
		char name[NAME_SIZE];
		if (watch->processes[i]->over || watch->processes[i]->taken || !read_name(pid, pid, name))
			continue;
		fprintf(out, "%s{\"pid\":%d,\"name\":", comma, pid);
		json_text(out, name);
		fprintf(out, ",\"start\":%" PRIu64 "}", watch->processes[i]->start);
		comma = ",";
	}
}

/* The threads that are not isolated, and what each of them waits for. */
static void write_waiting(FILE *out, const struct watch *watch)
{
	const char *comma = "";
	fputs("],\"waiting\":[", out);
	for (size_t p = 0; p < watch->process_count && !watch->ended; p++) {
		const struct settle *settle = &watch->processes[p]->settle;
		const bool left = watch->processes[p]->over || watch->processes[p]->taken;
		for (size_t i = 0; !left && i < settle->count; i++) {
			const struct candidate *thread = &settle->threads[i];
			char name[NAME_SIZE];
			if (thread->stage == ISOLATED || thread->stage == PLANTED ||
			    !read_name(settle->pid, thread->tid, name))
				continue;
			fprintf(out, "%s{\"tid\":%d,\"name\":", comma, thread->tid);
			json_text(out, name);
			fputs(",\"why\":", out);
			json_text(out, thread->why);
			fputc('}', out);
			comma = ",";
		}
	}
}

void write_report(FILE *out, const struct watch *watch)
{
	const struct supervisor *supervisor = watch->supervisor;
	uint64_t starts = 0, breaks = 0;
	for (size_t i = 0; i < watch->count; i++) {
		starts += watch->threads[i].record.starts;
		breaks += watch->threads[i].record.breaks;
	}
	fputs("{\"schema\":\"isolctl.launch/1\",\"program\":", out);
	json_text(out, supervisor->program);
	fprintf(out, ",\"pid\":%d,\"cpus\":", supervisor->pid);
	json_text(out, supervisor->cpus);
	const struct process *program = watch->process_count ? watch->processes[0] : NULL;
	fprintf(out, ",\"start\":%" PRIu64, program ? program->start : 0);
	if (program && program->over)
		fputs(",\"programEnded\":true", out);
	write_reporter(out);
	fprintf(out, ",\"workers\":%u,\"graceS\":%u", supervisor->workers, supervisor->grace);
	fprintf(out, ",\"ended\":%s,\"ready\":%s", watch->ended ? "true" : "false",
		watch->ready ? "true" : "false");
	fprintf(out,
		",\"durationMs\":%" PRIu64 ",\"isolated\":%s,\"starts\":%" PRIu64 ",\"breakCount\":%" PRIu64
		",\"threads\":[",
		(now_ns() - watch->start_ns) / 1000000, starts ? "true" : "false", starts, breaks);
	const char *comma = "";
	for (size_t i = 0; i < watch->count; i++) {
		const struct record *record = &watch->threads[i].record;
		if (record->starts == 0 && record->eagains == 0)
			continue;
		fputs(comma, out);
		write_thread(out, watch, &watch->threads[i]);
		comma = ",";
	}
	write_processes(out, watch);
	write_waiting(out, watch);
	fputs("],\"breaks\":[", out);
	for (size_t i = 0; i < watch->reported_count; i++) {
		fputs(i ? "," : "", out);
		write_break(out, &watch->reported[i]);
	}
	fputs("]}\n", out);
}
