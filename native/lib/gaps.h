/* SPDX-License-Identifier: MIT */
#ifndef LIB_GAPS_H
#define LIB_GAPS_H

/*
 * The times in which a CPU did not run its spinner, in fixed memory.
 *
 * A log-linear histogram: each power of two is divided into 16 buckets, so that a bucket is at most
 * 1/16 of its lower bound wide. The first 16 buckets hold one value each. src/measure/histogram.ts
 * has the same rule, and src/measure/shared-record.ts reads these structures: all of them consist
 * of 64-bit words.
 */

#include <stdbool.h>
#include <stdint.h>

#define GAPS_SUB_BITS 4
#define GAPS_SUB (1 << GAPS_SUB_BITS)
#define GAPS_BUCKETS ((64 - GAPS_SUB_BITS + 1) * GAPS_SUB)
#define GAPS_WORST 16
#define GAPS_MAGIC UINT64_C(0x31737061676c7369) /* "islgaps1" */

static inline unsigned gaps_bucket(uint64_t ticks)
{
	if (ticks < GAPS_SUB)
		return (unsigned)ticks;
	unsigned exponent = 63 - (unsigned)__builtin_clzll(ticks);
	return ((exponent - GAPS_SUB_BITS + 1) << GAPS_SUB_BITS) +
	       (unsigned)((ticks >> (exponent - GAPS_SUB_BITS)) & (GAPS_SUB - 1));
}

struct gaps_long {
	uint64_t ticks;
	uint64_t at; /* the counter when it ended */
};

/* What was recorded from `begin` until `end`, which are readings of the counter. */
struct gaps_interval {
	uint64_t begin, end;
	uint64_t turn;	     /* ticks after `end` in which the next interval was prepared */
	uint64_t samples;    /* passes of the loop */
	uint64_t over;	     /* gaps of at least the threshold */
	uint64_t over_ticks; /* their sum */
	uint64_t max, max_at;
	uint64_t backwards; /* the counter went back */
	uint64_t worsts;    /* used entries of `worst` */
	struct gaps_long worst[GAPS_WORST];
	uint64_t histogram[GAPS_BUCKETS];
} __attribute__((aligned(64)));

/*
 * Shared with the reader. The reader raises `asked` to end an interval. The spinner then turns to
 * the other half, and sets `ended` to `asked`: half[(ended - 1) % 2] does not change until the
 * reader asks again. Both stand in cache lines of their own.
 */
struct gaps_share {
	uint64_t magic, size;
	uint64_t hertz;	    /* ticks per second */
	uint64_t cost;	    /* ticks of one undisturbed pass, which are subtracted from every gap */
	uint64_t threshold; /* ticks */
	uint64_t unused[3];
	uint64_t asked __attribute__((aligned(64)));
	uint64_t ended __attribute__((aligned(64)));
	struct gaps_interval half[2];
};

/* A gap of at least the threshold: keep it if it is one of the longest of its interval. */
static inline void gaps_keep(struct gaps_interval *interval, uint64_t ticks, uint64_t at)
{
	struct gaps_long *least = &interval->worst[0];

	interval->over++;
	interval->over_ticks += ticks;
	if (interval->worsts < GAPS_WORST) {
		least = &interval->worst[interval->worsts++];
	} else {
		for (unsigned i = 1; i < GAPS_WORST; i++)
			if (interval->worst[i].ticks < least->ticks)
				least = &interval->worst[i];
		if (ticks <= least->ticks)
			return;
	}
	least->ticks = ticks;
	least->at = at;
}

/* Record the time between two passes of the loop: `ticks`, which ended at `at`. */
static inline void gaps_record(struct gaps_interval *interval, uint64_t ticks, uint64_t at,
			       uint64_t threshold)
{
	if (__builtin_expect((int64_t)ticks < 0, false)) {
		interval->backwards++;
		return;
	}
	interval->samples++;
	interval->histogram[gaps_bucket(ticks)]++;
	if (__builtin_expect(ticks >= threshold, false))
		gaps_keep(interval, ticks, at);
	if (__builtin_expect(ticks > interval->max, false)) {
		interval->max = ticks;
		interval->max_at = at;
	}
}

#endif
