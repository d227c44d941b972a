// SPDX-License-Identifier: MIT
/*
 * Runs the kernel's own functions for isolation arguments in user space. "kernel.h" has the
 * functions, which the test extracts from a source archive; what they call is replaced here.
 *
 * Standard input: one command line per line, after "COUNT PRESENT " (numbers of CPUs). Standard
 * output: for each of them the masks as hexadecimal numbers, and the arguments that were dropped.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* At most 64 CPUs: a mask is one word. */
typedef struct cpumask { unsigned long bits[1]; } *cpumask_var_t;
typedef int16_t s16;

#define __init
#define __initdata
#define __user
#define __force
#define __rcu
#define EXPORT_SYMBOL(x)
#define early_param(name, handler)
#define __setup(name, handler)
#define EXPORT_SYMBOL_GPL(x)
#define BIT(n) (1UL << (n))
#define IS_ENABLED(option) 1
#define GFP_KERNEL 0
#define SMP_CACHE_BYTES 64
#define likely(x) (x)
#define unlikely(x) (x)
#define strchrnul kernel_strchrnul
#define pr_warn(...) do { } while (0)
#define pr_info(...) do { } while (0)
#define pr_debug(...) do { } while (0)
#define pr_err(...) do { } while (0)
#define WARN_ON_ONCE(x) (x)
#define BUG() abort()
#define min(a, b) ((a) < (b) ? (a) : (b))
#define ERR_PTR(error) ((void *)(long)(error))
#define PTR_ERR(pointer) ((long)(pointer))
#define IS_ERR(pointer) ((unsigned long)(pointer) >= (unsigned long)-4095)
#define KSTRTOX_OVERFLOW (1U << 31)
#define RCU_INIT_POINTER(pointer, value) ((pointer) = (value))
#define smp_processor_id() 0
#define irqs_disabled() 0
#define __get_user(c, pointer) ((c) = *(pointer), 0)

static unsigned int nr_cpu_ids;
static unsigned int setup_max_cpus;
#define nr_cpumask_bits nr_cpu_ids
static struct cpumask possible, present;
#define cpu_possible_mask (&possible)
#define cpu_present_mask (&present)
static const unsigned long BITS = 8 * sizeof(unsigned long);

static void *zeroed(size_t size) { return calloc(1, size); }
#define memblock_alloc_or_panic(size, align) zeroed(size)
#define cpumask_size() sizeof(struct cpumask)
#define alloc_bootmem_cpumask_var(mask) (*(mask) = zeroed(sizeof(struct cpumask)))
#define free_bootmem_cpumask_var(mask) free(mask)
#define cpumask_bits(mask) ((mask)->bits)

static unsigned long below(unsigned int n) { return n >= BITS ? ~0UL : (1UL << n) - 1; }
static unsigned int first_of(unsigned long word) { return word ? (unsigned int)__builtin_ctzl(word) : BITS; }

#define cpumask_andnot(d, a, b) ((d)->bits[0] = (a)->bits[0] & ~(b)->bits[0])
#define cpumask_copy(d, a) ((d)->bits[0] = (a)->bits[0])
#define cpumask_empty(a) ((a)->bits[0] == 0)
#define cpumask_equal(a, b) ((a)->bits[0] == (b)->bits[0])
#define cpumask_setall(d) ((d)->bits[0] = below(nr_cpu_ids))
#define cpumask_set_cpu(cpu, d) ((d)->bits[0] |= 1UL << (cpu))
#define __cpumask_set_cpu cpumask_set_cpu
#define __cpumask_clear_cpu(cpu, d) ((d)->bits[0] &= ~(1UL << (cpu)))
#define cpumask_last(a) ((a)->bits[0] ? BITS - 1 - (unsigned long)__builtin_clzl((a)->bits[0]) : BITS)
#define cpumask_first_and(a, b) first_of((a)->bits[0] & (b)->bits[0])
#define cpumask_first_and_and(a, b, c) first_of((a)->bits[0] & (b)->bits[0] & (c)->bits[0])
#define find_first_bit(word, size) min(first_of(*(word)), (unsigned int)(size))
#define for_each_set_bit(bit, word, size) \
	for ((bit) = 0; (bit) < (size); (bit)++) \
		if (*(word) >> (bit) & 1)

static void bitmap_zero(unsigned long *map, unsigned int bits) { (void)bits; *map = 0; }
static void bitmap_set(unsigned long *map, unsigned int start, unsigned int length)
{
	if (length)
		*map |= below(length) << start;
}

int bitmap_parselist(const char *buf, unsigned long *maskp, int nmaskbits);
#define cpulist_parse(text, mask) bitmap_parselist((text), cpumask_bits(mask), nr_cpumask_bits)

static unsigned int _parse_integer(const char *text, unsigned int base, unsigned long long *value)
{
	unsigned int length = 0;
	bool overflow = false;

	for (*value = 0; text[length] >= '0' && text[length] <= '9'; length++) {
		overflow |= *value > (~0ULL - 9) / base;
		*value = *value * base + (unsigned long long)(text[length] - '0');
	}
	return length | (overflow ? KSTRTOX_OVERFLOW : 0);
}

static unsigned long long simple_strtoull(const char *text, char **end, unsigned int base)
{
	/* Unlike strtoull(), the kernel accepts neither blanks nor a sign. */
	if (*text < '0' || *text > '9') {
		if (end)
			*end = (char *)text;
		return 0;
	}
	return strtoull(text, end, (int)base);
}

static long simple_strtol(const char *text, char **end, unsigned int base)
{
	return *text == '-' ? -(long)simple_strtoull(text + 1, end, base) : (long)simple_strtoull(text, end, base);
}

static char *strchrnul(const char *s, int c) { return (char *)s + strcspn(s, (char[]){(char)c, 0}); }

struct obs_kernel_param {
	const char *str;
	int (*setup_func)(char *);
	int early;
};
static const struct obs_kernel_param *__setup_start, *__setup_end;

struct kernel_param_ops { unsigned int flags; int (*set)(const char *, const void *); };
struct kernel_param { const char *name; void *mod; const struct kernel_param_ops *ops; s16 level; };
typedef int (*parse_unknown_fn)(char *, char *, const char *, void *);
#define KERNEL_PARAM_OPS_FL_NOARG 1
#define kernel_param_lock(mod) do { } while (0)
#define kernel_param_unlock(mod) do { } while (0)
#define param_check_unsafe(...) 1
#define check_kparam_locked(mod) do { } while (0)

static cpumask_var_t rcu_nocb_mask, irq_default_affinity, tick_nohz_full_mask;
static bool tick_nohz_full_running;
static struct { bool nocb_is_setup; } rcu_state;
static void arch_disable_smp_support(void) { }
#define set_nr_cpu_ids(n) (nr_cpu_ids = (unsigned int)(n))

#include "kernel.h"

static char dropped[1 << 16];
/* Notes each isolcpus= and nohz_full= that its handler refuses. */
#define NOTING(name, function) \
	static int name(char *text) \
	{ \
		int taken = function(text); \
		if (!taken) \
			strcat(dropped, " " #name); \
		return taken; \
	}
NOTING(isolcpus, housekeeping_isolcpus_setup)
NOTING(nohz_full, housekeeping_nohz_full_setup)

static const struct obs_kernel_param handlers[] = {
	{"nr_cpus", nrcpus, 1},
	{"maxcpus", maxcpus, 1},
	{"nosmp", nosmp, 1},
	{"isolcpus=", isolcpus, 0},
	{"nohz_full=", nohz_full, 0},
	{RCU_NOCBS, rcu_nocb_setup, 0},
	{"irqaffinity=", irq_affinity_setup, 0},
};

static int boot_option(char *param, char *val, const char *unused, void *arg)
{
	(void)unused;
	(void)arg;
	REPAIR_ENV_STRING(param, val);
	obsolete_checksetup(param);
	return 0;
}

#ifdef ONE_MASK
#define MASK_OF(what) (housekeeping_flags & HK_FLAG_##what ? housekeeping_mask : NULL)
#else
#define MASK_OF(what) \
	(housekeeping.flags & BIT(HK_TYPE_##what) ? housekeeping.cpumasks[HK_TYPE_##what] : NULL)
#endif

static unsigned long without(const struct cpumask *mask)
{
	return mask ? possible.bits[0] & ~mask->bits[0] : 0;
}

static unsigned long of(const struct cpumask *mask) { return mask ? mask->bits[0] : 0; }

int main(void)
{
	static char line[8192], early[8192], words[8192 + 64];

	__setup_start = handlers;
	__setup_end = handlers + sizeof(handlers) / sizeof(handlers[0]);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned int count = 0, there = 0;
		int skip = 0;

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%u %u%n", &count, &there, &skip) != 2)
			return 2;
#ifdef ONE_MASK
		housekeeping_mask = NULL;
		housekeeping_flags = 0;
#else
		memset(&housekeeping, 0, sizeof(housekeeping));
#endif
		rcu_nocb_mask = irq_default_affinity = tick_nohz_full_mask = NULL;
		tick_nohz_full_running = false;
		dropped[0] = '\0';
		nr_cpu_ids = 64;
		setup_max_cpus = 64;

		strcpy(early, line + skip + 1);
		memset(words, 0, sizeof(words));
		strcpy(words, line + skip + 1);
		parse_args("early options", early, NULL, 0, 0, 0, NULL, do_early_param);
		nr_cpu_ids = min(nr_cpu_ids, count);
		possible.bits[0] = below(nr_cpu_ids);
		present.bits[0] = below(min(nr_cpu_ids, there));
		parse_args("booting", words, NULL, 0, -1, -1, NULL, boot_option);

		printf("%lx %lx %lx %lx %lx ", without(MASK_OF(DOMAIN)),
#ifdef HAS_MANAGED_IRQ
		       without(MASK_OF(MANAGED_IRQ)),
#else
		       0UL,
#endif
		       of(tick_nohz_full_mask), without(MASK_OF(WQ)), of(rcu_nocb_mask));
		if (irq_default_affinity)
			printf("%lx", of(irq_default_affinity));
		else
			printf("-");
		printf("%s\n", dropped);
	}
	return 0;
}
