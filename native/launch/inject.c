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

enum {
	/*
	 * How often the stub asks again while the kernel says "not yet"; a turn takes a microsecond
	 * or two.
	 */
	STUB_RETRIES = 200000,
	USER_CS = 0x33, /* 64-bit code (arch/x86/include/asm/segment.h: __USER_CS) */
	PAGE = 4096,
};

int interrupt(struct held *held, int resume)
{
	if (trace(PTRACE_INTERRUPT, held->tid, 0, NULL) < 0)
		return -1;
	for (int tries = 0; tries < 100; tries++) {
		int status = wait_stop(held->tid, 1000);
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
			if ((long long)held->regs.orig_rax < 0)
				return 0;
			trace(resume, held->tid, 0, NULL);
			errno = EBUSY;
			return -1;
		}
		if (is_group_stop(status)) {
			errno = EINTR;
			return -1;
		}
		if (trace(resume, held->tid, 0, (void *)(long)held_signal(status)) < 0)
			return -1;
	}
	errno = EBUSY;
	return -1;
}

bool can_return(const struct held *held)
{
	return held->regs.cs == USER_CS;
}

bool stopped_at_call(pid_t tid, uint64_t *number)
{
	struct user_regs_struct regs;
	if (trace(PTRACE_GETREGS, tid, 0, &regs) < 0)
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

/*
 * Wait for the thread to stop, however long it takes, because nothing can be done before: a thread
 * in a call has our registers, and would run on with them. -1: it has ended.
 */
static int wait_for_stop(pid_t tid)
{
	for (;;) {
		const int status = wait_stop(tid, 1000);
		if (status >= 0 || errno != ETIMEDOUT)
			return status;
	}
}

long call(const struct held *held, uint64_t gate, long number, const long arguments[6])
{
	struct user_regs_struct regs = held->regs;
	uint64_t all = ~0ULL;
	long result = -EIO;
	int late = 0;
	regs.rip = gate;
	regs.rax = (unsigned long)number;
	regs.rdi = (unsigned long)arguments[0];
	regs.rsi = (unsigned long)arguments[1];
	regs.rdx = (unsigned long)arguments[2];
	regs.r10 = (unsigned long)arguments[3];
	regs.r8 = (unsigned long)arguments[4];
	regs.r9 = (unsigned long)arguments[5];
	/* No handler may run with these registers. */
	if (trace(PTRACE_SETSIGMASK, held->tid, sizeof all, &all) < 0)
		return -errno;
	if (trace(PTRACE_SETREGS, held->tid, 0, &regs) < 0) {
		result = -errno;
		trace(PTRACE_SETSIGMASK, held->tid, sizeof held->mask, (void *)(uintptr_t)&held->mask);
		return result;
	}
	/* Two stops: before the call and after it. */
	for (int stops = 0; stops < 2;) {
		if (trace(PTRACE_SYSCALL, held->tid, 0, NULL) < 0)
			break;
		int status = wait_for_stop(held->tid);
		if (status < 0)
			break; /* it has ended */
		if (is_syscall_stop(status))
			stops++;
		else if (status >> 16 == 0)
			late = WSTOPSIG(status);
		if (stops == 2 && trace(PTRACE_GETREGS, held->tid, 0, &regs) == 0)
			result = (long)regs.rax;
	}
	trace(PTRACE_SETREGS, held->tid, 0, (void *)(uintptr_t)&held->regs);
	trace(PTRACE_SETSIGMASK, held->tid, sizeof held->mask, (void *)(uintptr_t)&held->mask);
	if (late)
		syscall(SYS_tkill, held->tid, late);
	return result;
}

uint64_t find_gate(pid_t pid, int memory)
{
	char path[32], line[512], permissions[5];
	static unsigned char code[1 << 16];
	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	uint64_t gate = 0;
	for (int turn = 0; maps && !gate && turn < 2; turn++) { /* the vDSO first, then the rest */
		rewind(maps);
		while (!gate && fgets(line, sizeof line, maps)) {
			uint64_t low, high;
			if (sscanf(line, "%lx-%lx %4s", &low, &high, permissions) != 3 ||
			    permissions[2] != 'x' || (strstr(line, "[vdso]") != NULL) != (turn == 0) ||
			    strstr(line, "[vsyscall]"))
				continue;
			for (uint64_t at = low; !gate && at < high; at += sizeof code - 1) {
				ssize_t got = pread(memory, code, sizeof code, (off_t)at);
				unsigned char *found =
					got > 1 ? memmem(code, (size_t)got, "\x0f\x05", 2) : NULL;
				gate = found && at + (uint64_t)(found - code) + 2 <= high
					       ? at + (uint64_t)(found - code)
					       : 0;
				if (got < (ssize_t)sizeof code)
					break;
			}
		}
	}
	if (maps)
		fclose(maps);
	return gate;
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

/*
 * The stub that brings a thread back to `regs`. No instruction in it changes the flags, the stack
 * or its pointer.
 */
static struct code make_stub(const struct user_regs_struct *regs)
{
	struct code code = {.length = 0};
	EMIT(&code, 0xb8, SYS_prctl, 0, 0, 0);	 /*  0 again: mov $SYS_prctl, %eax     */
	EMIT(&code, 0x0f, 0x05);		 /*  5        syscall                  */
	EMIT(&code, 0x48, 0x8d, 0x48, EAGAIN);	 /*  7        lea EAGAIN(%rax), %rcx   */
	EMIT(&code, 0xe3, 0x02);		 /* 11        jrcxz later              */
	EMIT(&code, 0xeb, 0x0d);		 /* 13        jmp back                 */
	EMIT(&code, 0xf3, 0x90);		 /* 15 later: pause                    */
	EMIT(&code, 0x4d, 0x8d, 0x49, 0xff);	 /* 17        lea -1(%r9), %r9         */
	EMIT(&code, 0x4c, 0x89, 0xc9);		 /* 21        mov %r9, %rcx            */
	EMIT(&code, 0xe3, 0x02);		 /* 24        jrcxz back               */
	EMIT(&code, 0xeb, 0xe4);		 /* 26        jmp again                */
	emit_load(&code, 0x48, 0xb8, regs->rax); /* 28 back:                           */
	emit_load(&code, 0x48, 0xb9, regs->rcx);
	emit_load(&code, 0x48, 0xba, regs->rdx);
	emit_load(&code, 0x48, 0xbe, regs->rsi);
	emit_load(&code, 0x48, 0xbf, regs->rdi);
	emit_load(&code, 0x49, 0xb8, regs->r8);
	emit_load(&code, 0x49, 0xb9, regs->r9);
	emit_load(&code, 0x49, 0xba, regs->r10);
	emit_load(&code, 0x49, 0xbb, regs->r11);
	EMIT(&code, 0xff, 0x25, 0, 0, 0, 0); /* jmp *(the next eight bytes) */
	emit(&code, &regs->rip, sizeof regs->rip);
	return code;
}

int plant(const struct held *held, int memory, uint64_t slot, unsigned long flags)
{
	struct code code = make_stub(&held->regs);
	struct user_regs_struct regs = held->regs;
	if (pwrite(memory, code.bytes, code.length, (off_t)slot) != (ssize_t)code.length)
		return -1;
	regs.rip = slot;
	regs.rdi = ISOLCTL_PR_SET;
	regs.rsi = flags;
	regs.rdx = regs.r10 = regs.r8 = 0;
	regs.r9 = STUB_RETRIES;
	if (trace(PTRACE_SETREGS, held->tid, 0, &regs) < 0)
		return -1;
	return (int)trace(PTRACE_DETACH, held->tid, 0, NULL);
}

static bool in_stub(const struct stubs *stubs, uint64_t rip)
{
	for (size_t i = 0; i < STUB_PAGES; i++)
		if (stubs->page[i] && rip - stubs->page[i] < STUB_SIZE * SLOTS)
			return true;
	return false;
}

uint64_t map_slots(const struct held *held, int memory, uint64_t gate)
{
	const long size = SLOTS * STUB_SIZE;
	const unsigned char trap = 0xcc;
	long address =
		call(held, gate, SYS_mmap,
		     (const long[6]){0, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0});
	if (address < 0 && address > -PAGE) {
		errno = (int)-address;
		return 0;
	}
	for (long page = 0; page < size; page += PAGE)
		if (pwrite(memory, &trap, 1, address + page) != 1)
			return 0;
	return (uint64_t)address;
}

bool reserve_slots(struct stubs *stubs, const struct held *held, int memory, uint64_t gate, size_t count)
{
	size_t free = 0;
	for (size_t page = 0; page < STUB_PAGES && free < count; page++) {
		if (!stubs->page[page] && !(stubs->page[page] = map_slots(held, memory, gate)))
			return false;
		for (size_t slot = page * SLOTS; slot < (page + 1) * SLOTS; slot++)
			free += !stubs->used[slot];
	}
	return true;
}

int take_slot(struct stubs *stubs, const struct held *held, int memory, uint64_t gate, uint64_t *address)
{
	if (in_stub(stubs, held->regs.rip)) {
		errno = EBUSY;
		return -1;
	}
	for (int slot = 0; slot < STUB_PAGES * SLOTS; slot++) {
		uint64_t *page = &stubs->page[slot / SLOTS];
		if (stubs->used[slot])
			continue;
		if (!*page && !(*page = map_slots(held, memory, gate)))
			return -1;
		stubs->used[slot] = true;
		*address = *page + STUB_SIZE * (uint64_t)(slot % SLOTS);
		return slot;
	}
	errno = ENOSPC;
	return -1;
}
