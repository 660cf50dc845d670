/* Waiting for something to become true, bounded in time. */
#ifndef TESTS_HARNESS_WAIT_H
#define TESTS_HARNESS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

uint64_t wait_now_ms(void); /* CLOCK_MONOTONIC */
void wait_ms(unsigned ms);

/* Asks every 20 ms. False when `timeout_ms` have passed and it still isn't true. */
bool wait_until(bool (*condition)(void *context), void *context, unsigned timeout_ms);

#endif
