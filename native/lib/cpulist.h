/* SPDX-License-Identifier: MIT */
#ifndef LIB_CPULIST_H
#define LIB_CPULIST_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

/* More CPUs than any kernel can be built for (arch/x86/Kconfig: NR_CPUS). */
enum { CPULIST_MAX = 8192 };

/*
 * The CPUs of "0-3,8" into a set of `size` bytes (CPU_ALLOC_SIZE). The grammar is that of
 * isolctl_parse_cpus(). False when the text is no such list, is empty, or names a CPU that the set
 * has no room for; the set is empty then.
 */
bool parse_cpulist(const char *text, cpu_set_t *cpus, size_t size);

#endif
