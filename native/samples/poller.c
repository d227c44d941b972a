/* SPDX-License-Identifier: MIT */
/*
 * A poll-mode program, in small: takes packets off a ring in shared memory for SECONDS, without one
 * system call.
 *
 *     isolctl launch --cpus 3 --enter app -- poller [SECONDS]
 *
 * A second process on the housekeeping CPUs fills the ring, as a network card would. It is a
 * process and not a thread, so that nothing it does to its memory can interrupt this one. Prints
 * one line. Exits 0 when every packet arrived and isolation held (or, under --soft, there was
 * none), 1 when not.
 */
#define _GNU_SOURCE
#include "isolctl.h"
#include "ring.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* One packet per millisecond, numbered. A packet that finds the ring full is sent again. */
__attribute__((noreturn)) static void produce(struct ring *ring)
{
	const struct timespec pause = {0, 1000000};
	for (unsigned long number = 0;; nanosleep(&pause, NULL))
		number += put(ring, number);
}

static pid_t start_producer(struct ring *ring)
{
	pid_t poller = getpid(), producer = fork();
	if (producer != 0)
		return producer;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != poller)
		_exit(0);
	isolctl_housekeep();
	produce(ring);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	unsigned long packet, polls = 0, packets = 0, missing = 0, re_entries = 0;

	struct ring *ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ring == MAP_FAILED) {
		perror("poller: mmap");
		return 1;
	}
	isolctl_watch_breaks(isolctl_launch_signal());
	pid_t producer = start_producer(ring);

	int entered = isolctl_enter(ISOLCTL_AS_LAUNCHED);
	if (entered < 0) {
		fprintf(stderr, "poller: %s\n", isolctl_why(entered));
		kill(producer, SIGKILL);
		return 1;
	}

	/*
	 * clock_gettime() comes from the vDSO: it reads the time without the kernel, as long as the
	 * clocksource is tsc.
	 */
	long long start = isolctl_now_ns(), now = start, end = start + (long long)(seconds * 1e9);
	for (; now < end; now = isolctl_now_ns(), polls++) {
		if (get(ring, &packet)) {
			missing += packet != packets + missing;
			packets++;
		}
		if (isolctl_was_lost()) {
			re_entries++;
			if (isolctl_enter(ISOLCTL_AS_LAUNCHED) < 0)
				break;
		}
	}

	struct isolctl_status status;
	int known = isolctl_leave() == 0 && isolctl_status(&status) == 0;
	kill(producer, SIGKILL);
	waitpid(producer, NULL, 0);
	printf("poller: %.3f s, %lu polls, %lu packets, %lu missing; ", (double)(now - start) / 1e9, polls,
	       packets, missing);
	if (entered == ISOLCTL_SOFT)
		printf("not isolated\n");
	else if (!known)
		printf("no record\n");
	else
		printf("CPU %d entered the kernel %llu times (starts %llu, entered again %lu)\n", status.cpu,
		       (unsigned long long)status.breaks, (unsigned long long)status.starts, re_entries);
	return missing || (entered == ISOLCTL_OK && (!known || status.breaks));
}
