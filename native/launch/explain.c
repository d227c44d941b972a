/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "explain.h"
#include "clock.h"
#include "isolctl.h"
#include "names.h"
#include "stack.h"
#include "trace.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a thread is traced until it makes the call again. */
#define PATIENCE_NS NS_PER_SECOND

enum { MANY_CALLS = 2000 /* others that it may make meanwhile: each stops it twice */ };

/* How long its end is waited for when the program has ended. */
#define LAST_WAIT_NS (2 * NS_PER_SECOND)

struct explained {
	pid_t pid, tid;
	uint64_t number;
	uint64_t breaks; /* the thread has had as many when the text fits */
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

/* What comes from files, with "?" for control characters: a newline would begin a line of ours. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20)
			*text = '?';
}

/* Whether a shell takes the path as one word, as it is. */
static bool is_plain_word(const char *path)
{
	for (; *path; path++)
		if (!isalnum((unsigned char)*path) && !strchr("/._+-", *path))
			return false;
	return true;
}

/* The command that shows source lines, once for each file. We do not run it: the user may. */
static void write_commands(FILE *out, const struct frame frames[], size_t frame_count)
{
	for (size_t i = 0; i < frame_count; i++) {
		bool first = frames[i].in_file && is_plain_word(frames[i].file);
		for (size_t j = 0; j < i; j++)
			first = first && strcmp(frames[j].file, frames[i].file) != 0;
		if (!first)
			continue;
		fprintf(out, "  lines: addr2line -Cfie %s", frames[i].file);
		for (size_t j = i; j < frame_count; j++)
			if (frames[j].in_file && strcmp(frames[j].file, frames[i].file) == 0)
				fprintf(out, " 0x%" PRIx64, frames[j].in_file);
		fputc('\n', out);
	}
}

static void write_place(FILE *out, const struct frame *frame)
{
	const char *base = strrchr(frame->file, '/');
	fprintf(out, "    %s%s ", frame->certain ? "" : "? ",
		*frame->function ? frame->function : "no symbol");
	if (!base)
		fprintf(out, "(no file, address 0x%" PRIx64 ")\n", frame->address);
	else if (!frame->in_file)
		fprintf(out, "(%s, byte 0x%" PRIx64 ")\n", base + 1, frame->offset);
	else
		fprintf(out, "(%s+0x%" PRIx64 ")\n", base + 1, frame->in_file);
}

static void write_frames(FILE *out, uint64_t number, struct frame frames[], size_t frame_count)
{
	const char *name = syscall_name(number), *owner = owner_of(frames, frame_count);
	bool doubtful = false;
	fprintf(out, "  a later call of %s was made here:\n", name ? name : "the same number");
	for (size_t i = 0; i < frame_count; i++) {
		make_plain(frames[i].function);
		make_plain(frames[i].file);
		write_place(out, &frames[i]);
		doubtful = doubtful || !frames[i].certain;
	}
	if (doubtful)
		fputs("    (?: on the stack, and perhaps left from a call before)\n", out);
	if (owner)
		fprintf(out, "  likely cause: %s\n", owner);
	write_commands(out, frames, frame_count);
}

/* Why nothing is known of the call, by the end of catch_call(). */
enum catch { CAUGHT, NOT_MADE, STOPPED, ISOLATES };
static const char *const why_not[] = {
	[NOT_MADE] = "the thread did not make this call again within a second",
	[STOPPED] = "the program was stopped, or executed another",
	[ISOLATES] = "the thread enters isolation again, and is not traced there",
};

/* Or is about to be. */
static bool is_isolated_now(pid_t pid, pid_t tid)
{
	char path[64];
	struct record record;
	snprintf(path, sizeof path, "/proc/%d/task/%d/task_isolation", pid, tid);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const bool isolated = fd >= 0 && read_record(fd, &record) &&
			      (is_isolated(&record) || strcmp(record.state, "starting") == 0);
	if (fd >= 0)
		close(fd);
	return isolated;
}

/* At the entry of a call: let it end before the thread is detached. An interruption could change its result. */
static void leave_call(struct held *held)
{
	enum { CALL_MS = 100 };
	if (go_on(held, PTRACE_SYSCALL) == 0 && wait_stop(held, CALL_MS) >= 0 && is_syscall_stop(held->stop))
		go_on(held, PTRACE_DETACH);
}

/*
 * Trace the thread until it makes the call, and copy its stack there. When it enters isolation it is
 * detached first: it stands still at that call, and to interrupt it later would be a break.
 */
static enum catch catch_call(struct held *held, pid_t pid, uint64_t number, struct stack *stack)
{
	const uint64_t until = now_ns() + PATIENCE_NS;
	trace(PTRACE_INTERRUPT, held->tid, 0, NULL);
	for (unsigned stops = 0; stops < 2 * MANY_CALLS && now_ns() < until; stops++) {
		struct __ptrace_syscall_info info;
		if (wait_stop(held, (int)((until - now_ns()) / 1000000) + 1) < 0)
			return NOT_MADE;
		if (is_group_stop(held->stop) || is_exec_stop(held->stop))
			return STOPPED;
		if (is_syscall_stop(held->stop) &&
		    trace(PTRACE_GET_SYSCALL_INFO, held->tid, sizeof info, &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY) {
			if (info.entry.nr == SYS_prctl && (int)info.entry.args[0] == ISOLCTL_PR_SET) {
				go_on(held, PTRACE_DETACH);
				return ISOLATES;
			}
			if (info.entry.nr == number) {
				copy_stack(stack, pid, info.instruction_pointer, info.stack_pointer);
				leave_call(held);
				return CAUGHT;
			}
		}
		if (go_on(held, PTRACE_SYSCALL) < 0)
			return NOT_MADE;
	}
	return NOT_MADE;
}

/* Find out where the call is made, and write it. The thread is free before anything is written. */
static void find_place(FILE *out, pid_t pid, pid_t tid, uint64_t number)
{
	static struct frame frames[FRAMES_MAX];
	static struct stack stack;
	const struct timespec pause = {0, 10000000};
	struct held held = {0};
	enum catch result = ISOLATES;
	if (!is_isolated_now(pid, tid) && seize_thread(&held, tid) < 0) {
		fprintf(out, "  where it was made is not known: the thread cannot be traced: %s\n",
			strerror(errno));
		return;
	}
	if (held.phase != FREE)
		result = catch_call(&held, pid, number, &stack);
	for (let_go(&held); held.phase != FREE; let_go_late(&held))
		nanosleep(&pause, NULL);
	if (result == CAUGHT)
		write_frames(out, number, frames, find_frames(&stack, frames));
	else
		fprintf(out, "  where it was made is not known: %s\n", why_not[result]);
}

__attribute__((noreturn)) static void run_explainer(pid_t pid, pid_t tid, uint64_t number, int text)
{
	prctl(PR_SET_NAME, "isol-explainer");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * Nothing else stays open: above all not the locks of the CPUs, which end with the supervisor, and
	 * not stderr, whose reader may wait for its end.
	 */
	dup2(text, 0);
	syscall(SYS_close_range, 1, ~0U, 0);
	FILE *out = fdopen(0, "w");
	if (!out)
		_exit(1);
	find_place(out, pid, tid, number);
	fflush(out);
	_exit(0);
}

static bool is_known(pid_t tid, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].tid == tid && list[i].number == number)
			return true;
	return false;
}

/* Take the ends of explainers. Returns how many run. */
static size_t reap(void)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		if (list[i].explainer && waitpid(list[i].explainer, NULL, WNOHANG) != 0)
			list[i].explainer = 0;
		left += list[i].explainer > 0;
	}
	return left;
}

static void drop(struct explained *explained)
{
	if (explained->text >= 0)
		close(explained->text);
	*explained = (struct explained){.text = -1};
}

/* A place in the list: a new one, or that of a thread that is gone. NULL: there is none. */
static struct explained *find_room(void)
{
	if (count < EXPLAINED_MAX)
		return &list[count++];
	for (size_t i = 0; i < count; i++) {
		struct explained *old = &list[i];
		if (old->explainer || (old->tid && syscall(SYS_tgkill, old->pid, old->tid, 0) == 0))
			continue;
		drop(old);
		return old;
	}
	return NULL;
}

void explain(pid_t pid, pid_t tid, const struct record *record)
{
	const bool fresh = strcmp(record->state, "leaving") != 0;
	reap();
	/* A thread makes its last call once. */
	if (strcmp(record->cause, "syscall") != 0 || record->data == SYS_exit ||
	    record->data == SYS_exit_group || is_isolated(record) || is_known(tid, record->data))
		return;
	const int text = memfd_create("isolctl-explanation", MFD_CLOEXEC);
	if (text < 0)
		return;
	struct explained *explained = find_room();
	const pid_t child = explained ? fork() : -1;
	if (child == 0)
		run_explainer(pid, tid, record->data, text);
	if (child < 0)
		close(text);
	if (explained)
		*explained = (struct explained){.pid = pid,
						.tid = tid,
						.number = record->data,
						.breaks = record->breaks + !fresh,
						.explainer = child > 0 ? child : 0,
						.text = child > 0 ? text : -1};
}

bool take_explanation(pid_t tid, const struct record *record, char text[EXPLANATION_SIZE])
{
	reap();
	for (size_t i = 0; i < count; i++) {
		struct explained *explained = &list[i];
		if (explained->tid != tid || explained->text < 0 || explained->explainer)
			continue;
		if (record->breaks < explained->breaks) {
			if (strcmp(record->state, "leaving") != 0)
				drop(explained); /* it entered again within the grace: that was no break */
			continue;
		}
		if (strcmp(record->cause, "syscall") != 0 || record->data != explained->number)
			continue;
		const ssize_t length = pread(explained->text, text, EXPLANATION_SIZE - 1, 0);
		text[length > 0 ? length : 0] = 0;
		close(explained->text);
		explained->text = -1;
		/* Whole lines, where it is longer. */
		char *end = strrchr(text, '\n');
		if (!end)
			continue;
		end[1] = 0;
		return true;
	}
	return false;
}

void finish_explanations(void)
{
	const struct timespec pause = {0, 10000000};
	const uint64_t until = now_ns() + LAST_WAIT_NS;
	while (reap() && now_ns() < until)
		nanosleep(&pause, NULL);
	for (size_t i = 0; i < count; i++)
		if (list[i].explainer)
			kill(list[i].explainer, SIGKILL);
}
