/* SPDX-License-Identifier: MIT */
/*
 * The functions on the stack of a thread. Libraries are compiled without frame pointers, and reading
 * their unwind tables needs a library. So the stack is searched for return addresses: words behind a
 * call instruction. One whose call goes to the function of the frame inside it is taken as certain. The
 * others may be left from calls before, and are marked.
 *
 * No file is read while the thread is stopped: copy_stack() is for that time, find_frames() for after it.
 */
#ifndef LAUNCH_STACK_H
#define LAUNCH_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FRAMES_MAX = 12, STACK_WORDS_MAX = 2048 /* 16 KiB */, MAPS_SIZE = 256 << 10 };

/* What is copied of a stopped thread. */
struct stack {
	pid_t pid;
	uint64_t instruction;
	uint64_t words[STACK_WORDS_MAX]; /* from the stack pointer on */
	size_t count;
	char maps[MAPS_SIZE]; /* /proc/PID/maps, cut off where it is longer */
};

struct frame {
	uint64_t address;  /* of the instruction, or of the last byte of the call */
	bool certain;	   /* taken to be on the way to the present instruction */
	char function[96]; /* "" when the file has no symbol for it, or is not read */
	char file[256];	   /* "/usr/lib/x86_64-linux-gnu/libc.so.6", "": none */
	uint64_t offset;   /* the place in the file, in bytes */
	uint64_t in_file;  /* the address as the file has it, for addr2line(1); 0: not known */
	uint64_t entry;	   /* of the function, in the process; 0: not known */
};

/* Copy what find_frames() needs of a stopped thread. Reads the memory of the process and writes nothing. */
void copy_stack(struct stack *stack, pid_t pid, uint64_t instruction, uint64_t pointer);

/*
 * The frames of a thread, innermost first. It may run: only code of the process is still read, and the
 * files behind it. As root only files of root are read; the frames of others have no function. Returns
 * how many there are: at least one.
 */
size_t find_frames(const struct stack *stack, struct frame frames[FRAMES_MAX]);

#endif
