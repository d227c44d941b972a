/* SPDX-License-Identifier: MIT */
#ifndef LIB_REFUSE_H
#define LIB_REFUSE_H

/*
 * Print the name of an errno, "ENOENT", on stderr, where src/host/local.ts reads it. Returns 1, the
 * exit status of the failed helper.
 */
int refuse(int error);

#endif
