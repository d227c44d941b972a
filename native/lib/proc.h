/* SPDX-License-Identifier: MIT */
/* What /proc says of one thread (proc(5)). */
#ifndef LIB_PROC_H
#define LIB_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The names that the kernel gives threads have at most 15 bytes (include/linux/sched.h:
 * TASK_COMM_LEN).
 */
enum { NAME_SIZE = 16 };

/*
 * The text of /proc/PID/task/TID/FILE, up to `size` - 1 bytes. False when it is empty or cannot be
 * read: the thread is gone.
 */
bool read_task(pid_t pid, pid_t tid, const char *file, char *text, size_t size);

/* The name of a thread. False, with the name as it was, when the thread is gone. */
bool read_name(pid_t pid, pid_t tid, char name[NAME_SIZE]);

/*
 * Field `number` of the text of a stat file, counted from 1 as in proc(5), from 3 on. The field
 * ends at a space or a newline. NULL: there is none.
 */
const char *stat_field(const char *stat, int number);

/*
 * When a process started, in clock ticks since boot (proc(5), stat, field 22): with its number it is that
 * process for ever. 0: it is gone.
 */
uint64_t start_of(pid_t pid);

/*
 * The value of a variable in the environment that a process was started with: /proc/PID/environ, of which
 * a process shows what it likes, and as much. What is longer than `value` is cut off there.
 */
enum variable {
	NO_ENVIRONMENT, /* it is empty: the process is executing a program, has ended, or has none */
	NO_VARIABLE,	/* or the environment may not be read */
	FOUND_VARIABLE
};
enum variable read_variable(pid_t pid, const char *name, char *value, size_t size);

/*
 * The value in a text of "key:<tab>value" lines. It ends at a newline or NUL. NULL: the key is not
 * there.
 */
const char *field_of(const char *text, const char *key);

/* The same as a number, decimal or "0x...". 0: the key is not there. */
unsigned long long number_of(const char *text, const char *key);

#endif
