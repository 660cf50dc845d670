#include "tests/bench/scale/fleet_threads.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <unistd.h>

/* A thread can make itself nicer, but not less nice again: hence one of its own, whose priority
 * NNG's threads inherit. */
static void *run(void *steps)
{
	id_t thread = (id_t)gettid();
	int now;

	errno = 0;
	now = getpriority(PRIO_PROCESS, thread);
	if (errno == 0)
		(void)setpriority(PRIO_PROCESS, thread, now + (int)(intptr_t)steps);
	(void)nng_tls_engine_name(); /* runs nng_init() */
	return NULL;
}

int fleet_threads_start(int steps)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, run, (void *)(intptr_t)steps);

	if (r != 0)
		return -r;
	(void)pthread_join(thread, NULL);
	return 0;
}
