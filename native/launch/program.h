/* SPDX-License-Identifier: MIT */
/* The file that is to be executed, and what can be seen of it beforehand. */
#ifndef LAUNCH_PROGRAM_H
#define LAUNCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Find a program by the rules of execvp(3). Returns 0 with the path, or the errno that exec would
 * give.
 */
int find_program(const char *name, char *path, size_t size);

struct program {
	bool privileged; /* exec changes who it runs as: setuid, setgid, file capabilities */
	bool foreign;	 /* an ELF file for another machine */
	bool narrow;	 /* an ELF file of 32-bit code, which this machine can execute */
};

/*
 * What the file is. A file that cannot be read is none of these, and exec gives the error. A script
 * is none of these either: its interpreter is not looked at.
 */
struct program look_at_program(const char *path);

#endif
