#include "tests/guard/counting.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Without valgrind there is nothing to be counted, but all is built. */
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(mark) ((void)(mark))
#endif

#define BLOCK_OVERHEAD 8 /* glibc's: the size in front of a block */

static struct {
	atomic_uint_fast64_t allocations;
	atomic_int_fast64_t bytes;
} heap[2]; /* by enum counted */

static _Thread_local bool is_main;

__attribute__((constructor)) static void know_main_thread(void)
{
	is_main = true;
}

/* --- in the place of libc's ------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static int64_t size_of(void *memory)
{
	return memory ? (int64_t)malloc_usable_size(memory) + BLOCK_OVERHEAD : 0;
}

static void count(uint64_t allocations, int64_t bytes)
{
	enum counted who = is_main ? COUNTED_MAIN : COUNTED_OTHERS;

	atomic_fetch_add_explicit(&heap[who].allocations, allocations, memory_order_relaxed);
	atomic_fetch_add_explicit(&heap[who].bytes, bytes, memory_order_relaxed);
}

static void *counted(void *memory)
{
	count(1, size_of(memory));
	return memory;
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
	return counted(__libc_calloc(number, size));
}

void *realloc(void *old, size_t size)
{
	int64_t before = size_of(old);
	void *memory = __libc_realloc(old, size);

	if (memory || size == 0)
		count(1, size_of(memory) - before);
	return memory;
}

void *memalign(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **ret_memory, size_t alignment, size_t size)
{
	void *memory = counted(__libc_memalign(alignment, size));

	if (!memory)
		return ENOMEM;
	*ret_memory = memory;
	return 0;
}

void free(void *memory)
{
	count(0, -size_of(memory));
	__libc_free(memory);
}

/* --- work ------------------------------------------------------------------------------------- */

/* Does the work, and has callgrind write down what it cost as "NAME ROUNDS [calls]". Returns how
 * many allocations it cost. */
static uint64_t count_rounds(const struct counted_work *work, unsigned rounds)
{
	char mark[64];
	uint64_t before;

	(void)snprintf(mark, sizeof(mark), "%s %u%s", work->name, rounds,
		work->system_calls ? " calls" : "");
	CALLGRIND_ZERO_STATS;
	before = atomic_load(&heap[work->who].allocations);
	work->work(work->context, rounds);
	before = atomic_load(&heap[work->who].allocations) - before;
	CALLGRIND_DUMP_STATS_AT(mark);
	return before;
}

void counted_work(const struct counted_work *work)
{
	char name[64];
	uint64_t once, twice;

	work->work(work->context, work->rounds); /* what is done once has been done */
	CALLGRIND_START_INSTRUMENTATION;
	if (work->who == COUNTED_OTHERS)
		CALLGRIND_TOGGLE_COLLECT; /* off, of this thread alone */
	once = count_rounds(work, work->rounds);
	twice = count_rounds(work, 2 * work->rounds);
	if (work->who == COUNTED_OTHERS)
		CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_STOP_INSTRUMENTATION;
	if (!work->allocations)
		return;
	(void)snprintf(name, sizeof(name), "%s_allocations", work->name);
	counted_say(name, ((double)twice - (double)once) / (double)work->rounds, "allocations");
}

int64_t counted_bytes(enum counted who)
{
	return atomic_load(&heap[who].bytes);
}

void counted_say(const char *name, double value, const char *unit)
{
	(void)printf("%s %.1f %s\n", name, value, unit);
	(void)fflush(stdout);
}
