/* The clocks, in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_SECOND 1000000000ULL
#define NS_PER_MS     1000000ULL
#define NS_PER_USEC   1000ULL

/* CLOCK_MONOTONIC: the clock of bpf_ktime_get_ns() too. It stands still while the machine is
 * suspended, as the cgroups' CPU counters do, so a rate over it stays true across a suspension. */
uint64_t clock_monotonic_ns(void);

/* CLOCK_REALTIME since 1970: for timestamps that people and the API see, never for spans. */
uint64_t clock_realtime_ns(void);

#endif
