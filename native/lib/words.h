/* SPDX-License-Identifier: MIT */
/*
 * The words for a break: a sentence and a help text. Each is in a table, and the first row that
 * matches the record is used. A sentence names the activity, where the record tells it. src/model/break-words.json is generated from the same tables
 * (tools/words.c), for status and preflight.
 */
#ifndef LIB_WORDS_H
#define LIB_WORDS_H

#include "record.h"

#include <stddef.h>
#include <stdint.h>

/* What a record must have for a sentence to be true. */
enum needs {
	NEEDS_NOTHING,
	NEEDS_NAME,	/* the data is a number that has a name (names.h) */
	NEEDS_SENDER,	/* it is known who interrupted the thread */
	NEEDS_SITE,	/* and where in the kernel: not shown of other users' tasks without CAP_PERFMON */
	NEEDS_FUNCTION, /* and what the thread's CPU was made to run */
	NEEDS_INTRUDER, /* it is known who ran on the CPU */
};

/* What somebody did that ended isolation, as far as functions and names of the record show it. */
struct activity {
	const char *cause;
	/* Words that are separated by spaces, of which one is part of the sender's function or site. */
	const char *where;
	/*
	 * The names of the sender, or of the intruder for the cause "sched": one of these, or one that
	 * starts with a word that ends with "/". NULL: any.
	 */
	const char *names;
	const char *text; /* with {fields}, see value_of() in words.c */
};

struct sentence {
	const char *cause; /* NULL: any */
	enum needs needs;
	uint64_t low, high; /* of the data; high 0: any */
	const char *text;   /* with {fields}, see value_of() in words.c */
};

struct help {
	const char *cause; /* NULL: any */
	/*
	 * Words that are separated by spaces, of which one must fit; NULL: any record fits. For the
	 * causes "syscall" and "signal" a word is the whole name, for "ipi" it is part of the
	 * sender's function or site, and with "other:" before it, only if the sender is known to
	 * belong to another process.
	 */
	const char *words;
	const char *text;
};

extern const struct activity activities[];
extern const size_t activity_count;
extern const struct sentence sentences[];
extern const size_t sentence_count;
extern const struct help helps[];
extern const size_t help_count;

enum { SENTENCE_SIZE = 256 };

/* What ended isolation, "system call write (1)", as a string of at most `size` bytes. Pure. */
void say_cause(char *text, size_t size, const struct record *record);

/* The habit or the check that prevents such a break. Pure. */
const char *help_for(const struct record *record);

#endif
