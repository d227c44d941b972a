/* SPDX-License-Identifier: MIT */
/*
 * isol-exec: what isolctl launch becomes. Gives back what Node.js changed in this process, puts it on its CPUs, leaves a
 * reporter behind, and executes the program: same process, same descriptors, same environment but for ISOLCTL_*.
 *
 *     isol-exec --cpus=LIST --housekeeping=LIST [OPTION...] -- PROGRAM [ARG...]
 *
 * Who runs where, with --settle: see settle.h. Without: launched on one CPU, the whole program starts bound to it.
 * Launched on several, it starts on the housekeeping CPUs, and the thread that calls isolctl_bind(N) gets the Nth of
 * them; threads that bind themselves may.
 *
 * What exec cannot carry over is left to the program: memory locking (isolctl_enter() locks) and isolation itself.
 * Exit status as env(1): 125 failed before the program, 126 it cannot be executed, 127 it was not found.
 */
#define _GNU_SOURCE
#include "program.h"
#include "reporter.h"

#include <getopt.h>
#include <stdarg.h>
#include <sys/resource.h>

enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

struct options {
	const char *cpus, *housekeeping, *flags, *status_file, *memory;
	long nofile;  /* soft RLIMIT_NOFILE, or -1: leave it */
	int priority; /* SCHED_FIFO, or 0: SCHED_OTHER */
	unsigned settle; /* milliseconds, or 0: the program enters by itself */
	unsigned workers; /* isolated threads that make it ready, or 0: one on each CPU */
	bool rearm, soft, quiet, json, hex, notify, force;
};

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int status, const char *format, ...)
{
	int error = errno;
	va_list arguments;
	fputs("isol-exec: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (error)
		fprintf(stderr, ": %s", strerror(error));
	fputc('\n', stderr);
	exit(status);
}

/* The same for what has no errno; with a help line. */
__attribute__((noreturn)) static void refuse(int status, const char *what, const char *why, const char *help)
{
	fprintf(stderr, "isol-exec: %s: %s\nhelp: %s\n", what, why, help);
	exit(status);
}

static long number_of(const char *text, const char *what, long low, long high)
{
	char *end;
	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < low || number > high) {
		errno = 0;
		fail(FAILED, "not a %s: \"%s\"", what, text);
	}
	return number;
}

/* A cpulist without strides, "2-3,6". Returns how many CPUs are in it. */
static int cpus_of(const char *list, cpu_set_t *cpus)
{
	CPU_ZERO(cpus);
	const char *rest = list;
	while (*rest) {
		char *end;
		long first = strtol(rest, &end, 10), last = first;
		if (end != rest && *end == '-') {
			rest = end + 1;
			last = strtol(rest, &end, 10);
		}
		if (end == rest || first < 0 || last < first || last >= CPU_SETSIZE || (*end && *end != ',')) {
			errno = 0;
			fail(FAILED, "not a cpulist: \"%s\"", list);
		}
		for (long cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, cpus);
		rest = *end ? end + 1 : end;
	}
	return CPU_COUNT(cpus);
}

/* Decode "7a00" in place: arguments that are not UTF-8 cannot pass through Node.js otherwise. */
static void decode_hex(char *text)
{
	size_t length = strlen(text);
	for (size_t i = 0; i + 1 < length; i += 2)
		text[i / 2] = (char)strtol((const char[]){text[i], text[i + 1], 0}, NULL, 16);
	text[length / 2] = 0;
}

/*
 * Node.js ignores SIGPIPE and SIGXFSZ, and sets every other signal to its default, at its start. It raises the soft limit
 * of open files to the hard one, and makes pipes and terminals non-blocking. All of it would be
 * inherited. (A signal that our caller ignored, as nohup does with
 * SIGHUP, cannot be told from one that it did not: use isolctl launch -- nohup PROGRAM.)
 */
static void undo_node(long nofile)
{
	struct rlimit limit;
	sigset_t none;
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd <= 2; fd++) {
		int flags = fcntl(fd, F_GETFL);
		if (flags >= 0 && flags & O_NONBLOCK)
			fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
	}
	if (nofile < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0 || (rlim_t)nofile > limit.rlim_max)
		return;
	limit.rlim_cur = (rlim_t)nofile;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fail(FAILED, "setrlimit RLIMIT_NOFILE %ld", nofile);
}

/* What can be known to be wrong with the program before it is executed. */
static void check_program(const char *name, const struct options *options)
{
	char path[4096];
	int error = find_program(name, path, sizeof path);
	if (error) {
		errno = error;
		fail(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE, "%s", name);
	}
	const struct program program = look_at_program(path);
	if (program.foreign)
		refuse(NOT_EXECUTABLE, name, "is for another processor architecture than this machine's",
		       "take the build for this machine");
	if (program.privileged && !options->soft && !options->force)
		refuse(NOT_EXECUTABLE, name, "is setuid, setgid or has file capabilities: it would run as somebody else, out of our reach",
		       "start it as that user: runuser -u USER -- isolctl launch ...; or launch all the same: --force");
	if (program.narrow && options->settle && !options->soft)
		refuse(NOT_EXECUTABLE, name, "is not a 64-bit program, and --enter settle takes no other",
		       "take a 64-bit build; or let it enter by itself with isolctl.h: --enter app");
}

enum { MPOL_PREFERRED_ONE = 1, MPOL_BIND_TO = 2, MPOL_PREFERRED_SOME = 5 }; /* include/uapi/linux/mempolicy.h */

/* "prefer:0", "bind:0,2": the NUMA nodes that memory is to come from. Inherited over exec (set_mempolicy(2)). */
static void set_memory_policy(const char *text)
{
	unsigned long mask[CPU_SETSIZE / (8 * sizeof(unsigned long))] = {0};
	const char *list = strchr(text, ':');
	const bool bind = strncmp(text, "bind:", 5) == 0;
	cpu_set_t nodes; /* a nodelist has the form of a cpulist */
	if (!list || (!bind && strncmp(text, "prefer:", 7) != 0))
		refuse(FAILED, text, "is not a memory policy", "give prefer:NODES or bind:NODES");
	int count = cpus_of(list + 1, &nodes);
	for (unsigned node = 0; node < CPU_SETSIZE; node++)
		if (CPU_ISSET(node, &nodes))
			mask[node / (8 * sizeof *mask)] |= 1UL << node % (8 * sizeof *mask);
	int mode = bind ? MPOL_BIND_TO : count == 1 ? MPOL_PREFERRED_ONE : MPOL_PREFERRED_SOME;
	if (syscall(SYS_set_mempolicy, mode, mask, CPU_SETSIZE) < 0)
		fail(FAILED, "cannot take memory from NUMA node %s", list + 1);
}

static struct options parse(int argc, char **argv)
{
	enum { CPUS = 1, HOUSEKEEPING, FLAGS, NOFILE, FIFO, STATUS_FILE, SETTLE, REARM, SOFT, QUIET, JSON, HEX, HEX_ENV,
	       MEMORY, NOTIFY, WORKERS, FORCE };
	static const struct option known[] = {
		{"cpus", required_argument, NULL, CPUS},     {"housekeeping", required_argument, NULL, HOUSEKEEPING},
		{"flags", required_argument, NULL, FLAGS},   {"nofile", required_argument, NULL, NOFILE},
		{"fifo", required_argument, NULL, FIFO},     {"status-file", required_argument, NULL, STATUS_FILE},
		{"settle", required_argument, NULL, SETTLE}, {"rearm", no_argument, NULL, REARM},
		{"soft", no_argument, NULL, SOFT},           {"quiet", no_argument, NULL, QUIET},
		{"json", no_argument, NULL, JSON},           {"hex", no_argument, NULL, HEX},
		{"hex-env", required_argument, NULL, HEX_ENV}, {"memory", required_argument, NULL, MEMORY},
		{"notify", no_argument, NULL, NOTIFY},       {"workers", required_argument, NULL, WORKERS},
		{"force", no_argument, NULL, FORCE},         {NULL, 0, NULL, 0}};
	struct options options = {.flags = "0x1", .nofile = -1};
	for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;)
		switch (option) {
		case CPUS: options.cpus = optarg; break;
		case HOUSEKEEPING: options.housekeeping = optarg; break;
		case FLAGS: options.flags = optarg; break;
		case NOFILE: options.nofile = number_of(optarg, "limit", 0, 1L << 30); break;
		case FIFO: options.priority = (int)number_of(optarg, "priority", 1, 99); break;
		case STATUS_FILE: options.status_file = optarg; break;
		case SETTLE: options.settle = (unsigned)number_of(optarg, "settle time in ms", 1, 60000); break;
		case REARM: options.rearm = true; break;
		case SOFT: options.soft = true; break;
		case QUIET: options.quiet = true; break;
		case JSON: options.json = true; break;
		case HEX: options.hex = true; break;
		case MEMORY: options.memory = optarg; break;
		case NOTIFY: options.notify = true; break;
		case WORKERS: options.workers = (unsigned)number_of(optarg, "number of workers", 1, THREADS_MAX); break;
		case FORCE: options.force = true; break;
		case HEX_ENV:
			decode_hex(optarg);
			putenv(optarg);
			break;
		default: exit(FAILED); /* getopt has said why */
		}
	errno = 0;
	if (!options.cpus || !options.housekeeping || optind == argc)
		fail(FAILED, "usage: isol-exec --cpus=LIST --housekeeping=LIST [OPTION...] -- PROGRAM [ARG...]");
	return options;
}

static void set_environment(const struct options *options)
{
	setenv("ISOLCTL_FLAGS", options->flags, 1);
	setenv("ISOLCTL_CPUS", options->cpus, 1);
	setenv("ISOLCTL_HOUSEKEEPING", options->housekeeping, 1);
	if (options->soft)
		setenv("ISOLCTL_SOFT", "1", 1);
	else
		unsetenv("ISOLCTL_SOFT");
}

int main(int argc, char **argv)
{
	struct options options = parse(argc, argv);
	char **program = argv + optind;
	if (options.hex)
		for (char **argument = program; *argument; argument++)
			decode_hex(*argument);

	cpu_set_t cpus;
	struct reporter reporter = {.pid = getpid(), .program = *program, .cpus = options.cpus, .status_fd = -1,
				    .json = options.json, .soft = options.soft, .quiet = options.quiet};
	int count = cpus_of(options.cpus, &cpus);
	bool alone = count == 1;
	reporter.workers = options.workers ? options.workers : (unsigned)count;
	cpus_of(options.housekeeping, &reporter.housekeeping);

	undo_node(options.nofile);
	set_environment(&options);
	check_program(*program, &options);
	if (options.notify) {
		reporter.notify = getenv("NOTIFY_SOCKET");
		if (!reporter.notify)
			refuse(FAILED, "--notify", "nobody waits to be notified: NOTIFY_SOCKET is not set", "leave --notify out");
		reporter.notify = strdup(reporter.notify);
		unsetenv("NOTIFY_SOCKET"); /* it is for us to answer: the program is ready when it is isolated */
	}
	if (options.status_file) {
		reporter.status_fd = open(options.status_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (reporter.status_fd < 0)
			fail(FAILED, "%s", options.status_file);
	}
	bool records = access("/proc/self/task_isolation", R_OK) == 0;
	if (options.settle) { /* it starts among the control threads; who settles is moved */
		alone = false;
		reporter.settle = (struct settle_options){.ms = options.settle, .flags = strtoul(options.flags, NULL, 0),
							  .rearm = options.rearm, .priority = options.priority,
							  .records = records, .cpus = cpus, .housekeeping = reporter.housekeeping};
		options.priority = 0;
	}
	if (sched_setaffinity(0, sizeof cpus, alone ? &cpus : &reporter.housekeeping) < 0)
		fail(FAILED, "cannot run on CPU %s (cgroup cpuset?)", alone ? options.cpus : options.housekeeping);
	if (options.memory)
		set_memory_policy(options.memory);
	struct sched_param priority = {.sched_priority = options.priority};
	if (sched_setscheduler(0, options.priority ? SCHED_FIFO : SCHED_OTHER, &priority) < 0)
		fail(FAILED, "cannot set the scheduling policy (CAP_SYS_NICE, RLIMIT_RTPRIO)");

	/* Last, so that only a failing exec has to be told to it. */
	int exec_failed = -1;
	if (options.settle || options.status_file || options.json || options.notify || (records && !options.quiet)) {
		exec_failed = start_reporter(&reporter);
		if (exec_failed < 0)
			fail(FAILED, "cannot start the reporter");
	}

	execvp(*program, program);
	int error = errno;
	if (exec_failed >= 0 && write(exec_failed, "x", 1) != 1)
		errno = 0; /* then there is no reporter to hold back */
	errno = error;
	fail(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE, "%s", *program);
}
