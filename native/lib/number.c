/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <errno.h>
#include <stdlib.h>

bool parse_number(const char *text, unsigned long low, unsigned long high, unsigned long *number)
{
	const int error = errno;
	char *end;
	if (!text || *text < '0' || *text > '9')
		return false; /* strtoul() takes spaces and signs */
	errno = 0;
	*number = strtoul(text, &end, 10);
	const bool fits = errno == 0;
	errno = error;
	return fits && *end == 0 && *number >= low && *number <= high;
}
