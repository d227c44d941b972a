/* SPDX-License-Identifier: MIT */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <stdio.h>

/*
 * Write a string with its quotes. Bytes above ASCII need not be UTF-8: each becomes an escape of
 * its own.
 */
void json_text(FILE *out, const char *text);

#endif
