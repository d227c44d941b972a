/* SPDX-License-Identifier: MIT */
/*
 * A packet processor with several workers, in small: the control thread gives numbered packets to
 * one ring per worker and collects the answers from another, while each worker polls on an isolated
 * CPU of its own, without one system call.
 *
 *     isolctl launch --cpus 2-3 --enter app -- rings [SECONDS]
 *
 * There are as many workers as launch CPUs (ISOLCTL_CPUS). They share memory with the control
 * thread, which therefore only sleeps and copies between the start and the end: an munmap, mprotect
 * or fork there would interrupt all workers. Exits 0 when every packet came back and isolation held
 * (or, under --soft, there was none), 1 when not.
 */
#define _GNU_SOURCE
#include "isolctl.h"
#include "ring.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

enum { WORKERS_MAX = 64, BATCH = 16 };

struct worker {
	struct ring in, out;
	atomic_int entered; /* enum isolctl_result plus 100, or 0: not yet */
	atomic_bool stop;
	unsigned number;
	unsigned long polls, re_entries;
	struct isolctl_status status;
	unsigned long sent, received, wrong; /* of the control thread */
};

static struct worker *workers;
/* Starting a thread maps memory, which could interrupt the threads that are isolated by then. */
static atomic_bool all_started;

static void *work(void *argument)
{
	struct worker *self = argument;
	unsigned long packet;
	int result = isolctl_bind(self->number);
	while (!atomic_load(&all_started))
		;
	if (result >= 0)
		result = isolctl_enter(ISOLCTL_AS_LAUNCHED);
	atomic_store(&self->entered, 100 + result);
	while (result >= 0 && !atomic_load_explicit(&self->stop, memory_order_relaxed)) {
		self->polls++;
		if (get(&self->in, &packet))
			while (!put(&self->out, packet * 2)) /* the work */
				;
		if (isolctl_was_lost()) {
			self->re_entries++;
			result = isolctl_enter(ISOLCTL_AS_LAUNCHED);
		}
	}
	isolctl_leave();
	isolctl_status(&self->status);
	return NULL;
}

/* Give a batch to each worker, and take back the answers. */
static void turn(unsigned count, unsigned long most)
{
	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = &workers[i];
		unsigned long answer;
		for (int n = 0; n < BATCH && worker->sent < most && put(&worker->in, worker->sent); n++)
			worker->sent++;
		for (; get(&worker->out, &answer); worker->received++)
			worker->wrong += answer != worker->received * 2;
	}
}

static int report(unsigned count)
{
	int failed = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct worker *worker = &workers[i];
		const int result = worker->entered - 100;
		printf("rings: worker %u: %lu polls, %lu packets, %lu missing, %lu wrong; ", i, worker->polls,
		       worker->received, worker->sent - worker->received, worker->wrong);
		if (result == ISOLCTL_OK)
			printf("CPU %d entered the kernel %llu times (starts %llu, entered again %lu)\n",
			       worker->status.cpu, (unsigned long long)worker->status.breaks,
			       (unsigned long long)worker->status.starts, worker->re_entries);
		else
			printf("%s\n", isolctl_why(result));
		failed |= result < 0 || worker->wrong || worker->sent != worker->received ||
			  (result == ISOLCTL_OK && worker->status.breaks);
	}
	return failed;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {0, 1000000};
	const double seconds = argc > 1 ? atof(argv[1]) : 5;
	const struct isolctl_cpus cpus = isolctl_parse_cpus(getenv("ISOLCTL_CPUS"));
	pthread_t threads[WORKERS_MAX];
	unsigned count = 0;
	for (unsigned long cpu = 0; cpu < ISOLCTL_CPUS_MAX; cpu++)
		count += count < WORKERS_MAX && isolctl_has_cpu(&cpus, cpu);
	if (count == 0) {
		fputs("rings: no CPUs: start it with isolctl launch --cpus LIST --enter app\n", stderr);
		return 1;
	}
	workers = mmap(NULL, count * sizeof *workers, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (workers == MAP_FAILED) {
		perror("rings: mmap");
		return 1;
	}
	isolctl_housekeep(); /* launched on one CPU we start on it, and it is for the worker */
	isolctl_watch_breaks(isolctl_launch_signal());
	for (unsigned i = 0; i < count; i++) {
		workers[i].number = i;
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
			fputs("rings: cannot start a thread\n", stderr);
			return 1;
		}
	}
	atomic_store(&all_started, 1);
	for (unsigned i = 0; i < count; i++)
		while (!workers[i].entered)
			nanosleep(&pause, NULL);

	for (long long end = isolctl_now_ns() + (long long)(seconds * 1e9); isolctl_now_ns() < end;
	     nanosleep(&pause, NULL))
		turn(count, ~0UL);
	for (int last = 0; last < 200; last++, nanosleep(&pause, NULL)) /* the answers to come */
		turn(count, 0);
	for (unsigned i = 0; i < count; i++)
		atomic_store(&workers[i].stop, 1);
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return report(count);
}
