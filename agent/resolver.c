#include "agent/resolver.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A cluster's DNS lets its names be kept for 5 s (CoreDNS's default) to 30 s (as kubeadm sets it
 * up): asking more often gets the same answer. 5000 agents that are all connected ask 170 times a
 * second. Each waits up to a fifth longer or shorter, so that they don't ask all at once. */
#define PERIOD_NS       (30 * NS_PER_SECOND)
#define HURRY_PERIOD_NS (5 * NS_PER_SECOND)

#define LOG_INTERVAL_NS (60 * NS_PER_SECOND)

struct resolver {
	struct resolver_options options;
	pthread_t thread;

	/* The owner's only. */
	uint64_t asked_ns; /* CLOCK_MONOTONIC; 0: never */
	uint64_t jitter;   /* of the wait for the next look-up; 256ths of the period */
	struct log_limit failing;
	struct telemetry_series *answers, *failures;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	bool asked;   /* the owner wants a look-up */
	bool busy;    /* one is under way */
	bool done;    /* its result has not been taken yet */
	bool leaving; /* the owner is gone, or waits for the thread's end */
	bool orphan;  /* the owner is gone: the thread frees all this */
	int result;   /* 0 or -errno */
	struct resolver_answer answer;
	struct error err;
};

/* --- looking up ------------------------------------------------------------------------------- */

void resolver_answer_add(struct resolver_answer *answer, const struct address *address)
{
	size_t place = 0;
	int order = 1;

	while (place < answer->count && order > 0) {
		order = memcmp(address, &answer->addresses[place], sizeof(*address));
		place += order > 0;
	}
	if (order == 0)
		return;
	if (answer->count == 0)
		answer->family = address->family;
	if (answer->count == RESOLVER_MAX) {
		answer->left_out++;
		if (place == RESOLVER_MAX)
			return;
		answer->count--;
	}
	memmove(&answer->addresses[place + 1], &answer->addresses[place],
		(answer->count - place) * sizeof(*address));
	answer->addresses[place] = *address;
	answer->count++;
}

static int look_up(void *context, const char *host, uint16_t port,
	struct resolver_answer *ret_answer, struct error *err)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int r = getaddrinfo(host, NULL, &hints, &found);

	(void)context;
	if (r != 0)
		return error_set(err, r == EAI_SYSTEM ? errno : EIO, "looking up %s: %s", host,
			r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
	for (const struct addrinfo *each = found; each; each = each->ai_next) {
		struct sockaddr_storage storage = {0};
		struct address address;

		memcpy(&storage, each->ai_addr,
			each->ai_addrlen < sizeof(storage) ? each->ai_addrlen : sizeof(storage));
		address = address_of_socket(&storage);
		address.port = port;
		if (address.family != AF_UNSPEC)
			resolver_answer_add(ret_answer, &address);
	}
	freeaddrinfo(found);
	return ret_answer->count > 0 ? 0
				     : error_set(err, ENOENT, "looking up %s: no address", host);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void destroy(struct resolver *resolver)
{
	(void)pthread_cond_destroy(&resolver->wake);
	(void)pthread_mutex_destroy(&resolver->lock);
	free(resolver);
}

/* The lock is held, and given up for as long as the look-up takes. */
static void run_look_up(struct resolver *resolver)
{
	struct resolver_answer answer = {.count = 0};
	struct error err = {{0}};
	int r;

	resolver->asked = false;
	resolver->busy = true;
	(void)pthread_mutex_unlock(&resolver->lock);
	r = resolver->options.look_up(resolver->options.context, resolver->options.host,
		resolver->options.port, &answer, &err);
	(void)pthread_mutex_lock(&resolver->lock);
	resolver->busy = false;
	resolver->done = true;
	resolver->result = r;
	resolver->answer = answer;
	resolver->err = err;
}

static void *run(void *context)
{
	struct resolver *resolver = context;
	bool orphan;

	(void)pthread_mutex_lock(&resolver->lock);
	while (!resolver->leaving) {
		if (resolver->asked)
			run_look_up(resolver);
		else
			(void)pthread_cond_wait(&resolver->wake, &resolver->lock);
	}
	orphan = resolver->orphan;
	(void)pthread_mutex_unlock(&resolver->lock);
	if (orphan)
		destroy(resolver);
	return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct resolver *resolver)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(&resolver->thread, NULL, run, resolver);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		(void)pthread_setname_np(resolver->thread, "resolver");
	return -r;
}

/* --- the owner -------------------------------------------------------------------------------- */

struct resolver *resolver_new(const struct resolver_options *options, struct error *err)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int r;

	if (!resolver) {
		(void)error_errno(err, ENOMEM, "looking up %s", options->host);
		return NULL;
	}
	resolver->options = *options;
	if (!resolver->options.look_up)
		resolver->options.look_up = look_up;
	resolver->answers = telemetry_counter(options->telemetry, "tacho_agent_lookups_total",
		"Look-ups of the aggregator's name, by what came of them", "result", "answer");
	resolver->failures = telemetry_counter(options->telemetry, "tacho_agent_lookups_total",
		"Look-ups of the aggregator's name, by what came of them", "result", "failure");
	(void)pthread_mutex_init(&resolver->lock, NULL);
	(void)pthread_cond_init(&resolver->wake, NULL);
	resolver->asked = true;
	resolver->asked_ns = clock_monotonic_ns();
	r = start_thread(resolver);
	if (r == 0)
		return resolver;
	(void)error_errno(err, -r, "starting a thread to look up %s", options->host);
	destroy(resolver);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	pthread_t thread;
	bool busy;

	if (!resolver)
		return;
	thread = resolver->thread;
	(void)pthread_mutex_lock(&resolver->lock);
	busy = resolver->busy;
	resolver->leaving = true;
	resolver->orphan = busy;
	(void)pthread_cond_signal(&resolver->wake);
	(void)pthread_mutex_unlock(&resolver->lock);
	if (busy) {
		(void)pthread_detach(thread);
	} else {
		(void)pthread_join(thread, NULL);
		destroy(resolver);
	}
}

/* The lock is held. */
static void ask(struct resolver *resolver, bool hurry, uint64_t now_ns)
{
	uint64_t period = hurry ? HURRY_PERIOD_NS : PERIOD_NS;
	uint8_t dice = 0;

	if (resolver->busy || resolver->asked ||
		now_ns < resolver->asked_ns + period * 4 / 5 + period * resolver->jitter / 640)
		return;
	if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) == sizeof(dice))
		resolver->jitter = dice;
	resolver->asked_ns = now_ns;
	resolver->asked = true;
	(void)pthread_cond_signal(&resolver->wake);
}

bool resolver_poll(
	struct resolver *resolver, bool hurry, uint64_t now_ns, struct resolver_answer *ret_answer)
{
	uint64_t held_back;
	struct error err;
	bool done;
	int r;

	(void)pthread_mutex_lock(&resolver->lock);
	done = resolver->done;
	resolver->done = false;
	r = resolver->result;
	err = resolver->err;
	if (done && r == 0)
		*ret_answer = resolver->answer;
	ask(resolver, hurry, now_ns);
	(void)pthread_mutex_unlock(&resolver->lock);
	if (!done)
		return false;
	telemetry_add(r == 0 ? resolver->answers : resolver->failures, 1);
	if (r < 0 && log_allowed(&resolver->failing, LOG_INTERVAL_NS, &held_back))
		log_warn("%s (%llu more times); connections go on", err.message,
			(unsigned long long)held_back);
	return r == 0;
}
