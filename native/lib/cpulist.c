/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "cpulist.h"
#include "isolctl.h"

_Static_assert((int)CPULIST_MAX == (int)ISOLCTL_CPUS_MAX, "one limit for all programs");

bool parse_cpulist(const char *text, cpu_set_t *cpus, size_t size)
{
	const struct isolctl_cpus parsed = isolctl_parse_cpus(text);
	CPU_ZERO_S(size, cpus);
	for (unsigned long cpu = 0; cpu < CPULIST_MAX; cpu++) {
		if (!isolctl_has_cpu(&parsed, cpu))
			continue;
		if (cpu >= 8 * size) {
			CPU_ZERO_S(size, cpus);
			return false;
		}
		CPU_SET_S(cpu, size, cpus);
	}
	return CPU_COUNT_S(size, cpus) > 0;
}
