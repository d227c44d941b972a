/* SPDX-License-Identifier: MIT */
/*
 * A ring in shared memory: one producer and one consumer, each with its own index on its own cache
 * line.
 */
#ifndef SAMPLES_RING_H
#define SAMPLES_RING_H

#include <stdatomic.h>
#include <stdbool.h>

enum { SLOTS = 1024 }; /* a power of two */

struct ring {
	_Alignas(64) atomic_ulong head;
	_Alignas(64) atomic_ulong tail;
	_Alignas(64) unsigned long slot[SLOTS];
};

/* False: the ring is full. */
static inline bool put(struct ring *ring, unsigned long value)
{
	unsigned long head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&ring->tail, memory_order_acquire) == SLOTS)
		return false;
	ring->slot[head % SLOTS] = value;
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

/* False: the ring is empty. */
static inline bool get(struct ring *ring, unsigned long *value)
{
	unsigned long tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	if (tail == atomic_load_explicit(&ring->head, memory_order_acquire))
		return false;
	*value = ring->slot[tail % SLOTS];
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

#endif
