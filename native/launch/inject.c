/* SPDX-License-Identifier: MIT */
/*
 * inject.h for x86-64.
 *
 * The stub uses no stack (the red zone below rsp belongs to the interrupted function), no FPU or
 * vector register, and no instruction that changes the flags, so that it has nothing to save. It
 * lies in a page that the program can read and execute but not write: only ptrace, which may write
 * to any page, puts it there.
 */
#define _GNU_SOURCE
#include "inject.h"
#include "isolctl.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
#error "inject.c knows the instructions of x86-64 only"
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
#define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4210
#endif

enum {
	/*
	 * How often the stub asks again while the kernel says "not yet"; a turn takes a microsecond
	 * or two.
	 */
	STUB_RETRIES = 200000,
	USER_CS = 0x33, /* 64-bit code (arch/x86/include/asm/segment.h: __USER_CS) */
	PAGE = 4096,
	/* include/linux/errno.h, ERESTARTSYS to ERESTART_RESTARTBLOCK: how a call ends that would start
	 * again. */
	FIRST_RESTART = 512,
	LAST_RESTART = 516,
};

int interrupt(struct held *held, long resume)
{
	if (trace(PTRACE_INTERRUPT, held->tid, 0, NULL) < 0)
		return -1;
	for (int tries = 0; tries < 100; tries++) {
		const int status = wait_stop(held, 1000);
		if (status < 0)
			return -1;
		if (is_event_stop(status)) {
			if (trace(PTRACE_GETREGS, held->tid, 0, &held->regs) < 0 ||
			    trace(PTRACE_GETSIGMASK, held->tid, sizeof held->mask, &held->mask) < 0)
				return -1;
			/*
			 * orig_rax is a system call's number, or -1 when the thread was interrupted
			 * in user mode.
			 */
			if ((long long)held->regs.orig_rax < 0) {
				held->phase = HELD;
				return 0;
			}
			go_on(held, resume);
			errno = EBUSY;
			return -1;
		}
		if (is_group_stop(status) || is_exec_stop(status)) {
			errno = is_group_stop(status) ? EINTR : ESRCH;
			return -1;
		}
		if (go_on(held, resume) < 0)
			return -1;
	}
	errno = EBUSY;
	return -1;
}

bool can_return(const struct held *held)
{
	return held->regs.cs == USER_CS;
}

bool takes_calls(const struct held *held)
{
	struct { /* include/uapi/linux/ptrace.h: ptrace_sud_config */
		uint64_t mode, selector, offset, length;
	} config = {0};
	return trace(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, held->tid, sizeof config, &config) == 0 &&
	       config.mode;
}

bool stopped_at_call(const struct held *held, uint64_t *number)
{
	struct user_regs_struct regs;
	if (trace(PTRACE_GETREGS, held->tid, 0, &regs) < 0)
		return false;
	*number = regs.orig_rax;
	return true;
}

bool in_rseq(const struct held *held, int memory)
{
	struct {
		uint64_t address;
		uint32_t size, signature, flags, pad;
	} config = {0};
	uint64_t section;
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} code;
	if (trace(PTRACE_GET_RSEQ_CONFIGURATION, held->tid, sizeof config, &config) <= 0 || !config.address)
		return false;
	if (pread(memory, &section, sizeof section, (off_t)config.address + 8) != sizeof section)
		return true;
	if (section == 0)
		return false;
	return pread(memory, &code, sizeof code, (off_t)section) != sizeof code ||
	       held->regs.rip - code.start < code.length;
}

struct code {
	unsigned char bytes[STUB_SIZE];
	size_t length;
};

static void emit(struct code *code, const void *bytes, size_t length)
{
	memcpy(code->bytes + code->length, bytes, length);
	code->length += length;
}

#define EMIT(code, ...) \
	emit(code, (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__}))

/* movabs $value, %register; `prefix` and `opcode` name the register. */
static void emit_load(struct code *code, unsigned char prefix, unsigned char opcode, uint64_t value)
{
	EMIT(code, prefix, opcode);
	emit(code, &value, sizeof value);
}

/* The end of each stub: brings the thread back to `regs`, and changes no flag, stack or rsp. */
static void emit_return(struct code *code, const struct user_regs_struct *regs)
{
	emit_load(code, 0x48, 0xb8, regs->rax);
	emit_load(code, 0x48, 0xb9, regs->rcx);
	emit_load(code, 0x48, 0xba, regs->rdx);
	emit_load(code, 0x48, 0xbe, regs->rsi);
	emit_load(code, 0x48, 0xbf, regs->rdi);
	emit_load(code, 0x49, 0xb8, regs->r8);
	emit_load(code, 0x49, 0xb9, regs->r9);
	emit_load(code, 0x49, 0xba, regs->r10);
	emit_load(code, 0x49, 0xbb, regs->r11);
	EMIT(code, 0xff, 0x25, 0, 0, 0, 0); /* jmp *(the next eight bytes) */
	emit(code, &regs->rip, sizeof regs->rip);
}

/* The stub that isolates a thread. */
static struct code isolating_stub(const struct user_regs_struct *regs)
{
	struct code code = {.length = 0};
	EMIT(&code, 0xb8, SYS_prctl, 0, 0, 0); /*  0 again: mov $SYS_prctl, %eax     */
	EMIT(&code, 0x0f, 0x05);	       /*  5        syscall                  */
	EMIT(&code, 0x48, 0x8d, 0x48, EAGAIN); /*  7        lea EAGAIN(%rax), %rcx   */
	EMIT(&code, 0xe3, 0x02);	       /* 11        jrcxz later              */
	EMIT(&code, 0xeb, 0x0d);	       /* 13        jmp back                 */
	EMIT(&code, 0xf3, 0x90);	       /* 15 later: pause                    */
	EMIT(&code, 0x4d, 0x8d, 0x49, 0xff);   /* 17        lea -1(%r9), %r9         */
	EMIT(&code, 0x4c, 0x89, 0xc9);	       /* 21        mov %r9, %rcx            */
	EMIT(&code, 0xe3, 0x02);	       /* 24        jrcxz back               */
	EMIT(&code, 0xeb, 0xe4);	       /* 26        jmp again                */
	emit_return(&code, regs);	       /* 28 back:                           */
	return code;
}

/* The stub that makes one call, whose registers are set, and restores the signal mask after it. */
static struct code calling_stub(const struct held *held, uint64_t slot)
{
	enum { LOAD = 10, RETURN = 9 * LOAD + 6 + 8, MASK = 35 + RETURN };
	struct code code = {.length = 0};
	EMIT(&code, 0x0f, 0x05);			     /*  0 syscall                  */
	EMIT(&code, 0xb8, SYS_rt_sigprocmask, 0, 0, 0);	     /*  2 mov $NUMBER, %eax        */
	EMIT(&code, 0xbf, SIG_SETMASK, 0, 0, 0);	     /*  7 mov $SIG_SETMASK, %edi   */
	emit_load(&code, 0x48, 0xbe, slot + MASK);	     /* 12 movabs $mask, %rsi       */
	EMIT(&code, 0xba, 0, 0, 0, 0);			     /* 22 mov $0, %edx             */
	EMIT(&code, 0x41, 0xba, sizeof held->mask, 0, 0, 0); /* 27 mov $8, %r10d        */
	EMIT(&code, 0x0f, 0x05);			     /* 33 syscall                  */
	emit_return(&code, &held->regs);
	emit(&code, &held->mask, sizeof held->mask); /* mask: */
	return code;
}

static bool write_code(int memory, uint64_t slot, const struct code *code)
{
	return pwrite(memory, code->bytes, code->length, (off_t)slot) == (ssize_t)code->length;
}

/* Wait until the thread has made the call. 0, or a negative errno: see call(). */
static long await_call(struct held *held, int patience_ms)
{
	/* Two stops: before the call and after it. */
	for (int stops = 0; stops < 2;) {
		if (go_on(held, PTRACE_SYSCALL) < 0 && errno != ESRCH)
			return -errno;
		const int status = wait_stop(held, patience_ms);
		if (status < 0)
			return -errno;
		if (is_exec_stop(status))
			return -ESRCH;
		if (is_group_stop(status))
			return -EINTR;
		stops += is_syscall_stop(status);
	}
	return 0;
}

long call(struct held *held, int memory, uint64_t slot, long number, const long arguments[6], int patience_ms)
{
	const struct code code = calling_stub(held, slot);
	struct user_regs_struct regs = held->regs;
	const uint64_t all = ~0ULL;
	if (!write_code(memory, slot, &code))
		return -ESRCH; /* another program */
	regs.rip = slot;
	regs.rax = (unsigned long)number;
	regs.rdi = (unsigned long)arguments[0];
	regs.rsi = (unsigned long)arguments[1];
	regs.rdx = (unsigned long)arguments[2];
	regs.r10 = (unsigned long)arguments[3];
	regs.r8 = (unsigned long)arguments[4];
	regs.r9 = (unsigned long)arguments[5];
	/*
	 * The registers before the mask, and the mask before the registers at the end: whenever we end,
	 * the stub is yet to restore what is not restored.
	 */
	if (trace(PTRACE_SETREGS, held->tid, 0, &regs) < 0)
		return -errno;
	held->phase = CALLING;
	/* No handler runs with these registers, and no handled signal ends the call. */
	if (trace(PTRACE_SETSIGMASK, held->tid, sizeof all, (void *)(uintptr_t)&all) < 0)
		return -errno;
	long result = await_call(held, patience_ms);
	if (result < 0)
		return result;
	if (trace(PTRACE_GETREGS, held->tid, 0, &regs) < 0 ||
	    trace(PTRACE_SETSIGMASK, held->tid, sizeof held->mask, &held->mask) < 0 ||
	    trace(PTRACE_SETREGS, held->tid, 0, &held->regs) < 0)
		return -errno;
	held->phase = HELD;
	result = (long)regs.rax;
	return result <= -FIRST_RESTART && result >= -LAST_RESTART ? -EINTR : result;
}

/* How many slots fit into the zeros that end a page; 64 zeros before them are left alone. */
static unsigned zero_slots(const unsigned char page[PAGE])
{
	size_t end = PAGE;
	while (end && !page[end - 1])
		end--;
	return end + 64 > PAGE ? 0 : (unsigned)((PAGE - end - 64) / STUB_SIZE);
}

bool find_room(struct stubs *stubs, pid_t pid, int memory)
{
	char path[32], line[512], permissions[5], name[256];
	unsigned char page[PAGE];
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	for (int turn = 0; maps && !stubs->area[0].count && turn < 2; turn++) { /* the vDSO first */
		rewind(maps);
		while (!stubs->area[0].count && fgets(line, sizeof line, maps)) {
			uint64_t low, high;
			*name = 0;
			if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %255s", &low, &high, permissions, name) <
				    3 ||
			    strcmp(permissions, "r-xp") != 0)
				continue;
			/* Huge pages are not to be split, and what is generated may grow. */
			if (turn == 0 ? strcmp(name, "[vdso]") != 0
				      : (*name != '/' || strncmp(name, "/dev/", 5) == 0 ||
					 strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "/anon_", 6) == 0))
				continue;
			if (pread(memory, page, PAGE, (off_t)(high - PAGE)) != PAGE)
				continue;
			stubs->area[0].count = zero_slots(page);
			stubs->area[0].address = high - STUB_SIZE * (uint64_t)stubs->area[0].count;
		}
	}
	if (maps)
		fclose(maps);
	return stubs->area[0].count;
}

int plant(struct held *held, int memory, uint64_t slot, unsigned long flags)
{
	const struct code code = isolating_stub(&held->regs);
	struct user_regs_struct regs = held->regs;
	if (!write_code(memory, slot, &code)) {
		errno = ESRCH;
		return -1;
	}
	regs.rip = slot;
	regs.rdi = ISOLCTL_PR_SET;
	regs.rsi = flags;
	regs.rdx = regs.r10 = regs.r8 = 0;
	regs.r9 = STUB_RETRIES;
	if (trace(PTRACE_SETREGS, held->tid, 0, &regs) < 0)
		return -1;
	return go_on(held, PTRACE_DETACH);
}

static bool in_stub(const struct stubs *stubs, uint64_t rip)
{
	for (size_t i = 0; i < STUB_AREAS; i++)
		if (rip - stubs->area[i].address < STUB_SIZE * (uint64_t)stubs->area[i].count)
			return true;
	return false;
}

size_t free_slots(const struct stubs *stubs)
{
	size_t free = 0;
	for (size_t area = 0; area < STUB_AREAS; area++)
		for (size_t slot = 0; slot < stubs->area[area].count; slot++)
			free += !stubs->used[area * SLOTS + slot];
	return free;
}

int take_slot(struct stubs *stubs, const struct held *held, uint64_t *address)
{
	if (in_stub(stubs, held->regs.rip)) {
		errno = EBUSY;
		return -1;
	}
	for (int area = 0; area < STUB_AREAS; area++)
		for (unsigned i = 0; i < stubs->area[area].count; i++) {
			const int slot = area * SLOTS + (int)i;
			if (stubs->used[slot])
				continue;
			stubs->used[slot] = true;
			*address = stubs->area[area].address + STUB_SIZE * (uint64_t)i;
			return slot;
		}
	errno = ENOSPC;
	return -1;
}

long call_somewhere(struct stubs *stubs, struct held *held, int memory, long number, const long arguments[6],
		    int patience_ms)
{
	uint64_t address;
	const int slot = take_slot(stubs, held, &address);
	if (slot < 0)
		return -errno;
	const long result = call(held, memory, address, number, arguments, patience_ms);
	if (held->phase == HELD || held->phase == FREE)
		stubs->used[slot] = false;
	return result;
}

long map_slots(struct stubs *stubs, struct held *held, int memory)
{
	size_t area = 0;
	while (area < STUB_AREAS && stubs->area[area].count)
		area++;
	if (area == STUB_AREAS)
		return -ENOSPC;
	const long address = call_somewhere(stubs, held, memory, SYS_mmap,
					    (const long[6]){0, SLOTS * STUB_SIZE, PROT_READ | PROT_EXEC,
							    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
					    10000);
	if (address < 0 && address > -PAGE)
		return address;
	stubs->area[area].address = (uint64_t)address;
	stubs->area[area].count = SLOTS;
	return 0;
}
