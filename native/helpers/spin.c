/* SPDX-License-Identifier: MIT */
/*
 * isol-spin: keep one CPU busy in user space, and record every gap in which the CPU did something
 * else.
 *
 *   isol-spin --cpu N [--policy other|fifo:PRIO] [--warm-up-ms MS] [--threshold-ns NS] [--isolate]
 *             [--share]
 *   isol-spin --cost
 *
 * Prints "ready" when it is about to spin. From then on it makes no system call, calls no library
 * and touches no new page until SIGTERM, and then prints its record as one line of JSON. The record
 * starts warm-up-ms after "ready". With --isolate it enters task isolation right after "ready",
 * without a signal on a break.
 *
 * With --share it prints "ready FD" and records into that file instead (lib/gaps.h), one interval
 * after the other: another process reads them through /proc/PID/fd/FD. The cost of an undisturbed
 * pass is then subtracted from every gap. The line of JSON says what the whole time showed.
 *
 * --cost prints what a pass of the loop costs beside one of a loop that only reads the counter.
 *
 * Exit status: 0 with a record, 1 with one line on stderr that says why there is none.
 */
#define _GNU_SOURCE
#include "clock.h"
#include "cpulist.h"
#include "gaps.h"
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
#define COST_PASSES 10000  /* a tenth of a millisecond: most runs are undisturbed */
#define COST_RUNS 500

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
 * isolated CPUs. We stay there until we end: under --share, that may take hours.
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

static void begin(struct gaps_interval *interval, uint64_t at)
{
	memset(interval, 0, sizeof(*interval));
	interval->begin = at;
}

/* The request of the reader, which may come between any two passes. */
static uint64_t asked(const struct gaps_share *share)
{
	return __atomic_load_n(&share->asked, __ATOMIC_RELAXED);
}

/*
 * End the interval, and prepare the next one in the other half. The time that this takes is a gap
 * of the next interval: something else may run in it. Returns the counter.
 */
static uint64_t turn(struct gaps_share *share, struct gaps_interval **interval, uint64_t request,
		     uint64_t now)
{
	struct gaps_interval *ended = *interval, *next = &share->half[request % 2];
	uint64_t after;

	ended->end = now;
	begin(next, now);
	*interval = next;
	after = ticks();
	gaps_record(next, after - now, after, share->threshold);
	ended->turn = after - now;
	__atomic_store_n(&share->ended, request, __ATOMIC_RELEASE);
	return after;
}

/*
 * Record until SIGTERM, or for `passes`. The gap that ends with our own SIGTERM is not recorded:
 * `stopped` is read after the clock, and decides.
 */
static inline __attribute__((always_inline)) void spin(struct gaps_share *share, uint64_t from,
						       uint64_t passes)
{
	struct gaps_interval *interval = &share->half[0];
	uint64_t cost = share->cost, threshold = share->threshold, last = ticks(), request;

	while (!stopped && (int64_t)(last - from) < 0)
		last = ticks();
	begin(interval, last);
	last = interval->begin = ticks();
	while (passes--) {
		uint64_t now = ticks(), gap = now - last;

		if (stopped)
			break;
		last = now;
		gaps_record(interval, (int64_t)gap < 0 ? gap : gap > cost ? gap - cost : 0, now, threshold);
		request = asked(share);
		if (__builtin_expect(request != share->ended, false))
			last = turn(share, &interval, request, now);
	}
	interval->end = last;
}

/* A loop that does nothing but read the counter: the shortest pass that is possible. */
static __attribute__((noinline)) uint64_t plain(uint64_t passes)
{
	uint64_t from = ticks(), last = from;

	while (passes-- && !stopped)
		last = ticks();
	return last - from;
}

/* Ticks of an undisturbed pass: half of the passes take at most this long. */
static __attribute__((noinline)) uint64_t pass_cost(struct gaps_share *share)
{
	struct gaps_interval *interval = &share->half[0];
	uint64_t seen = 0;
	unsigned bucket = 0;

	share->threshold = UINT64_MAX;
	share->cost = 0;
	spin(share, ticks(), COST_PASSES);
	while (bucket < GAPS_BUCKETS - 1 && (seen += interval->histogram[bucket]) < interval->samples / 2)
		bucket++;
	if (bucket < GAPS_SUB)
		return bucket;
	return (uint64_t)(GAPS_SUB + bucket % GAPS_SUB) << (bucket / GAPS_SUB - 1);
}

static void print_cost(struct gaps_share *share)
{
	double ns = (double)NS_PER_SECOND / rate();
	uint64_t best = UINT64_MAX, best_plain = UINT64_MAX, took;
	int run;

	for (run = 0; run < COST_RUNS; run++) {
		share->threshold = UINT64_MAX;
		share->cost = 0;
		spin(share, ticks(), COST_PASSES);
		took = share->half[0].end - share->half[0].begin;
		if (took < best)
			best = took;
		took = plain(COST_PASSES);
		if (took < best_plain)
			best_plain = took;
	}
	printf("{\"loopNs\":%.3f,\"plainNs\":%.3f}\n", (double)best * ns / COST_PASSES,
	       (double)best_plain * ns / COST_PASSES);
}

/* Model specific registers (arch/x86/include/asm/msr-index.h): what they counted since boot. */
enum { SMI_COUNT, MPERF, APERF, REGISTERS };
static const struct {
	const char *name;
	off_t number;
} registers[REGISTERS] = {
	[SMI_COUNT] = {"smi", 0x34},
	[MPERF] = {"mperf", 0xe7},
	[APERF] = {"aperf", 0xe8},
};

struct counted {
	uint64_t value[REGISTERS];
	int error[REGISTERS]; /* errno, or 0 */
};

/*
 * Read through /dev/cpu/N/msr while we run on that CPU, before the first and after the last pass:
 * another CPU would have to interrupt this one to read them.
 */
static void read_registers(unsigned long cpu, struct counted *counted)
{
	char path[64];
	int fd, failure, i;

	snprintf(path, sizeof(path), "/dev/cpu/%lu/msr", cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	failure = errno;
	for (i = 0; i < REGISTERS; i++) {
		counted->value[i] = 0;
		counted->error[i] = failure;
		if (fd < 0)
			continue;
		ssize_t size = pread(fd, &counted->value[i], sizeof(counted->value[i]), registers[i].number);
		counted->error[i] = size == sizeof(counted->value[i]) ? 0 : size < 0 ? errno : EIO;
	}
	if (fd >= 0)
		close(fd);
}

/* The file that the reader opens; it has no name, and ends with us. */
static struct gaps_share *shared(int *fd)
{
	struct gaps_share *share;

	*fd = memfd_create("isol-spin", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, sizeof(*share)))
		die("cannot make shared memory: %s", strerror(errno));
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *fd, 0);
	if (share == MAP_FAILED)
		die("cannot map shared memory: %s", strerror(errno));
	memset(share, 0, sizeof(*share)); /* every page is there from now on */
	share->magic = GAPS_MAGIC;
	share->size = sizeof(*share);
	return share;
}

static void print(unsigned long cpu, double hertz, unsigned long threshold_ns,
		  const struct gaps_interval *record)
{
	double ns = (double)NS_PER_SECOND / hertz;
	uint64_t log2[BINS] = {0};
	int bin, last = BINS - 1;

	for (bin = 0; bin < GAPS_SUB; bin++)
		log2[bin < 2 ? 0 : 63 - __builtin_clzll((uint64_t)bin)] += record->histogram[bin];
	for (bin = GAPS_SUB; bin < GAPS_BUCKETS; bin++)
		log2[bin / GAPS_SUB + GAPS_SUB_BITS - 1] += record->histogram[bin];
	while (last > 0 && !log2[last])
		last--;
	printf("{\"cpu\":%lu,\"tickHz\":%.0f,\"observedNs\":%.0f,\"iterations\":%llu,"
	       "\"thresholdNs\":%lu,\"gaps\":%llu,"
	       "\"maxGapNs\":%.0f,\"maxGapAtNs\":%.0f,\"log2Ticks\":[",
	       cpu, hertz, (double)(record->end - record->begin) * ns, (unsigned long long)record->samples,
	       threshold_ns, (unsigned long long)record->over, (double)record->max * ns,
	       record->max ? (double)(record->max_at - record->begin) * ns : 0.0);
	for (bin = 0; bin <= last; bin++)
		printf("%s%llu", bin ? "," : "", (unsigned long long)log2[bin]);
	puts("]}");
}

/* What the whole time showed. A register that cannot be read has its errno instead of a value. */
static void print_whole(unsigned long cpu, double hertz, double whole_hertz, const struct counted *before,
			const struct counted *after)
{
	int i;

	printf("{\"cpu\":%lu,\"tickHz\":%.0f,\"wholeTickHz\":%.0f", cpu, hertz, whole_hertz);
	for (i = 0; i < REGISTERS; i++) {
		int error = before->error[i] ? before->error[i] : after->error[i];

		if (error)
			printf(",\"%s\":\"%s\"", registers[i].name, strerrorname_np(error) ?: "EIO");
		else
			printf(",\"%s\":%llu", registers[i].name,
			       (unsigned long long)(after->value[i] - before->value[i]));
	}
	puts("}");
}

int main(int argc, char **argv)
{
	static struct gaps_share own;
	struct gaps_share *share = &own;
	struct counted before, after;
	struct sigaction action = {.sa_handler = stop};
	unsigned long cpu = CPULIST_MAX, warm_up_ms = 0, threshold_ns = 1000;
	const char *policy = "other";
	bool isolate = false, share_it = false, cost_only = false;
	uint64_t from, start_ns, start_ticks;
	double hertz;
	int i, fd = -1;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--isolate") == 0)
			isolate = true;
		else if (strcmp(argv[i], "--share") == 0)
			share_it = true;
		else if (strcmp(argv[i], "--cost") == 0)
			cost_only = true;
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
	if (cost_only) {
		print_cost(share);
		return 0;
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
	if (share_it) {
		/* Ctrl-C is for our parent, which then wants the last interval. */
		signal(SIGINT, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		share = shared(&fd);
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("cannot lock its memory: %s", strerror(errno));
	memset(&own, 0, sizeof(own));
	set_policy(policy);
	pin(cpu);
	hertz = rate();
	if (share_it) {
		share->cost = pass_cost(share);
		share->hertz = (uint64_t)(hertz + 0.5);
		read_registers(cpu, &before);
	}
	share->threshold = (uint64_t)((double)threshold_ns * hertz / (double)NS_PER_SECOND);
	start_ns = nanoseconds();
	start_ticks = ticks();
	from = start_ticks + (uint64_t)((double)warm_up_ms / 1000 * hertz);

	/*
	 * This fails when our parent died before PDEATHSIG was set: its end of the pipe is closed.
	 */
	if ((share_it ? printf("ready %d\n", fd) : puts("ready")) == EOF || fflush(stdout) == EOF)
		die("cannot write: %s", strerror(errno));
	if (isolate)
		enter_isolation();
	spin(share, from, UINT64_MAX);
	if (share_it) {
		double seconds = (double)(nanoseconds() - start_ns) / (double)NS_PER_SECOND;
		double whole_hertz = (double)(ticks() - start_ticks) / seconds;

		read_registers(cpu, &after);
		print_whole(cpu, hertz, whole_hertz, &before, &after);
	} else {
		print(cpu, hertz, threshold_ns, &share->half[0]);
	}
	return 0;
}
