/* SPDX-License-Identifier: MIT */
/*
 * Print the tables of lib/words.c and lib/names.c as JSON: `npm run docs` makes
 * src/model/break-words.json of it.
 */
#include "words.h"
#include "json.h"
#include "names.h"

#include <inttypes.h>

static const char *const need_names[] = {
	[NEEDS_NOTHING] = "nothing", [NEEDS_NAME] = "name",	    [NEEDS_SENDER] = "sender",
	[NEEDS_SITE] = "site",	     [NEEDS_FUNCTION] = "function", [NEEDS_INTRUDER] = "intruder",
};

static void print_text(const char *key, const char *text)
{
	printf(",\"%s\":", key);
	json_text(stdout, text);
}

static void print_names(const char *key, const char *(*name_of)(uint64_t), uint64_t count)
{
	const char *comma = "";
	printf(",\"%s\":{", key);
	for (uint64_t number = 0; number < count; number++) {
		const char *name = name_of(number);
		if (!name)
			continue;
		printf("%s\"%" PRIu64 "\":", comma, number);
		json_text(stdout, name);
		comma = ",";
	}
	fputs("}", stdout);
}

int main(void)
{
	fputs("{\"activities\":[", stdout);
	for (size_t i = 0; i < activity_count; i++) {
		const struct activity *activity = &activities[i];
		fputs(i ? ",{\"cause\":" : "{\"cause\":", stdout);
		json_text(stdout, activity->cause);
		print_text("where", activity->where);
		if (activity->names)
			print_text("names", activity->names);
		print_text("text", activity->text);
		fputs("}", stdout);
	}
	fputs("],\"sentences\":[", stdout);
	for (size_t i = 0; i < sentence_count; i++) {
		const struct sentence *sentence = &sentences[i];
		printf("%s{\"needs\":\"%s\"", i ? "," : "", need_names[sentence->needs]);
		if (sentence->cause)
			print_text("cause", sentence->cause);
		if (sentence->high) /* as text: a number of JSON has 53 bits */
			printf(",\"low\":\"%" PRIu64 "\",\"high\":\"%" PRIu64 "\"", sentence->low,
			       sentence->high);
		print_text("text", sentence->text);
		fputs("}", stdout);
	}
	fputs("],\"helps\":[", stdout);
	for (size_t i = 0; i < help_count; i++) {
		const struct help *help = &helps[i];
		fputs(i ? ",{\"text\":" : "{\"text\":", stdout);
		json_text(stdout, help->text);
		if (help->cause)
			print_text("cause", help->cause);
		if (help->words)
			print_text("words", help->words);
		fputs("}", stdout);
	}
	fputs("],\"names\":{\"none\":{}", stdout);
	print_names("syscall", syscall_name, syscall_count);
	print_names("exception", exception_name, exception_count);
	print_names("signal", signal_name, NSIG);
	puts("}}");
	return 0;
}
