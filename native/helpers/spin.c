/* SPDX-License-Identifier: MIT */
/*
 * isol-spin: keep one CPU busy in user space, and record every gap in which the CPU did something
 * else.
 *
 *   isol-spin --cpu N [--policy other|fifo:PRIO] [--warm-up-ms MS] [--threshold-ns NS] [--isolate]
 *
 * Prints "ready" when it is about to spin. From then on it makes no system call, calls no library
 * and touches no new page until SIGTERM, and then prints its record as one line of JSON. The record
 * starts warm-up-ms after "ready". With --isolate it enters task isolation right after "ready",
 * without a signal on a break.
 *
 * Exit status: 0 with a record, 1 with one line on stderr that says why there is none.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "cpulist.h"
#include "isolctl.h"
#include "number.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define BINS 64
#define ISOLATE_TRIES 1000 /* 1 ms apart */

struct record {
	uint64_t begin, end; /* ticks */
	uint64_t iterations;
	uint64_t gaps;		  /* at least as long as the threshold */
	uint64_t max, max_at;	  /* ticks; since begin */
	uint64_t histogram[BINS]; /* by log2 of the gap in ticks */
};

static struct record record;
static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("isol-spin: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

#if defined(__x86_64__)
static inline uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t ticks(void)
{
	uint64_t value;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value)::"memory");
	return value;
}
#else
#error "isol-spin: no cycle counter known for this architecture"
#endif

static uint64_t nanoseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

/* Ticks per second, measured for 50 ms: not every machine says the counter's rate. */
static double rate(void)
{
	uint64_t from_ns = nanoseconds(), from = ticks(), until_ns;

	while ((until_ns = nanoseconds()) - from_ns < 50000000)
		;
	return (double)(ticks() - from) * (double)NS_PER_SECOND / (double)(until_ns - from_ns);
}

static unsigned long number(const char *option, const char *text, unsigned long limit)
{
	unsigned long value = 0;

	if (!parse_number(text, 0, limit, &value))
		die("%s: not a number up to %lu: %s", option, limit, text ? text : "(missing)");
	return value;
}

/*
 * Move to the root of the cgroups (Documentation/admin-guide/cgroup-v2.rst, "cgroup.procs"), which
 * may use every CPU. The slice of the shell that measures may not: AllowedCPUs= keeps it off
 * isolated CPUs. We end within seconds.
 */
static bool leave_cgroup(void)
{
	int fd = open("/sys/fs/cgroup/cgroup.procs", O_WRONLY | O_CLOEXEC);
	bool left = fd >= 0 && write(fd, "0", 1) == 1;

	if (fd >= 0)
		close(fd);
	return left;
}

static void pin(unsigned long cpu)
{
	cpu_set_t *set = CPU_ALLOC(CPULIST_MAX);
	size_t size = CPU_ALLOC_SIZE(CPULIST_MAX);

	if (!set)
		die("out of memory");
	CPU_ZERO_S(size, set);
	CPU_SET_S(cpu, size, set);
	int error = sched_setaffinity(0, size, set) ? errno : 0;
	if (error == EINVAL && leave_cgroup())
		error = sched_setaffinity(0, size, set) ? errno : 0;
	if (error)
		die("cannot run on CPU %lu: %s", cpu, strerror(error));
	CPU_FREE(set);
	if (sched_getcpu() != (int)cpu)
		die("was put on CPU %d instead of %lu", sched_getcpu(), cpu);
}

static void set_policy(const char *policy)
{
	struct sched_param param = {0};

	if (strcmp(policy, "other") == 0) {
		if (sched_setscheduler(0, SCHED_OTHER, &param))
			die("cannot set SCHED_OTHER: %s", strerror(errno));
		return;
	}
	if (strncmp(policy, "fifo:", 5) != 0)
		die("--policy: not other or fifo:PRIO: %s", policy);
	param.sched_priority = (int)number("--policy", policy + 5, 99);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("cannot set SCHED_FIFO %d: %s", param.sched_priority, strerror(errno));
}

static void enter_isolation(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	int tries;

	for (tries = 0; tries < ISOLATE_TRIES && !stopped; tries++) {
		if (!prctl(ISOLCTL_PR_SET, ISOLCTL_ENABLE | ISOLCTL_REPORT, 0, 0, 0))
			return;
		if (errno != EAGAIN)
			die("cannot enter task isolation (prctl 48): %s", strerror(errno));
		nanosleep(&pause, NULL);
	}
	if (!stopped)
		die("cannot enter task isolation (prctl 48): still EAGAIN after %d tries", tries);
}

/*
 * The gap that ends with our own SIGTERM is not recorded: `stopped` is read after the clock, and
 * decides.
 */
static void spin(uint64_t from, uint64_t threshold)
{
	uint64_t last = ticks();

	while (!stopped && (int64_t)(last - from) < 0)
		last = ticks();
	record.begin = last;
	for (;;) {
		uint64_t now = ticks(), gap = now - last;

		if (stopped)
			break;
		last = now;
		record.iterations++;
		record.histogram[63 - __builtin_clzll(gap | 1)]++;
		if (gap >= threshold)
			record.gaps++;
		if (gap > record.max) {
			record.max = gap;
			record.max_at = now - record.begin;
		}
	}
	record.end = last;
}

static void print(unsigned long cpu, double hertz, unsigned long threshold_ns)
{
	double ns = (double)NS_PER_SECOND / hertz;
	int bin, last = BINS - 1;

	while (last > 0 && !record.histogram[last])
		last--;
	printf("{\"cpu\":%lu,\"tickHz\":%.0f,\"observedNs\":%.0f,\"iterations\":%llu,"
	       "\"thresholdNs\":%lu,\"gaps\":%llu,"
	       "\"maxGapNs\":%.0f,\"maxGapAtNs\":%.0f,\"log2Ticks\":[",
	       cpu, hertz, (double)(record.end - record.begin) * ns, (unsigned long long)record.iterations,
	       threshold_ns, (unsigned long long)record.gaps, (double)record.max * ns,
	       (double)record.max_at * ns);
	for (bin = 0; bin <= last; bin++)
		printf("%s%llu", bin ? "," : "", (unsigned long long)record.histogram[bin]);
	puts("]}");
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop};
	unsigned long cpu = CPULIST_MAX, warm_up_ms = 0, threshold_ns = 1000;
	const char *policy = "other";
	bool isolate = false;
	uint64_t from;
	double hertz;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--isolate") == 0)
			isolate = true;
		else if (strcmp(argv[i], "--cpu") == 0)
			cpu = number(argv[i], argv[i + 1], CPULIST_MAX - 1), i++;
		else if (strcmp(argv[i], "--warm-up-ms") == 0)
			warm_up_ms = number(argv[i], argv[i + 1], 3600000), i++;
		else if (strcmp(argv[i], "--threshold-ns") == 0)
			threshold_ns = number(argv[i], argv[i + 1], NS_PER_SECOND), i++;
		else if (strcmp(argv[i], "--policy") == 0 && argv[i + 1])
			policy = argv[++i];
		else
			die("unknown argument: %s", argv[i]);
	}
	if (cpu == CPULIST_MAX)
		die("--cpu is missing");

	/*
	 * The process that started us may be killed before it can stop us.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		die("cannot tie itself to its parent: %s", strerror(errno));
	if (sigaction(SIGTERM, &action, NULL))
		die("cannot catch SIGTERM: %s", strerror(errno));
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("cannot lock its memory: %s", strerror(errno));
	memset(&record, 0, sizeof(record));
	set_policy(policy);
	pin(cpu);
	hertz = rate();
	from = ticks() + (uint64_t)((double)warm_up_ms / 1000 * hertz);

	/*
	 * This fails when our parent died before PDEATHSIG was set: its end of the pipe is closed.
	 */
	if (puts("ready") == EOF || fflush(stdout) == EOF)
		die("cannot write: %s", strerror(errno));
	if (isolate)
		enter_isolation();
	spin(from, (uint64_t)((double)threshold_ns * hertz / (double)NS_PER_SECOND));
	print(cpu, hertz, threshold_ns);
	return 0;
}
