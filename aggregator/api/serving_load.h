/* What is under way in all serving loops together, against the bounds that they share, and which
 * loop has the fewest connections. Any thread, without a lock. */
#ifndef API_SERVING_LOAD_H
#define API_SERVING_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serving_load_options {
	size_t loops;
	uint32_t max_connections, max_in_flight;
};

struct serving_load;

/* NULL when memory is short. */
struct serving_load *serving_load_new(const struct serving_load_options *options);
void serving_load_free(struct serving_load *load);

/* A connection of that loop. False: it is one too many, and counted all the same. */
bool serving_load_connect(struct serving_load *load, size_t loop);
void serving_load_disconnect(struct serving_load *load, size_t loop);

/* The loop with the fewest connections; of several the first one behind `loop`. */
size_t serving_load_least(const struct serving_load *load, size_t loop);

/* Requests that came whole, until their answer is wholly sent. */
void serving_load_begin(struct serving_load *load);
void serving_load_end(struct serving_load *load);
size_t serving_load_requests(const struct serving_load *load);

/* Requests of known clients that are not answered. False, and not counted: there are as many as may
 * be. The second one counts in any case. */
bool serving_load_enter(struct serving_load *load);
void serving_load_enter_anyway(struct serving_load *load);
void serving_load_leave(struct serving_load *load);

/* Of these, answers that are sent page by page, as their client reads: at most half of what may be
 * in flight (the greater one), so that clients that read slowly, or not at all, leave the rest to
 * those that ask for little. */
bool serving_load_stream(struct serving_load *load);
void serving_load_stream_anyway(struct serving_load *load);
void serving_load_end_stream(struct serving_load *load);

#endif
