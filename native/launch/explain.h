/* SPDX-License-Identifier: MIT */
/*
 * --explain-breaks: where in the program the system call was made that ended isolation.
 *
 * The kernel's record has the number of the call and no registers, and the thread has gone on when the
 * record is read. So the thread is traced until it makes a call of this number again, for at most a
 * second, and what is on its stack then is taken. That is the same place for a call in a loop; the
 * text says that it was a later call. A thread that enters isolation again is let go before.
 *
 * A process of its own does it: what fails there leaves the supervisor alone, and when it ends, the
 * kernel lets the thread run on (trace.h). No other program is run.
 */
#ifndef LAUNCH_EXPLAIN_H
#define LAUNCH_EXPLAIN_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { EXPLAINED_MAX = 16, EXPLANATION_SIZE = 3072 };

/*
 * Begin to explain the break of a thread, or that which it may become when a grace is over. Does nothing
 * for a break that is no system call, for a thread that is isolated, for one of a thread and number that
 * had this before, and when EXPLAINED_MAX threads that live had it.
 */
void explain(pid_t pid, pid_t tid, const struct record *record);

/*
 * The text for the last break in this thread's record, once: lines that end with a newline. False: there
 * is none yet, or it was taken. Does not wait.
 */
bool take_explanation(pid_t tid, const struct record *record, char text[EXPLANATION_SIZE]);

/* Wait for those that are being written, for two seconds together, and end the others. */
void finish_explanations(void);

#endif
