/* SPDX-License-Identifier: MIT */
/*
 * deeds NAME [ARGUMENT...]: what programs of an administrator do and no usual command does alone: load a
 * BPF program, collapse huge pages, end many threads at once. test/endurance/activities calls it.
 * Exits with 1 and says what failed, or with 2 when there is no such deed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/io_uring.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MB (1UL << 20)
#define HUGE_PAGE (2 * MB)
#define PAGE 4096UL

/* Of newer headers than those of Debian 12. */
enum { COLLAPSE = 25 /* MADV_COLLAPSE */, CORE_SCHED = 62 /* PR_SCHED_CORE */ };

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...)
{
	const int error = errno;
	va_list arguments;
	va_start(arguments, format);
	fputs("deeds: ", stderr);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", strerror(error));
	exit(1);
}

/* The result of a call that must not fail. */
static long must(long result, const char *what)
{
	if (result < 0)
		fail("%s", what);
	return result;
}

static void rest(long milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

static long number(const char *text)
{
	return strtol(text, NULL, 0);
}

static char *map_memory(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap of %zu bytes", size);
	return memory;
}

static void touch(char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		memory[at] = 1;
}

/* --- processes and memory -------------------------------------------------------------------- */

static void *sleeper(void *milliseconds)
{
	rest((long)milliseconds);
	return NULL;
}

/* threads COUNT ROUNDS: their stacks in the kernel are freed together */
static void threads(char **argument)
{
	const long count = number(argument[0]);
	pthread_t *thread = calloc((size_t)count, sizeof *thread);
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 * 1024);
	for (long round = number(argument[1]); round > 0; round--) {
		long started = 0;
		while (started < count && pthread_create(&thread[started], &small, sleeper, (void *)30L) == 0)
			started++;
		while (started > 0)
			pthread_join(thread[--started], NULL);
	}
	free(thread);
}

/* processes COUNT ROUNDS */
static void processes(char **argument)
{
	for (long round = number(argument[1]); round > 0; round--) {
		for (long left = number(argument[0]); left > 0; left--)
			if (must(fork(), "fork") == 0) {
				rest(30);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
	}
}

/* mappings COUNT THREADS: map, write, protect and unmap 1 MB */
static void mappings(char **argument)
{
	for (long other = number(argument[1]); other > 1; other--) {
		pthread_t thread;
		pthread_create(&thread, NULL, sleeper, (void *)2000L);
	}
	for (long left = number(argument[0]); left > 0; left--) {
		char *memory = map_memory(MB);
		touch(memory, MB);
		must(mprotect(memory, MB, PROT_READ), "mprotect");
		munmap(memory, MB);
	}
}

/* hog MEGABYTES MILLISECONDS */
static void hog(char **argument)
{
	const size_t size = (size_t)number(argument[0]) * MB;
	touch(map_memory(size), size);
	rest(number(argument[1]));
}

/* collapse MEGABYTES asked|daemon: small pages become huge ones */
static void collapse(char **argument)
{
	const size_t size = (size_t)number(argument[0]) * MB;
	char *memory = map_memory(size + HUGE_PAGE);
	memory += -(unsigned long)memory & (HUGE_PAGE - 1);
	madvise(memory, size, MADV_NOHUGEPAGE);
	touch(memory, size);
	must(madvise(memory, size, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	if (strcmp(argument[1], "asked") == 0)
		must(madvise(memory, size, COLLAPSE), "MADV_COLLAPSE");
	else
		rest(5000);
}

/* same-pages MEGABYTES MILLISECONDS */
static void same_pages(char **argument)
{
	const size_t size = (size_t)number(argument[0]) * MB;
	char *memory = map_memory(size);
	memset(memory, 7, size);
	must(madvise(memory, size, MADV_MERGEABLE), "MADV_MERGEABLE");
	rest(number(argument[1]));
}

static void poison(char **argument)
{
	(void)argument;
	char *memory = map_memory(PAGE);
	touch(memory, PAGE);
	must(madvise(memory, PAGE, MADV_HWPOISON), "MADV_HWPOISON");
}

/* read-memory PID: one page of its stack */
static void read_memory(char **argument)
{
	char path[64], line[512], page[PAGE];
	unsigned long start = 0, end = 0;
	snprintf(path, sizeof path, "/proc/%ld/maps", number(argument[0]));
	FILE *maps = fopen(path, "re");
	while (maps && fgets(line, sizeof line, maps) && !strstr(line, "[stack]"))
		;
	if (!maps || sscanf(line, "%lx-%lx", &start, &end) != 2)
		fail("%s", path);
	fclose(maps);
	struct iovec here = {page, sizeof page}, there = {(void *)(end - PAGE), sizeof page};
	must(process_vm_readv((pid_t)number(argument[0]), &here, 1, &there, 1, 0), "process_vm_readv");
}

/* watchpoint: a hardware breakpoint in a process of our own */
static void watchpoint(char **argument)
{
	(void)argument;
	static long watched;
	const pid_t pid = (pid_t)must(fork(), "fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		rest(300);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	must(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[0]), &watched), "DR0");
	must(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[7]), 0xd0001UL), "DR7");
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, NULL, 0);
}

static void core_scheduling(char **argument)
{
	(void)argument;
	must(prctl(CORE_SCHED, 1, 0, 0, 0), "PR_SCHED_CORE");
	rest(300);
}

struct scheduling {
	unsigned size, policy;
	unsigned long flags;
	int nice;
	unsigned priority;
	unsigned long runtime, deadline, period;
	unsigned least, most;
};

/* scheduling clamp|deadline */
static void scheduling(char **argument)
{
	struct scheduling wanted = {.size = sizeof wanted};
	if (strcmp(argument[0], "clamp") == 0)
		wanted = (struct scheduling){.size = 56,
					     .flags = 0x78 /* keep policy and parameters; both clamps */,
					     .least = 100,
					     .most = 800};
	else
		wanted = (struct scheduling){.size = 56,
					     .policy = 6,
					     .runtime = 1000000,
					     .deadline = 100000000,
					     .period = 100000000};
	must(syscall(SYS_sched_setattr, 0, &wanted, 0), "sched_setattr");
	rest(300);
}

/* timers COUNT, for a second */
static void timers(char **argument)
{
	const struct itimerspec often = {{0, 5000000}, {0, 5000000}};
	struct sigevent quiet = {.sigev_notify = SIGEV_NONE};
	for (long left = number(argument[0]); left > 0; left--) {
		timer_t timer;
		must(timer_create(left & 1 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &quiet, &timer),
		     "timer_create");
		must(timer_settime(timer, 0, &often, NULL), "timer_settime");
	}
	const struct itimerval profile = {{0, 5000}, {0, 5000}};
	signal(SIGPROF, SIG_IGN);
	setitimer(ITIMER_PROF, &profile, NULL);
	const int fd = timerfd_create(CLOCK_REALTIME, 0);
	timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &often, NULL);
	for (time_t end = time(NULL) + 1; time(NULL) <= end;)
		;
}

/* barrier COMMAND, fifty times */
static void barrier(char **argument)
{
	const long command = number(argument[0]);
	if (command != MEMBARRIER_CMD_GLOBAL)
		must(syscall(SYS_membarrier, command << 1, 0, 0), "membarrier, to register");
	for (int times = 0; times < 50; times++)
		must(syscall(SYS_membarrier, command, 0, 0), "membarrier");
}

/* ring [poll]: io_uring, with a thread in the kernel that polls */
static void ring(char **argument)
{
	struct io_uring_params parameters = {0};
	if (argument[0])
		parameters = (struct io_uring_params){.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 50};
	const long fd = must(syscall(SYS_io_uring_setup, 64, &parameters), "io_uring_setup");
	rest(200);
	syscall(SYS_io_uring_enter, fd, 0, 0, IORING_ENTER_SQ_WAKEUP, NULL, 0);
	rest(100);
}

static void notify(char **argument)
{
	const int fd = (int)must(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY), "fanotify_init");
	must(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN | FAN_CLOSE, AT_FDCWD, argument[0]),
	     "fanotify_mark");
	for (int times = 0; times < 20; times++)
		close(open(argument[0], O_RDONLY));
}

/* hold-file PATH [TEXT]: open it for 0.4 s, with this text written to it as four bytes or as it is */
static void hold_file(char **argument)
{
	const int fd = open(argument[0], argument[1] ? O_RDWR : O_RDONLY);
	if (fd < 0)
		fail("%s", argument[0]);
	const int zero = 0;
	if (argument[1] && *argument[1])
		must(write(fd, argument[1], strlen(argument[1]) + 1), argument[0]);
	else if (argument[1])
		must(write(fd, &zero, sizeof zero), argument[0]);
	rest(400);
}

/* clock set|adjust */
static void set_clock(char **argument)
{
	if (strcmp(argument[0], "set") == 0) {
		struct timespec now;
		clock_gettime(CLOCK_REALTIME, &now);
		must(clock_settime(CLOCK_REALTIME, &now), "clock_settime");
		return;
	}
	struct timex steps[] = {{.modes = ADJ_FREQUENCY, .freq = 10 << 16},
				{.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, 1000}},
				{.modes = ADJ_TAI, .constant = 37},
				{.modes = ADJ_FREQUENCY}};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		must(adjtimex(&steps[i]), "adjtimex");
}

/* --- files of /proc and /sys ------------------------------------------------------------------ */

/* Files that wait for events, act when they are read, or are the memory of the machine. */
static bool is_left_out(const char *path)
{
	static const char *const ends[] = {"/kmsg",	   "trace_pipe",  "trace_pipe_raw",
					   "/kcore",	   "/acpi/event", "/sysrq-trigger",
					   "/pagemap",	   "/clear_refs", "/mem",
					   "/free_buffer", "/oops_count", "/shm_rmid_forced"};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const size_t length = strlen(path), end = strlen(ends[i]);
		if (length >= end && strcmp(path + length - end, ends[i]) == 0)
			return true;
	}
	return false;
}

static void read_file(const char *path)
{
	static char text[65536];
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	for (int pieces = 0; fd >= 0 && pieces < 8 && read(fd, text, sizeof text) > 0; pieces++)
		;
	if (fd >= 0)
		close(fd);
}

/* What it reads goes back as it is. */
static void rewrite_file(const char *path)
{
	static char text[65536];
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	const ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text);
	const ssize_t written = length > 0 ? pwrite(fd, text, (size_t)length, 0) : 0;
	(void)written; /* a value that cannot be written is left as it is */
	if (fd >= 0)
		close(fd);
}

static void walk(const char *folder, char **without, void (*visit)(const char *path))
{
	DIR *entries = opendir(folder);
	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		char path[PATH_MAX];
		struct stat stat;
		bool out = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
		if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
			continue;
		for (char **other = without; *other; other++)
			out = out || strcmp(path, *other) == 0;
		if (out || is_left_out(path) || lstat(path, &stat) < 0)
			continue;
		if (S_ISDIR(stat.st_mode))
			walk(path, without, visit);
		else if (S_ISREG(stat.st_mode))
			visit(path);
	}
	if (entries)
		closedir(entries);
}

/* read-all FOLDER [WITHOUT...] */
static void read_all(char **argument)
{
	walk(argument[0], argument + 1, read_file);
}

/* rewrite-all FOLDER [WITHOUT...] */
static void rewrite_all(char **argument)
{
	walk(argument[0], argument + 1, rewrite_file);
}

/* reread TIMES FILE... */
static void reread(char **argument)
{
	for (long left = number(argument[0]); left > 0; left--)
		for (char **path = argument + 1; *path; path++)
			read_file(*path);
}

/* --- network ---------------------------------------------------------------------------------- */

/* tcp MEGABYTES, over the loopback interface */
static void tcp(char **argument)
{
	static char block[65536];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	const int listener = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(bind(listener, (struct sockaddr *)&address, length), "bind");
	must(listen(listener, 1), "listen");
	must(getsockname(listener, (struct sockaddr *)&address, &length), "getsockname");
	if (must(fork(), "fork") == 0) {
		const int out = (int)must(socket(AF_INET, SOCK_STREAM, 0), "socket");
		must(connect(out, (struct sockaddr *)&address, length), "connect");
		for (long left = number(argument[0]) * 16; left > 0 && write(out, block, sizeof block) > 0;
		     left--)
			;
		_exit(0);
	}
	const int in = (int)must(accept(listener, NULL, NULL), "accept");
	while (read(in, block, sizeof block) > 0)
		;
	wait(NULL);
}

static void packet_socket(char **argument)
{
	(void)argument;
	must(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "a packet socket");
	rest(300);
}

static void timestamps(char **argument)
{
	(void)argument;
	const int fd = (int)must(socket(AF_INET, SOCK_DGRAM, 0), "socket"), on = 1;
	must(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on), "SO_TIMESTAMP");
	rest(300);
	close(fd);
	rest(300);
}

/* filter COUNT INSTRUCTIONS: classic BPF on a socket, one after the other */
static void filter(char **argument)
{
	const long size = number(argument[1]);
	struct sock_filter *code = calloc((size_t)size, sizeof *code);
	for (long at = 0; at < size; at++)
		code[at] = (struct sock_filter){BPF_LD | BPF_IMM, 0, 0, (unsigned)at};
	code[size - 1] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, 0xffff};
	const struct sock_fprog program = {(unsigned short)size, code};
	for (long left = number(argument[0]); left > 0; left--) {
		const int fd = (int)must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
		must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program),
		     "SO_ATTACH_FILTER");
		close(fd);
	}
	free(code);
}

/* --- BPF and perf ----------------------------------------------------------------------------- */

static long bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

/* A program of this many instructions that returns 0 (1 for `allow`), as a descriptor. */
static int load(enum bpf_prog_type type, unsigned attach, unsigned flags, long size, bool allow)
{
	struct bpf_insn *code = calloc((size_t)size + 1, sizeof *code);
	for (long at = 0; at < size; at++)
		code[at] = (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = allow};
	code[size] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
	union bpf_attr attributes = {.prog_type = type,
				     .insns = (unsigned long)code,
				     .insn_cnt = (unsigned)size + 1,
				     .license = (unsigned long)"GPL",
				     .prog_flags = flags,
				     .expected_attach_type = attach};
	const int fd = (int)must(bpf(BPF_PROG_LOAD, &attributes), "BPF_PROG_LOAD");
	free(code);
	return fd;
}

/* programs COUNT INSTRUCTIONS [held] */
static void programs(char **argument)
{
	const bool held = argument[2];
	for (long left = number(argument[0]); left > 0; left--) {
		const int fd = load(BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, number(argument[1]), false);
		if (!held)
			close(fd);
	}
	rest(200);
}

/* sleepable COUNT: its end waits for RCU Tasks Trace */
static void sleepable(char **argument)
{
	for (long left = number(argument[0]); left > 0; left--)
		close(load(BPF_PROG_TYPE_KPROBE, 0, BPF_F_SLEEPABLE, 1, false));
	rest(500);
}

/* cgroup-program FOLDER device|egress|socket|sysctl */
static void cgroup_program(char **argument)
{
	static const struct {
		const char *name;
		enum bpf_prog_type type;
		unsigned attach;
	} kinds[] = {{"device", BPF_PROG_TYPE_CGROUP_DEVICE, BPF_CGROUP_DEVICE},
		     {"egress", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS},
		     {"socket", BPF_PROG_TYPE_CGROUP_SOCK, BPF_CGROUP_INET_SOCK_CREATE},
		     {"sysctl", BPF_PROG_TYPE_CGROUP_SYSCTL, BPF_CGROUP_SYSCTL}};
	size_t kind = 0;
	while (kind < 3 && strcmp(kinds[kind].name, argument[1]) != 0)
		kind++;
	const int folder = (int)must(open(argument[0], O_RDONLY | O_DIRECTORY), argument[0]);
	union bpf_attr attributes = {.target_fd = (unsigned)folder,
				     .attach_bpf_fd =
					     (unsigned)load(kinds[kind].type, kinds[kind].attach, 0, 1, true),
				     .attach_type = kinds[kind].attach,
				     .attach_flags = BPF_F_ALLOW_MULTI};
	must(bpf(BPF_PROG_ATTACH, &attributes), "BPF_PROG_ATTACH");
	rest(300);
	must(bpf(BPF_PROG_DETACH, &attributes), "BPF_PROG_DETACH");
}

/* map hash|lazy|lru|percpu|array ENTRIES */
static void map(char **argument)
{
	static const struct {
		const char *name;
		enum bpf_map_type type;
		unsigned flags;
	} kinds[] = {{"hash", BPF_MAP_TYPE_HASH, 0},
		     {"lazy", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC},
		     {"lru", BPF_MAP_TYPE_LRU_HASH, 0},
		     {"percpu", BPF_MAP_TYPE_PERCPU_HASH, 0},
		     {"array", BPF_MAP_TYPE_ARRAY, 0}};
	static char value[64 * 64];
	size_t kind = 0;
	while (kind < 4 && strcmp(kinds[kind].name, argument[0]) != 0)
		kind++;
	const unsigned entries = (unsigned)number(argument[1]);
	union bpf_attr made = {.map_type = kinds[kind].type,
			       .key_size = 4,
			       .value_size = 64,
			       .max_entries = entries,
			       .map_flags = kinds[kind].flags};
	const int fd = (int)must(bpf(BPF_MAP_CREATE, &made), "BPF_MAP_CREATE");
	for (enum bpf_cmd command = BPF_MAP_UPDATE_ELEM; command <= BPF_MAP_DELETE_ELEM; command++)
		for (unsigned key = 0; key < entries && key < 5000; key++) {
			union bpf_attr entry = {.map_fd = (unsigned)fd,
						.key = (unsigned long)&key,
						.value = (unsigned long)value};
			bpf(command, &entry);
		}
	close(fd);
}

/* raw-tracepoint NAME */
static void raw_tracepoint(char **argument)
{
	union bpf_attr attributes = {
		.raw_tracepoint = {.name = (unsigned long)argument[0],
				   .prog_fd = (unsigned)load(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0, 1, false)}};
	must(bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes), "BPF_RAW_TRACEPOINT_OPEN");
	rest(300);
}

static long number_in(const char *path)
{
	char text[32] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		fail("%s", path);
	close(fd);
	return number(text);
}

static int open_event(struct perf_event_attr *event, pid_t pid, int cpu)
{
	event->size = sizeof *event;
	return (int)must(syscall(SYS_perf_event_open, event, pid, cpu, -1, 0), "perf_event_open");
}

static void run_program(int event, enum bpf_prog_type type)
{
	must(ioctl(event, PERF_EVENT_IOC_SET_BPF, load(type, 0, 0, 1, false)), "PERF_EVENT_IOC_SET_BPF");
	must(ioctl(event, PERF_EVENT_IOC_ENABLE, 0), "PERF_EVENT_IOC_ENABLE");
	rest(300);
}

/* tracepoint-program GROUP/NAME */
static void tracepoint_program(char **argument)
{
	char path[256];
	snprintf(path, sizeof path, "/sys/kernel/tracing/events/%s/id", argument[0]);
	struct perf_event_attr event = {
		.type = PERF_TYPE_TRACEPOINT, .config = (unsigned long)number_in(path), .sample_period = 1};
	run_program(open_event(&event, -1, 0), BPF_PROG_TYPE_TRACEPOINT);
}

/* kprobe-program FUNCTION */
static void kprobe_program(char **argument)
{
	struct perf_event_attr event = {
		.type = (unsigned)number_in("/sys/bus/event_source/devices/kprobe/type"),
		.config1 = (unsigned long)argument[0],
		.sample_period = 1};
	run_program(open_event(&event, -1, 0), BPF_PROG_TYPE_KPROBE);
}

/* event PID CPU: count context switches; -1 for all */
static void event(char **argument)
{
	struct perf_event_attr switches = {.type = PERF_TYPE_SOFTWARE,
					   .config = PERF_COUNT_SW_CONTEXT_SWITCHES};
	open_event(&switches, (pid_t)number(argument[0]), (int)number(argument[1]));
	rest(300);
}

/* xdp INTERFACE generic|native */
static void xdp(char **argument)
{
	const bool generic = strcmp(argument[1], "generic") == 0;
	union bpf_attr attributes = {
		.link_create = {.prog_fd = (unsigned)load(BPF_PROG_TYPE_XDP, BPF_XDP, 0, 1, true),
				.target_ifindex = if_nametoindex(argument[0]),
				.attach_type = BPF_XDP,
				.flags = generic ? 1U << 1 /* XDP_FLAGS_SKB_MODE */ : 0}};
	must(bpf(BPF_LINK_CREATE, &attributes), "BPF_LINK_CREATE");
	rest(300);
}

/* --- which ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int arguments; /* at least */
	void (*run)(char **argument);
} deeds[] = {
	{"threads", 2, threads},
	{"processes", 2, processes},
	{"mappings", 2, mappings},
	{"hog", 2, hog},
	{"collapse", 2, collapse},
	{"same-pages", 2, same_pages},
	{"poison", 0, poison},
	{"read-memory", 1, read_memory},
	{"watchpoint", 0, watchpoint},
	{"core-scheduling", 0, core_scheduling},
	{"scheduling", 1, scheduling},
	{"timers", 1, timers},
	{"barrier", 1, barrier},
	{"ring", 0, ring},
	{"notify", 1, notify},
	{"hold-file", 1, hold_file},
	{"clock", 1, set_clock},
	{"read-all", 1, read_all},
	{"rewrite-all", 1, rewrite_all},
	{"reread", 2, reread},
	{"tcp", 1, tcp},
	{"packet-socket", 0, packet_socket},
	{"timestamps", 0, timestamps},
	{"filter", 2, filter},
	{"programs", 2, programs},
	{"sleepable", 1, sleepable},
	{"cgroup-program", 2, cgroup_program},
	{"map", 2, map},
	{"raw-tracepoint", 1, raw_tracepoint},
	{"tracepoint-program", 1, tracepoint_program},
	{"kprobe-program", 1, kprobe_program},
	{"event", 2, event},
	{"xdp", 2, xdp},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof deeds / sizeof *deeds; i++)
		if (strcmp(deeds[i].name, argv[1]) == 0 && argc - 2 >= deeds[i].arguments) {
			deeds[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "deeds: no deed \"%s\" with %d arguments\n", argc > 1 ? argv[1] : "",
		argc > 1 ? argc - 2 : 0);
	return 2;
}
