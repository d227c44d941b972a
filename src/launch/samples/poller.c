/* SPDX-License-Identifier: MIT */
/*
 * A poll-mode program, in small: takes packets off a ring in shared memory for SECONDS, without one system call.
 *
 *     isolctl launch --cpus 3 --enter app -- poller [SECONDS]
 *
 * A second process on the housekeeping CPUs fills the ring, as a network card would. It is a process and not a thread,
 * so that nothing it does to its memory can interrupt this one. Prints one line; exits 0 when every packet came through
 * and isolation held (or was not to be had, under --soft), 1 when not.
 */
#define _GNU_SOURCE
#include "isolctl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SLOTS = 1024 }; /* a power of two */

/* One producer, one consumer, each with its own index on its own cache line. */
struct ring {
	_Alignas(64) atomic_ulong head;
	_Alignas(64) atomic_ulong tail;
	_Alignas(64) unsigned long slot[SLOTS];
};

/* One packet per millisecond, numbered. A full ring drops. */
static void produce(struct ring *ring)
{
	const struct timespec pause = {0, 1000000};
	for (unsigned long number = 0;;) {
		unsigned long head = atomic_load_explicit(&ring->head, memory_order_relaxed);
		if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) < SLOTS) {
			ring->slot[head % SLOTS] = number++;
			atomic_store_explicit(&ring->head, head + 1, memory_order_release);
		}
		nanosleep(&pause, NULL);
	}
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
	_exit(0);
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 5;
	unsigned long polls = 0, packets = 0, missing = 0, re_entries = 0;

	struct ring *ring = mmap(NULL, sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
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

	/* clock_gettime() comes from the vDSO: it reads the time without the kernel, as long as the clocksource is tsc. */
	long long start = isolctl_now_ns(), now = start, end = start + (long long)(seconds * 1e9);
	for (; now < end; now = isolctl_now_ns(), polls++) {
		unsigned long tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
		if (tail != atomic_load_explicit(&ring->head, memory_order_acquire)) {
			missing += ring->slot[tail % SLOTS] != packets + missing;
			packets++;
			atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
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
	printf("poller: %.3f s, %lu polls, %lu packets, %lu missing; ", (double)(now - start) / 1e9, polls, packets, missing);
	if (entered == ISOLCTL_SOFT)
		printf("not isolated\n");
	else if (!known)
		printf("no record\n");
	else
		printf("CPU %d entered the kernel %llu times (starts %llu, entered again %lu)\n", status.cpu,
		       (unsigned long long)status.breaks, (unsigned long long)status.starts, re_entries);
	return missing || (entered == ISOLCTL_OK && (!known || status.breaks));
}
