#include "aggregator/api/serving_load.h"

#include <stdatomic.h>
#include <stdlib.h>

struct serving_load {
	struct serving_load_options options;
	_Atomic uint32_t connections, in_flight, streams;
	_Atomic size_t requests;
	_Atomic uint32_t of_loop[]; /* connections */
};

struct serving_load *serving_load_new(const struct serving_load_options *options)
{
	struct serving_load *load =
		calloc(1, sizeof(*load) + options->loops * sizeof(load->of_loop[0]));

	if (load)
		load->options = *options;
	return load;
}

void serving_load_free(struct serving_load *load)
{
	free(load);
}

bool serving_load_connect(struct serving_load *load, size_t loop)
{
	atomic_fetch_add(&load->of_loop[loop], 1);
	return atomic_fetch_add(&load->connections, 1) < load->options.max_connections;
}

void serving_load_disconnect(struct serving_load *load, size_t loop)
{
	atomic_fetch_sub(&load->of_loop[loop], 1);
	atomic_fetch_sub(&load->connections, 1);
}

size_t serving_load_least(const struct serving_load *load, size_t loop)
{
	uint32_t fewest = UINT32_MAX;
	size_t least = loop;

	for (size_t i = 1; i <= load->options.loops; i++) {
		size_t other = (loop + i) % load->options.loops;
		uint32_t connections = atomic_load(&load->of_loop[other]);

		if (connections < fewest) {
			fewest = connections;
			least = other;
		}
	}
	return least;
}

void serving_load_begin(struct serving_load *load)
{
	atomic_fetch_add(&load->requests, 1);
}

void serving_load_end(struct serving_load *load)
{
	atomic_fetch_sub(&load->requests, 1);
}

size_t serving_load_requests(const struct serving_load *load)
{
	return atomic_load(&load->requests);
}

/* One more, if there are fewer. */
static bool add_below(_Atomic uint32_t *count, uint32_t bound)
{
	uint32_t now = atomic_load(count);

	while (now < bound)
		if (atomic_compare_exchange_weak(count, &now, now + 1))
			return true;
	return false;
}

bool serving_load_enter(struct serving_load *load)
{
	return add_below(&load->in_flight, load->options.max_in_flight);
}

void serving_load_enter_anyway(struct serving_load *load)
{
	atomic_fetch_add(&load->in_flight, 1);
}

void serving_load_leave(struct serving_load *load)
{
	atomic_fetch_sub(&load->in_flight, 1);
}

bool serving_load_stream(struct serving_load *load)
{
	uint32_t in_flight = load->options.max_in_flight;

	return add_below(&load->streams, in_flight - in_flight / 2);
}

void serving_load_stream_anyway(struct serving_load *load)
{
	atomic_fetch_add(&load->streams, 1);
}

void serving_load_end_stream(struct serving_load *load)
{
	atomic_fetch_sub(&load->streams, 1);
}
