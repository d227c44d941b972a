/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "clock.h"
#include "json.h"
#include "words.h"

#include <inttypes.h>

uint64_t isolated_ns(const struct watched *thread)
{
	return thread->since_ns ? now_ns() - thread->since_ns : thread->record.duration_ns;
}

static void write_thread(FILE *out, const struct watched *thread)
{
	const struct record *record = &thread->record;
	fprintf(out, "{\"tid\":%d,\"name\":", thread->tid);
	json_text(out, thread->name);
	fprintf(out, ",\"cpu\":%d,\"state\":", record->cpu);
	json_text(out, record->state);
	fprintf(out,
		",\"isolatedMs\":%.3f,\"stealMs\":%.3f,\"starts\":%" PRIu64 ",\"refusals\":%" PRIu64
		",\"lastRefusal\":",
		(double)isolated_ns(thread) / 1e6, (double)record->steal_ns / 1e6, record->starts,
		record->eagains);
	json_text(out, record->eagain);
	fprintf(out, ",\"breaks\":%" PRIu64 ",\"deferred\":{\"text\":%" PRIu64 ",\"tlb\":%" PRIu64 "}}",
		record->breaks, record->deferred_text, record->deferred_tlb);
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
	fprintf(out, ",\"count\":%" PRIu64 ",\"afterMs\":%.3f,\"sinceStartMs\":%.3f}", reported->count,
		(double)record->duration_ns / 1e6, (double)reported->since_ns / 1e6);
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
		write_thread(out, &watch->threads[i]);
		comma = ",";
	}
	fputs("],\"breaks\":[", out);
	for (size_t i = 0; i < watch->reported_count; i++) {
		fputs(i ? "," : "", out);
		write_break(out, &watch->reported[i]);
	}
	fputs("]}\n", out);
}
