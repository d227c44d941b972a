/* SPDX-License-Identifier: MIT */
#ifndef LIB_NUMBER_H
#define LIB_NUMBER_H

#include <stdbool.h>

/*
 * A decimal number from `low` to `high`: digits, and nothing before or after them. False when the
 * text is none; NULL is none.
 */
bool parse_number(const char *text, unsigned long low, unsigned long high, unsigned long *number);

#endif
