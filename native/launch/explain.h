/* SPDX-License-Identifier: MIT */
/*
 * --explain-breaks: where in the program the system call was made that ended isolation.
 *
 * The kernel's record has the number of the call and no registers, and the thread has gone on when the
 * record is read. So the thread is traced until it makes a call of this number again, for at most a
 * second, and what is on its stack then is taken. That is the same place for a call in a loop; the
 * text says that it was a later call. A thread that is not isolated any more is not disturbed in its
 * isolation by that.
 *
 * A process of its own does it: what fails there leaves the supervisor alone, and when it ends, the
 * kernel lets the thread run on (trace.h).
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
 * for a break that is no system call, for one of a thread and number that had this before, and after
 * EXPLAINED_MAX of them.
 */
void explain(pid_t pid, pid_t tid, const struct record *record);

/*
 * The text for a break of this thread, once: lines that end with a newline. False: there is none yet, or
 * it was taken. `wait`: for one that is being written; lines of addr2line(1) may take seconds.
 */
bool take_explanation(pid_t tid, bool wait, char text[EXPLANATION_SIZE]);

#endif
