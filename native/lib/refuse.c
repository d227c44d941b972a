/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "refuse.h"

#include <stdio.h>
#include <string.h>

int refuse(int error)
{
	const char *name = strerrorname_np(error);
	fprintf(stderr, "%s\n", name ? name : "EIO");
	return 1;
}
