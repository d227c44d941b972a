/* SPDX-License-Identifier: MIT */
/*
 * isol-exec: what isolctl launch becomes. It restores what Node.js changed in this process, puts
 * the process on its CPUs, leaves a supervisor behind, and executes the program: same process, same
 * descriptors, same environment but for ISOLCTL_*.
 *
 *     isol-exec --cpus=LIST --housekeeping=LIST [OPTION...] -- PROGRAM [ARG...]
 *
 * Which thread runs where with --settle: see settle.h. Without it, a program that is launched on
 * one CPU starts bound to it. A program that is launched on several starts on the housekeeping
 * CPUs: the thread that calls isolctl_bind(N) gets the Nth launch CPU, and threads may also bind
 * themselves.
 *
 * --wide: the launch CPUs are outside of load balancing. The program may then run on them from the
 * start, and finds them in its affinity: numactl(8), OMP_PLACES and others take no CPU that is not
 * there. --no-follow: only the program itself is watched, not the processes that it starts.
 *
 * --exclusive: no second launch gets these CPUs, see claim.h. --end-grace=SECONDS: see
 * ISOLCTL_GRACE(); without effect on a kernel that has none.
 *
 * The program does itself what exec cannot carry over: memory locking (isolctl_enter() locks) and
 * isolation. Exit status as env(1): 125 failed before the program, 126 it cannot be executed, 127
 * it was not found.
 */
#define _GNU_SOURCE
#include "claim.h"
#include "cpulist.h"
#include "family.h"
#include "isolctl.h"
#include "json.h"
#include "number.h"
#include "proc.h"
#include "program.h"
#include "supervisor.h"
#include "visible.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { UNSUITABLE = 69, FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

struct options {
	const char *cpus, *housekeeping, *flags, *status_file, *memory;
	long nofile;	  /* soft RLIMIT_NOFILE, or -1: leave it */
	int priority;	  /* SCHED_FIFO, or 0: SCHED_OTHER */
	unsigned settle;  /* milliseconds, or 0: the program enters itself */
	unsigned timeout; /* milliseconds that a settled thread waits for the others, or 0: for ever */
	enum lock lock;	  /* of the program's memory, with settle */
	unsigned workers; /* isolated threads that make it ready, or 0: one on each CPU */
	unsigned grace;	  /* seconds, see ISOLCTL_GRACE(), or 0 */
	bool rearm, soft, quiet, json, hex, notify, force, exclusive, verbose, wide, alone, explain;
};

/* With --json an error is JSON as well. */
static bool json_errors;

/* Say why it failed, in the form of src/ui/failure.ts, and end. `code`, `help`: may be NULL. */
__attribute__((noreturn)) static void give_up(int status, const char *message, const char *code,
					      const char *help)
{
	char shown[4 * 4096];
	if (json_errors) {
		fputs("{\"schema\":\"isolctl.error/1\",\"error\":{\"message\":", stdout);
		json_text(stdout, message);
		printf(",\"exit\":%d", status);
		if (code) {
			fputs(",\"code\":", stdout);
			json_text(stdout, code);
		}
		if (help) {
			fputs(",\"help\":", stdout);
			json_text(stdout, help);
		}
		puts("}}");
		exit(status);
	}
	make_line(shown, sizeof shown, message);
	fprintf(stderr, "isol-exec: %s\n", shown);
	if (help)
		fprintf(stderr, "help: %s\n", help);
	exit(status);
}

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int status, const char *format, ...)
{
	int error = errno;
	va_list arguments;
	char text[4096];
	va_start(arguments, format);
	int length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (error && length >= 0 && (size_t)length < sizeof text)
		snprintf(text + length, sizeof text - (size_t)length, ": %s", strerror(error));
	give_up(status, text, error ? strerrorname_np(error) : NULL, NULL);
}

/* The same without an errno, and with a help line. */
__attribute__((noreturn)) static void refuse(int status, const char *what, const char *why, const char *help)
{
	char text[4096];
	snprintf(text, sizeof text, "%s: %s", what, why);
	give_up(status, text, NULL, help);
}

static unsigned long number(const char *text, const char *what, unsigned long low, unsigned long high)
{
	unsigned long value = 0;
	errno = 0;
	if (!parse_number(text, low, high, &value))
		fail(FAILED, "not a %s: \"%s\"", what, text);
	return value;
}

/* Flags of prctl(ISOLCTL_PR_SET), as "0x3". */
static unsigned long flags_of(const char *text)
{
	char *end;
	errno = 0;
	const unsigned long flags = strtoul(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end) {
		errno = 0;
		fail(FAILED, "not isolation flags: \"%s\"", text);
	}
	return flags;
}

/* A cpulist. Returns how many CPUs are in it. */
static int cpus_of(const char *list, cpu_set_t *cpus)
{
	errno = 0;
	if (!parse_cpulist(list, cpus, sizeof *cpus))
		fail(FAILED, "not a cpulist: \"%s\"", list);
	return CPU_COUNT(cpus);
}

static int hex_digit(char digit)
{
	if (!isxdigit((unsigned char)digit))
		return -1;
	return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* Decode "7a00" in place: arguments that are not UTF-8 cannot pass through Node.js otherwise. */
static void decode_hex(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from += 2) {
		const int high = hex_digit(from[0]), low = high < 0 ? -1 : hex_digit(from[1]);
		if (low < 0) {
			errno = 0;
			fail(FAILED, "not hex: \"%s\"", from);
		}
		*to++ = (char)(high << 4 | low);
	}
	*to = 0;
}

/*
 * At its start Node.js ignores SIGPIPE and SIGXFSZ, and sets every other signal to its default. It
 * raises the soft limit of open files to the hard one, and makes pipes and terminals non-blocking.
 * The program would inherit all of it. Whether our caller ignored a signal, as nohup does with
 * SIGHUP, is not known any more: use isolctl launch -- nohup PROGRAM.
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

/* Refuse a program that is known to be unfit before it is executed. */
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
		refuse(NOT_EXECUTABLE, name,
		       "is setuid, setgid or has file capabilities: "
		       "it would run as another user, and isolctl could not stop it",
		       "start it as that user: runuser -u USER -- isolctl launch ...; "
		       "or launch all the same: --force");
	if (program.narrow && options->settle && !options->soft)
		refuse(NOT_EXECUTABLE, name, "is not a 64-bit program, and --enter settle takes no other",
		       "take a 64-bit build; or make it call isolctl_enter() of isolctl.h: --enter app");
}

/* include/uapi/linux/mempolicy.h */
enum { MPOL_PREFERRED_ONE = 1, MPOL_BIND_TO = 2, MPOL_PREFERRED_SOME = 5 };

/*
 * "prefer:0", "bind:0,2": the NUMA nodes that memory is to come from. exec keeps the policy
 * (set_mempolicy(2)).
 */
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
	enum {
		CPUS = 1,
		HOUSEKEEPING,
		FLAGS,
		NOFILE,
		FIFO,
		STATUS_FILE,
		SETTLE,
		REARM,
		SOFT,
		QUIET,
		JSON,
		HEX,
		HEX_ENV,
		MEMORY,
		NOTIFY,
		WORKERS,
		FORCE,
		LOCK,
		SETTLE_TIMEOUT,
		END_GRACE,
		EXCLUSIVE,
		VERBOSE,
		WIDE,
		NO_FOLLOW,
		EXPLAIN_BREAKS
	};
	static const struct option known[] = {{"cpus", required_argument, NULL, CPUS},
					      {"housekeeping", required_argument, NULL, HOUSEKEEPING},
					      {"flags", required_argument, NULL, FLAGS},
					      {"nofile", required_argument, NULL, NOFILE},
					      {"fifo", required_argument, NULL, FIFO},
					      {"status-file", required_argument, NULL, STATUS_FILE},
					      {"settle", required_argument, NULL, SETTLE},
					      {"rearm", no_argument, NULL, REARM},
					      {"soft", no_argument, NULL, SOFT},
					      {"quiet", no_argument, NULL, QUIET},
					      {"json", no_argument, NULL, JSON},
					      {"hex", no_argument, NULL, HEX},
					      {"hex-env", required_argument, NULL, HEX_ENV},
					      {"memory", required_argument, NULL, MEMORY},
					      {"notify", no_argument, NULL, NOTIFY},
					      {"workers", required_argument, NULL, WORKERS},
					      {"force", no_argument, NULL, FORCE},
					      {"lock", required_argument, NULL, LOCK},
					      {"settle-timeout", required_argument, NULL, SETTLE_TIMEOUT},
					      {"end-grace", required_argument, NULL, END_GRACE},
					      {"exclusive", no_argument, NULL, EXCLUSIVE},
					      {"verbose", no_argument, NULL, VERBOSE},
					      {"wide", no_argument, NULL, WIDE},
					      {"no-follow", no_argument, NULL, NO_FOLLOW},
					      {"explain-breaks", no_argument, NULL, EXPLAIN_BREAKS},
					      {NULL, 0, NULL, 0}};
	struct options options = {.flags = "0x1", .nofile = -1, .timeout = 10000};
	for (int option; (option = getopt_long(argc, argv, "+", known, NULL)) != -1;)
		switch (option) {
		case CPUS:
			options.cpus = optarg;
			break;
		case HOUSEKEEPING:
			options.housekeeping = optarg;
			break;
		case FLAGS:
			options.flags = optarg;
			break;
		case NOFILE:
			options.nofile = (long)number(optarg, "limit", 0, 1UL << 30);
			break;
		case FIFO:
			options.priority = (int)number(optarg, "priority", 1, 99);
			break;
		case STATUS_FILE:
			options.status_file = optarg;
			break;
		case SETTLE:
			options.settle = (unsigned)number(optarg, "settle time in ms", 1, 60000);
			break;
		case SETTLE_TIMEOUT:
			options.timeout = (unsigned)number(optarg, "settle timeout in ms", 1, 3600000);
			break;
		case REARM:
			options.rearm = true;
			break;
		case SOFT:
			options.soft = true;
			break;
		case QUIET:
			options.quiet = true;
			break;
		case JSON:
			options.json = json_errors = true;
			break;
		case HEX:
			options.hex = true;
			break;
		case MEMORY:
			options.memory = optarg;
			break;
		case NOTIFY:
			options.notify = true;
			break;
		case WORKERS:
			options.workers = (unsigned)number(optarg, "number of workers", 1, THREADS_MAX);
			break;
		case FORCE:
			options.force = true;
			break;
		case LOCK:
			if (!parse_lock(optarg, &options.lock))
				fail(FAILED, "not a way to lock memory: \"%s\"", optarg);
			break;
		case END_GRACE:
			options.grace = (unsigned)number(optarg, "grace in seconds", 0, 255);
			break;
		case EXCLUSIVE:
			options.exclusive = true;
			break;
		case VERBOSE:
			options.verbose = true;
			break;
		case WIDE:
			options.wide = true;
			break;
		case NO_FOLLOW:
			options.alone = true;
			break;
		case EXPLAIN_BREAKS:
			options.explain = true;
			break;
		case HEX_ENV:
			decode_hex(optarg);
			putenv(optarg);
			break;
		default:
			exit(FAILED); /* getopt has said why */
		}
	errno = 0;
	if (!options.cpus || !options.housekeeping || optind == argc)
		fail(FAILED,
		     "usage: isol-exec --cpus=LIST --housekeeping=LIST [OPTION...] -- PROGRAM [ARG...]");
	if (options.rearm && options.grace)
		fail(FAILED,
		     "--rearm does not go with --end-grace: a thread that is leaving does not settle");
	return options;
}

/*
 * Where another launch has started this one: /proc/PID/environ of this process, and of the reporter that
 * it leaves behind, goes on to show what was there at its start. The other launch is not to follow them.
 */
static void hide_mark(void)
{
	char *mark = getenv(FAMILY_VARIABLE);
	if (mark)
		memset(mark, 0, strlen(mark));
}

/* `mark`: of the launch, or NULL. */
static void set_environment(const struct options *options, const char *mark)
{
	if (mark)
		setenv(FAMILY_VARIABLE, mark, 1);
	else
		unsetenv(FAMILY_VARIABLE);
	setenv("ISOLCTL_FLAGS", options->flags, 1);
	setenv("ISOLCTL_CPUS", options->cpus, 1);
	setenv("ISOLCTL_HOUSEKEEPING", options->housekeeping, 1);
	char grace[16];
	snprintf(grace, sizeof grace, "%u", options->grace);
	if (options->grace)
		setenv("ISOLCTL_GRACE", grace, 1);
	else
		unsetenv("ISOLCTL_GRACE");
	if (options->soft)
		setenv("ISOLCTL_SOFT", "1", 1);
	else
		unsetenv("ISOLCTL_SOFT");
}

/*
 * What we open must not get the numbers 0 to 2, where a caller may have left a gap: the supervisor
 * replaces these. exec closes it, and the program finds the gap as it was.
 */
static void fill_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/*
 * Open the status file. No symbolic link is followed, which somebody else may have put there, but
 * for those of the system to our own descriptors. A pipe without a reader is ENXIO, and no wait.
 * What is in the file stays until the first report replaces it.
 */
static int open_status(const char *path)
{
	const bool ours = strncmp(path, "/dev/std", 8) == 0 || strncmp(path, "/dev/fd/", 8) == 0;
	const int fd = open(
		path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (ours ? 0 : O_NOFOLLOW), 0644);
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

/*
 * The CPUs are ours alone, until the supervisor ends. Where that cannot be found out the launch goes
 * on, as on a machine without sysfs. Any user can lock a CPU, and must not keep root from it.
 */
static void claim(struct claim *claim, const cpu_set_t *cpus, const struct options *options)
{
	const bool quiet = options->quiet || options->json;
	for (; claim_cpus(claim, cpus) < 0; claim->cpu++) {
		char text[256], name[NAME_SIZE] = "?", owner[64] = "another process";
		if (errno != EWOULDBLOCK) {
			if (!quiet)
				fprintf(stderr,
					"note: cannot tell whether another launch uses CPU %d: "
					"/sys/devices/system/cpu/cpu%d: %s\n",
					claim->cpu, claim->cpu, strerror(errno));
			return;
		}
		if (claim->owner && read_name(claim->owner, claim->owner, name))
			snprintf(owner, sizeof owner, "%s[%d]", name, claim->owner);
		snprintf(text, sizeof text, "CPU %d is locked by %s%s", claim->cpu, owner,
			 claim->launched
				 ? ", which isolctl launched: a second launch would break its isolation"
				 : "");
		char help[160] = "choose other CPUs with --cpus; or launch anyway: --force";
		if (claim->owner)
			snprintf(help, sizeof help,
				 "choose other CPUs with --cpus, or end it: %s %d; or launch anyway: --force",
				 claim->launched ? "isolctl stop" : "kill", claim->owner);
		if (!options->force && !(geteuid() == 0 && claim->foreign))
			give_up(UNSUITABLE, text, "cpu-taken", help);
		char shown[4 * sizeof text];
		make_line(shown, sizeof shown, text);
		if (!quiet)
			fprintf(stderr, "note: %s\n", shown);
	}
}

/*
 * Allow this process, which runs on a housekeeping CPU, its launch CPUs as well. It stays where it is:
 * the scheduler moves a task only within its scheduling domain, and a CPU outside of load balancing is
 * in none (kernel/sched/fair.c, select_task_rq_fair(); kernel/sched/cpupri.c: a root domain of its
 * own). Where a cpuset takes some of the CPUs away again, the process keeps the housekeeping CPUs
 * alone: it would see less than it will get, and might be moved. Returns what it has.
 */
static cpu_set_t widen(const cpu_set_t *cpus, const cpu_set_t *housekeeping)
{
	cpu_set_t wide, got;
	CPU_OR(&wide, cpus, housekeeping);
	if (sched_setaffinity(0, sizeof wide, &wide) == 0 && sched_getaffinity(0, sizeof got, &got) == 0 &&
	    CPU_EQUAL(&wide, &got))
		return wide;
	sched_setaffinity(0, sizeof *housekeeping, housekeeping);
	return *housekeeping;
}

/*
 * The grace in seconds that the kernel grants: all, or none. Says so where it grants none, because an
 * orderly end is a break then.
 */
static unsigned granted(const struct options *options, bool records)
{
	if (!options->grace || (records && isolctl_knows(ISOLCTL_GRACE(options->grace))))
		return options->grace;
	if (records && !options->quiet && !options->json)
		fprintf(stderr,
			"note: this kernel gives a program no time to end: a worker that leaves its loop before that is a break\n");
	return 0;
}

int main(int argc, char **argv)
{
	fill_standard_descriptors();
	struct options options = parse(argc, argv);
	char **program = argv + optind;
	if (options.hex)
		for (char **argument = program; *argument; argument++)
			decode_hex(*argument);

	cpu_set_t cpus;
	static struct claim claimed;
	struct supervisor supervisor = {.pid = getpid(),
					.program = *program,
					.cpus = options.cpus,
					.status_fd = -1,
					.json = options.json,
					.soft = options.soft,
					.quiet = options.quiet,
					.verbose = options.verbose,
					.explain = options.explain && !options.quiet && !options.json};
	int count = cpus_of(options.cpus, &cpus);
	bool alone = count == 1;
	supervisor.workers = options.workers ? options.workers : (unsigned)count;
	cpus_of(options.housekeeping, &supervisor.housekeeping);
	const bool records = access("/proc/self/task_isolation", R_OK) == 0;
	options.grace = granted(&options, records);
	supervisor.grace = options.grace;
	const unsigned long flags = flags_of(options.flags) | ISOLCTL_GRACE(options.grace);

	undo_node(options.nofile);
	hide_mark();
	static char mark[FAMILY_MARK_SIZE];
	if (make_mark(supervisor.pid, mark))
		supervisor.mark = options.alone ? NULL : mark;
	set_environment(&options, *mark ? mark : NULL);
	check_program(*program, &options);
	if (options.notify) {
		supervisor.notify = getenv("NOTIFY_SOCKET");
		if (!supervisor.notify)
			refuse(FAILED, "--notify", "has no receiver: NOTIFY_SOCKET is not set",
			       "leave --notify out");
		supervisor.notify = strdup(supervisor.notify);
		if (!supervisor.notify)
			fail(FAILED, "--notify");
		/* The supervisor answers: the program is ready when it is isolated. */
		unsetenv("NOTIFY_SOCKET");
	}
	if (options.status_file) {
		supervisor.status_fd = open_status(options.status_file);
		if (supervisor.status_fd < 0)
			fail(FAILED, "%s", options.status_file);
	}
	if (options.exclusive) {
		claim(&claimed, &cpus, &options);
		supervisor.claim = &claimed;
	}
	if (options.settle) {
		/* It starts among the control threads, and a thread that settles is moved. */
		alone = false;
		supervisor.settle = (struct settle_options){.ms = options.settle,
							    .flags = flags,
							    .rearm = options.rearm,
							    .priority = options.priority,
							    .lock = options.lock,
							    .timeout_ms = options.timeout,
							    .records = records,
							    .cpus = cpus,
							    .housekeeping = supervisor.housekeeping,
							    .start = supervisor.housekeeping};
		options.priority = 0;
	}
	if (sched_setaffinity(0, sizeof cpus, alone ? &cpus : &supervisor.housekeeping) < 0)
		fail(FAILED, "cannot run on CPU %s (cgroup cpuset?)",
		     alone ? options.cpus : options.housekeeping);
	if (options.wide && !alone)
		supervisor.settle.start = widen(&cpus, &supervisor.housekeeping);
	if (options.memory)
		set_memory_policy(options.memory);
	struct sched_param priority = {.sched_priority = options.priority};
	if (sched_setscheduler(0, options.priority ? SCHED_FIFO : SCHED_OTHER, &priority) < 0)
		fail(FAILED, "cannot set the scheduling policy (CAP_SYS_NICE, RLIMIT_RTPRIO)");

	/* Last, so that only a failing exec has to be reported to it. */
	int exec_failed = -1;
	if (options.settle || options.status_file || options.json || options.notify || options.exclusive ||
	    (records && !options.quiet)) {
		exec_failed = start_supervisor(&supervisor);
		if (exec_failed < 0)
			fail(FAILED, "cannot start isol-reporter");
	}

	execvp(*program, program);
	int error = errno;
	if (exec_failed >= 0 && write(exec_failed, "x", 1) != 1)
		errno = 0; /* then there is no supervisor to keep quiet */
	errno = error;
	fail(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE, "%s", *program);
}
