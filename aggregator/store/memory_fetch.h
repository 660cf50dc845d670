/* Has the processor fetch the cache line at an address, which need not be there. */
#ifndef STORE_MEMORY_FETCH_H
#define STORE_MEMORY_FETCH_H

/* For gcc a function that only prefetches has no effect, and calls of it are left out; the empty
 * asm statement is an effect. */
static inline void memory_fetch(const void *address)
{
	__builtin_prefetch(address);
	__asm__ volatile("");
}

#endif
