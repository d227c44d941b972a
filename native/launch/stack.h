/* SPDX-License-Identifier: MIT */
/*
 * The functions on the stack of a stopped thread. Libraries are compiled without frame pointers, and
 * reading their unwind tables needs a library. So the stack is searched for return addresses: words
 * behind a call instruction. One whose call goes to the function of the frame inside it is certain. The
 * others may be left from calls before, and are marked.
 */
#ifndef LAUNCH_STACK_H
#define LAUNCH_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FRAMES_MAX = 12 };

struct frame {
	uint64_t address;    /* of the instruction, or behind the call */
	bool certain;	     /* it is on the way to the present instruction */
	char function[96];   /* "" when the file has no symbol for it */
	char file[256];	     /* "/usr/lib/x86_64-linux-gnu/libc.so.6" */
	uint64_t in_file;    /* the address as the file has it, for addr2line(1) */
	uint64_t entry, end; /* of the function, in the process; 0: not known */
};

/*
 * The frames of a stopped thread, innermost first, from its instruction and stack pointer. Reads the
 * memory of the process and writes nothing. Returns how many there are: at least one, if the memory can
 * be read at all.
 */
size_t find_frames(pid_t pid, uint64_t instruction, uint64_t stack, struct frame frames[FRAMES_MAX]);

#endif
