/* SPDX-License-Identifier: MIT */
/*
 * Make a running thread enter isolation. The thread is stopped with ptrace at an
 * instruction of its own code, sent into a small stub, and released before the stub runs. The prctl
 * in the stub is then the thread's last system call, and the stub jumps back to that instruction
 * with every register as it was.
 *
 * Everything that depends on the architecture is in inject.c: registers, the stub, and how a system
 * call is made. The stub's pages stay mapped, because unmapping would interrupt every isolated
 * thread of the process.
 */
#ifndef LAUNCH_INJECT_H
#define LAUNCH_INJECT_H

#include "trace.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	STUB_SIZE = 256,
	SLOTS = 64, /* for stubs, mapped together */
	STUB_PAGES = 16,
};

/*
 * The stubs of one program. A slot is used once, and again only when its thread is known to have
 * left it: a thread that runs a signal handler returns through the slot, at any time. When all
 * slots are in use more are mapped.
 */
struct stubs {
	uint64_t page[STUB_PAGES]; /* addresses of SLOTS slots each, in the program; 0: not mapped yet */
	bool used[STUB_PAGES * SLOTS];
};

/*
 * Stop a thread that we trace, at an instruction of its own, and hand on to it the signals that
 * arrive meanwhile. `resume` is the ptrace request that lets it run on. Returns 0 with *held
 * filled, or -1 with errno, still traced: EBUSY means that it was in the kernel, and runs again;
 * EINTR that a signal stopped the program, and it stays stopped.
 */
int interrupt(struct held *held, int resume);

/* Whether the thread runs code that the stub can return to: 64-bit code. */
bool can_return(const struct held *held);

/*
 * Whether the thread is in a restartable sequence, which it must not leave unnoticed (rseq(2)).
 * `memory`: /proc/PID/mem.
 */
bool in_rseq(const struct held *held, int memory);

/*
 * The number of the system call at whose entry or exit the thread has stopped. False when the
 * thread is gone.
 */
bool stopped_at_call(pid_t tid, uint64_t *number);

/* The address of a system call instruction that the process may execute, or 0. Its vDSO has one. */
uint64_t find_gate(pid_t pid, int memory);

/*
 * Let the thread make one system call at `gate`, and wait until it has returned, however long that
 * takes. Returns its result, -errno on failure, -EIO when the thread has ended; its registers and its
 * signal mask are as before. A SIGSTOP that comes meanwhile, the one signal that cannot be blocked,
 * is sent again afterwards. Hold no other thread: nobody would let it run on.
 */
long call(const struct held *held, uint64_t gate, long number, const long arguments[6]);

/*
 * Map SLOTS stub slots into the process, present and locked. Returns the address, or 0 with errno.
 */
uint64_t map_slots(const struct held *held, int memory, uint64_t gate);

/*
 * Map what is missing for `count` free slots, so that take_slot() has no call to make. False with
 * errno.
 */
bool reserve_slots(struct stubs *stubs, const struct held *held, int memory, uint64_t gate, size_t count);

/*
 * A free slot for a thread that we hold. Returns its number and its address, or -1 with errno:
 * EBUSY when the thread is in a stub right now, ENOSPC when no slot will ever be free, or that of
 * mmap.
 */
int take_slot(struct stubs *stubs, const struct held *held, int memory, uint64_t gate, uint64_t *address);

/*
 * Write a stub to the slot, send the thread there, and release it: it isolates itself with `flags`.
 * Returns 0, or -1 with errno, the thread still held.
 */
int plant(const struct held *held, int memory, uint64_t slot, unsigned long flags);

#endif
