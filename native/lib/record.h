/* SPDX-License-Identifier: MIT */
/*
 * The kernel's record of one thread, /proc/PID/task/TID/task_isolation
 * (kernel-patches/6.12/README.md, "ABI").
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include "proc.h"

#include <stdbool.h>
#include <stdint.h>

/* A name of 15 bytes, of which the record shows newlines and backslashes as four bytes each. */
enum { ESCAPED_NAME_SIZE = 4 * (NAME_SIZE - 1) + 1 };

struct record {
	char state[16];		       /* off, starting, isolated, lost */
	char cause[16];		       /* why isolation ended last: ISOLCTL_CAUSES */
	char eagain[16];	       /* what refused the last start: ISOLCTL_EAGAINS */
	uint64_t data;		       /* by cause: system call number, address, vector, ... */
	uint64_t time_ns, duration_ns; /* when isolation ended last (CLOCK_MONOTONIC), how long it had held */
	uint64_t starts, eagains, breaks;
	int cpu;	   /* of the last start; -1: the thread was never isolated */
	uint64_t steal_ns; /* what a hypervisor took from the CPU meanwhile, if it reports that */
	/*
	 * Interruptions that were not needed at once, since the thread exists: kernel text was patched,
	 * kernel mappings went. A kernel without deferred interruptions has 0.
	 */
	uint64_t deferred_text, deferred_tlb;
	/* Who interrupted the thread from another CPU. sender_cpu -1: not known. */
	int sender_cpu, sender_pid;
	bool sender_own;     /* it is known to be a thread of the same process: not in the text either */
	bool sender_foreign; /* it is known to belong to another process: not in the text, see its reader */
	char sender_name[ESCAPED_NAME_SIZE];
	/*
	 * Kernel functions: "flush_tlb_func" (may be "": not known) on behalf of
	 * "native_flush_tlb_multi".
	 */
	char sender_function[64], sender_site[64];
	/* The first other thread that ran on its CPU, for the cause "sched". Pid 0: not known. */
	int intruder_pid;
	char intruder_name[ESCAPED_NAME_SIZE];
};

/*
 * The record in a text. What is missing in the text or malformed is 0, "unknown", or not known.
 * Pure.
 */
struct record parse_record(const char *text);

/*
 * Read the record behind an open file. False when it cannot be read or is no record; *record is
 * unchanged then.
 */
bool read_record(int fd, struct record *record);

bool is_isolated(const struct record *record);

#endif
