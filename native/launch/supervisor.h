/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: a small process on the housekeeping CPUs, named isol-reporter in ps, that watches
 * the records of the threads of the program and of the processes that it started (family.h), says what
 * broke isolation, and ends with them. It is no child of the program, which must not find a child that it did not start. For the same reason
 * it cannot see the program's exit status: the launcher's caller gets that.
 *
 * Its standard output is a file in memory with the present report, for isolctl status PID
 * (src/facts/launches.ts): it needs no name, and goes with the supervisor.
 *
 * Reading a record reads kernel memory and does not disturb the thread. A record that was opened
 * while its thread lived stays readable after the thread's end, so that a kill can be explained.
 */
#ifndef LAUNCH_SUPERVISOR_H
#define LAUNCH_SUPERVISOR_H

#include "claim.h"
#include "settle.h"

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

struct supervisor {
	pid_t pid;	     /* the program: its process id before and after exec */
	const char *program; /* as it was named */
	const char *cpus;    /* cpulist, for the report */
	cpu_set_t housekeeping;
	int status_fd;		   /* where the JSON goes, or -1 */
	bool json;		   /* JSON on stderr instead of sentences */
	bool soft;		   /* going on without isolation is wanted */
	bool quiet;		   /* nothing on stderr */
	bool verbose;		   /* each break, also one like those before */
	bool explain;		   /* where in the program a break was made, see explain.h */
	unsigned workers;	   /* isolated threads that make the program ready */
	const char *notify;	   /* address of systemd's socket, or NULL */
	unsigned grace;		   /* seconds, see ISOLCTL_GRACE(), or 0 */
	const char *mark;	   /* of the launch: processes that have it are followed; NULL: none is */
	const struct claim *claim; /* kept until the end, or NULL */
	struct settle_options settle;
};

/*
 * Start a supervisor of the calling process, which is about to execute the program. Returns a
 * descriptor to write one byte to when exec fails (the kernel closes it when exec succeeds), or -1
 * with errno.
 */
int start_supervisor(const struct supervisor *supervisor);

#endif
