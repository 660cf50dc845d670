#include "tests/harness/wait.h"

#include <time.h>

uint64_t wait_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void wait_ms(unsigned ms)
{
	struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&span, NULL);
}

bool wait_until(bool (*condition)(void *context), void *context, unsigned timeout_ms)
{
	uint64_t end = wait_now_ms() + timeout_ms;

	while (!condition(context)) {
		if (wait_now_ms() >= end)
			return false;
		wait_ms(20);
	}
	return true;
}
