/* SPDX-License-Identifier: MIT */
/*
 * Make a running thread enter isolation. The thread is stopped with ptrace at an instruction of its
 * own code, sent into a small stub, and released before the stub runs. The prctl in the stub is then
 * the thread's last system call, and the stub jumps back to that instruction with every register as
 * it was.
 *
 * Each stub, also that of call(), brings the thread back by itself. So a thread never depends on us
 * to get its registers back: see the phases in trace.h.
 *
 * The first stubs lie in the unused end of the program's vDSO, so that a program with few workers
 * makes no call for us and gets no mapping. The pages of further ones stay mapped, because unmapping
 * would interrupt every isolated thread of the process.
 *
 * Everything that depends on the architecture is in inject.c: registers, the stub, and how a system
 * call is made.
 */
#ifndef LAUNCH_INJECT_H
#define LAUNCH_INJECT_H

#include "trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	STUB_SIZE = 256,
	SLOTS = 64, /* for stubs, at most, that lie together */
	STUB_AREAS = 16,
};

/*
 * The stubs of one program. A slot is used once, and again only when its thread is known to have
 * left it: a thread that runs a signal handler returns through the slot, at any time. When all
 * slots are in use more are mapped.
 */
struct stubs {
	struct {
		uint64_t address; /* in the program; 0: there is none yet */
		unsigned count;	  /* of slots */
	} area[STUB_AREAS];
	bool used[STUB_AREAS * SLOTS];
};

/*
 * Stop a thread that we trace, at an instruction of its own, and hand on to it the signals that
 * arrive meanwhile. `resume` is the ptrace request that lets it run on. Returns 0 with the thread
 * HELD, or -1 with errno, the thread still traced: EBUSY means that it was in the kernel, and runs
 * again; EINTR that a signal stopped the program; ESRCH that it ended or executed another program.
 */
int interrupt(struct held *held, long resume);

/* Whether the thread runs code that the stub can return to: 64-bit code. */
bool can_return(const struct held *held);

/*
 * Whether the program takes system calls itself (PR_SET_SYSCALL_USER_DISPATCH), and so would get
 * that of the stub.
 */
bool takes_calls(const struct held *held);

/*
 * Whether the thread is in a restartable sequence, which it must not leave unnoticed (rseq(2)).
 * `memory`: /proc/PID/mem.
 */
bool in_rseq(const struct held *held, int memory);

/*
 * The number of the system call at whose entry or exit the thread has stopped. False when the
 * thread is gone.
 */
bool stopped_at_call(const struct held *held, uint64_t *number);

/*
 * Find room for the first stubs: the zeros at the end of the vDSO, or of another executable file
 * that is mapped privately. Nothing is written. False: there is no room.
 */
bool find_room(struct stubs *stubs, pid_t pid, int memory);

/*
 * Let a HELD thread make one system call in that slot. Returns its result, or a negative errno.
 * While the thread is HELD again, its registers and its mask are its own. Otherwise it is to be let
 * go, and returns by itself; the slot stays in use: -ETIMEDOUT, the call takes longer than that;
 * -EINTR, a signal stopped the program; -ESRCH, the thread ended or executed another program.
 */
long call(struct held *held, int memory, uint64_t slot, long number, const long arguments[6],
	  int patience_ms);

/* The same in a slot of ours, which is free again when the thread has left it. */
long call_somewhere(struct stubs *stubs, struct held *held, int memory, long number, const long arguments[6],
		    int patience_ms);

/* How many slots are free. */
size_t free_slots(const struct stubs *stubs);

/*
 * Map SLOTS more slots into the process by a HELD thread, and so none that is present. Returns 0, or
 * a negative errno; see call().
 */
long map_slots(struct stubs *stubs, struct held *held, int memory);

/*
 * A free slot for a HELD thread. Returns its number and its address, or -1 with errno: EBUSY when
 * the thread is in a stub right now, ENOSPC when no slot is free.
 */
int take_slot(struct stubs *stubs, const struct held *held, uint64_t *address);

/*
 * Write a stub to the slot, send the HELD thread there, and release it: it isolates itself with
 * `flags`. Returns 0, or -1 with errno, the thread still traced.
 */
int plant(struct held *held, int memory, uint64_t slot, unsigned long flags);

#endif
