/* SPDX-License-Identifier: MIT */
/*
 * hold CPU: be isolated on this CPU until somebody ends the process. Whether isolation still holds
 * is in /proc/PID/task_isolation. Exits with 1, and says why, when the kernel refuses the start.
 *
 * npm run test:endurance holds one such thread while it tries the activities of an administrator.
 */
#include "isolctl.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	struct isolctl_cpus cpu = isolctl_parse_cpus(argv[1]);
	if (isolctl_move_to(&cpu) != ISOLCTL_OK) {
		fprintf(stderr, "hold: cannot run on CPU %s\n", argv[1]);
		return 1;
	}
	int result = isolctl_enter(ISOLCTL_REPORT);
	if (result < 0) {
		fprintf(stderr, "hold: %s\n", isolctl_why(result));
		return 1;
	}
	for (;;)
		__asm__ volatile("" ::: "memory");
}
