/* SPDX-License-Identifier: MIT */
/*
 * Foreign text on a terminal. A thread gives itself any name (prctl(PR_SET_NAME)), also one with
 * escape sequences.
 */
#ifndef LIB_VISIBLE_H
#define LIB_VISIBLE_H

#include <stddef.h>

/*
 * Copy a text with "\x1b" for every control character but the newline, and for every byte that is
 * not ASCII, because not every such byte can be told from a control. What does not fit is cut off.
 */
void make_visible(char *out, size_t size, const char *text);

/* The same for a text that is one line: a newline in it is foreign, and escaped as well. */
void make_line(char *out, size_t size, const char *text);

#endif
