/* SPDX-License-Identifier: MIT */
#include "visible.h"

#include <stdbool.h>
#include <stdio.h>

static void escape(char *out, size_t size, const char *text, bool lines)
{
	static const size_t longest = sizeof "\\x1b";
	size_t at = 0;
	for (const unsigned char *c = (const unsigned char *)text; *c && at + longest <= size; c++)
		if ((*c >= 0x20 && *c < 0x7f) || (lines && *c == '\n'))
			out[at++] = (char)*c;
		else
			at += (size_t)snprintf(out + at, size - at, "\\x%02x", *c);
	if (size)
		out[at] = 0;
}

void make_visible(char *out, size_t size, const char *text)
{
	escape(out, size, text, true);
}

void make_line(char *out, size_t size, const char *text)
{
	escape(out, size, text, false);
}
