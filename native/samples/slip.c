/* SPDX-License-Identifier: MIT */
/*
 * The mistake that isolation exists to catch: a poll loop that makes one system call after MS
 * milliseconds.
 *
 *     isolctl launch --cpus 3 --enter app --end-grace 0 -- slip [MS]
 *
 * Killed by the kernel at the write(2); with a grace only if it runs on for longer than that. With
 * --on-break report it survives, and says so half a second later; with --on-break signal=SIG it ends
 * by that signal, because it has no handler.
 */
#include "isolctl.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static const char words[] = "slip: one little line in the log\n";
	long long after = (argc > 1 ? atoll(argv[1]) : 1000) * 1000000LL;

	int entered = isolctl_enter(ISOLCTL_AS_LAUNCHED);
	if (entered < 0) {
		fprintf(stderr, "slip: %s\n", isolctl_why(entered));
		return 1;
	}

	long long start = isolctl_now_ns();
	while (isolctl_now_ns() - start < after)
		;
	isolctl_syscall(SYS_write, 2, (long)words, sizeof words - 1, 0, 0); /* the mistake */
	while (isolctl_now_ns() - start < after + 500000000LL)
		;

	isolctl_leave();
	puts("slip: still here");
	return 0;
}
