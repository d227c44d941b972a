/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "explain.h"
#include "clock.h"
#include "names.h"
#include "stack.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a thread is traced until it makes the call again. */
#define PATIENCE_NS NS_PER_SECOND

enum { MANY_CALLS = 2000 /* others that it may make meanwhile: each stops it twice */ };

struct explained {
	pid_t tid;
	uint64_t number;
	pid_t explainer; /* 0: it has ended */
	int text;	 /* what it wrote; -1: taken */
};

static struct explained list[EXPLAINED_MAX];
static size_t count;

/* Whose lock or memory it may be, by functions on the stack: parts of their names. */
static const struct {
	const char *parts, *owner;
} owners[] = {
	{"malloc free calloc realloc memalign _Znwm _Znam _ZdlPv _ZdaPv mallocx sysmalloc", "the allocator"},
	{"rcu", "RCU of the program"},
	{"syslog _log log_ Log printf fwrite fflush fputs", "logging, or buffered output"},
	{"pthread_cond", "a condition variable"},
	{"GOMP_ gomp_ __kmp", "OpenMP"},
};

static bool has_part(const char *function, const char *parts)
{
	while (*parts) {
		const size_t length = strcspn(parts, " ");
		if (memmem(function, strlen(function), parts, length))
			return true;
		parts += length;
		parts += strspn(parts, " ");
	}
	return false;
}

static const char *owner_of(const struct frame frames[], size_t frame_count)
{
	for (size_t i = 0; i < frame_count; i++)
		for (size_t j = 0; j < sizeof owners / sizeof *owners; j++)
			if (has_part(frames[i].function, owners[j].parts))
				return owners[j].owner;
	return NULL;
}

/* "file.c:12" by addr2line(1), where that is installed and the file has lines; else "". */
static void find_line(pid_t pid, const struct frame *frame, char *line, size_t size)
{
	char path[320], address[32];
	int output[2];
	*line = 0;
	if (!frame->in_file || pipe2(output, O_CLOEXEC) < 0)
		return;
	snprintf(path, sizeof path, "/proc/%d/root%s", pid, frame->file);
	snprintf(address, sizeof address, "0x%" PRIx64, frame->in_file);
	const pid_t child = fork();
	if (child == 0) {
		dup2(output[1], 1);
		dup2(open("/dev/null", O_WRONLY), 2);
		execlp("addr2line", "addr2line", "-s", "-e", path, address, (char *)NULL);
		_exit(127);
	}
	close(output[1]);
	size_t length = 0;
	for (ssize_t got; length < size - 1 && (got = read(output[0], line + length, size - 1 - length)) > 0;)
		length += (size_t)got;
	close(output[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	line[length] = 0;
	line[strcspn(line, " \n")] = 0; /* without " (discriminator 2)" */
	if (strchr(line, '?'))
		*line = 0;
}

static void write_frames(FILE *out, pid_t pid, uint64_t number, const struct frame frames[],
			 size_t frame_count)
{
	const char *name = syscall_name(number), *owner = owner_of(frames, frame_count);
	bool doubtful = false;
	fprintf(out, "  a later call of %s was made here:\n", name ? name : "the same number");
	for (size_t i = 0; i < frame_count; i++) {
		const struct frame *frame = &frames[i];
		const char *base = strrchr(frame->file, '/');
		char line[128];
		find_line(pid, frame, line, sizeof line);
		fprintf(out, "    %s%s", frame->certain ? "" : "? ",
			*frame->function ? frame->function : "no symbol");
		if (*line)
			fprintf(out, " at %s", line);
		fprintf(out, " (%s+0x%" PRIx64 ")\n", base ? base + 1 : "no file",
			frame->in_file ? frame->in_file : frame->address);
		doubtful = doubtful || !frame->certain;
	}
	if (doubtful)
		fputs("    (?: on the stack, and perhaps left from a call before)\n", out);
	if (owner)
		fprintf(out, "  likely cause: %s\n", owner);
}

/* Trace the thread until it makes the call. True: *regs are those of that moment, and it is stopped there. */
static bool catch_call(struct held *held, uint64_t number, struct user_regs_struct *regs)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	trace(PTRACE_INTERRUPT, held->tid, 0, NULL);
	for (unsigned stops = 0; stops < 2 * MANY_CALLS && now_ns() < until; stops++) {
		if (wait_stop(held, (int)((until - now_ns()) / 1000000) + 1) < 0)
			return false;
		if (is_group_stop(held->stop) || is_exec_stop(held->stop))
			return false;
#ifdef __x86_64__
		if (is_syscall_stop(held->stop) && trace(PTRACE_GETREGS, held->tid, 0, regs) == 0 &&
		    regs->orig_rax == number)
			return true;
#else
		(void)number, (void)regs;
#endif
		if (go_on(held, PTRACE_SYSCALL) < 0)
			return false;
	}
	return false;
}

__attribute__((noreturn)) static void run_explainer(pid_t pid, pid_t tid, uint64_t number, int text)
{
	static struct frame frames[FRAMES_MAX];
	struct held held = {0};
	struct user_regs_struct regs;
	size_t frame_count = 0;
	const struct timespec pause = {0, 10000000};
	prctl(PR_SET_NAME, "isol-explainer");
	/* Above all not the locks of the CPUs: they end with the supervisor. */
	dup2(text, 0);
	syscall(SYS_close_range, 3, ~0U, 0);
	FILE *out = fdopen(0, "w");
	if (!out)
		_exit(1);
	if (seize_thread(&held, tid) < 0) {
		fprintf(out, "  where it was made is not known: the thread cannot be traced: %s\n",
			strerror(errno));
	} else {
#ifdef __x86_64__
		if (catch_call(&held, number, &regs))
			frame_count = find_frames(pid, regs.rip, regs.rsp, frames);
#endif
		let_go(&held); /* before anything that takes time */
		if (frame_count)
			write_frames(out, pid, number, frames, frame_count);
		else
			fputs("  where it was made is not known: the thread did not make this call again within a second\n",
			      out);
	}
	fflush(out);
	for (; held.phase != FREE; let_go_late(&held))
		nanosleep(&pause, NULL);
	_exit(0);
}

static bool is_known(pid_t tid, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].tid == tid && list[i].number == number)
			return true;
	return false;
}

void explain(pid_t pid, pid_t tid, const struct record *record)
{
	if (strcmp(record->cause, "syscall") != 0 || count == EXPLAINED_MAX || is_known(tid, record->data))
		return;
	const int text = memfd_create("isolctl-explanation", MFD_CLOEXEC);
	if (text < 0)
		return;
	const pid_t child = fork();
	if (child == 0)
		run_explainer(pid, tid, record->data, text);
	if (child < 0)
		close(text);
	else
		list[count++] = (struct explained){tid, record->data, child, text};
}

bool take_explanation(pid_t tid, bool wait, char text[EXPLANATION_SIZE])
{
	for (size_t i = 0; i < count; i++) {
		struct explained *explained = &list[i];
		if (explained->tid != tid || explained->text < 0)
			continue;
		if (explained->explainer && waitpid(explained->explainer, NULL, wait ? 0 : WNOHANG) == 0)
			continue;
		explained->explainer = 0;
		const ssize_t length = pread(explained->text, text, EXPLANATION_SIZE - 1, 0);
		text[length > 0 ? length : 0] = 0;
		close(explained->text);
		explained->text = -1;
		if (length > 0)
			return true;
	}
	return false;
}
