/* SPDX-License-Identifier: MIT */
/* Names for the numbers in a record, all of x86-64. */
#ifndef LIB_NAMES_H
#define LIB_NAMES_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* By number; NULL where a number is not in use. */
extern const char *const syscall_names[];
extern const size_t syscall_count;

/* x86 exceptions by vector (Intel SDM volume 3, table 6-1). NULL: a vector without a name. */
extern const char *const exception_names[];
extern const size_t exception_count;

/*
 * "write", "page fault", "USR1"; NULL for a number that has no name. Real-time signals have none.
 */
const char *syscall_name(uint64_t number);
const char *exception_name(uint64_t vector);
const char *signal_name(uint64_t number);

#endif
