/* SPDX-License-Identifier: MIT */
#ifndef LIB_READ_AT_H
#define LIB_READ_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* Read all of a part of a file. It is not mapped: somebody may shorten the file meanwhile. */
static inline bool read_at(int fd, uint64_t offset, void *to, size_t size)
{
	return offset <= INT64_MAX && pread(fd, to, size, (off_t)offset) == (ssize_t)size;
}

#endif
