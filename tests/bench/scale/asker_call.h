/* One request after the other on a connection: sending, and taking the answer. */
#ifndef SCALE_ASKER_CALL_H
#define SCALE_ASKER_CALL_H

#include "base/error.h"
#include "tests/bench/scale/asker_answer.h"
#include "tests/bench/scale/asker_body.h"
#include "tests/bench/scale/asker_link.h"
#include "tests/bench/scale/asker_tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum asker_news {
	ASKER_NOTHING,
	ASKER_READY,    /* the connection is open */
	ASKER_ANSWERED, /* see `answer` and `body`; asker_call_reusable() */
	ASKER_FAILED,   /* see `failure`; the connection is closed */
};

/* Zero-initialise but for `body.counts`. */
struct asker_call {
	struct asker_link link;
	struct asker_answer answer;
	struct asker_body body;
	bool asking;        /* a request is under way */
	bool times_first;   /* note when the body began */
	uint64_t first_ns;  /* CLOCK_MONOTONIC; 0: there was no body */
	uint64_t opened_ns; /* when connecting began */
	enum asker_failure failure;
	struct error error;

	/* private */
	const char *request;
	size_t left; /* of the request, to be sent */
	bool ended;  /* the server said that it sends nothing more */
};

void asker_call_free(struct asker_call *call);

/* Begins to connect. 0, or -errno: it has failed at once (`failure`, `error`). */
int asker_call_open(
	struct asker_call *call, const struct asker_place *place, uint64_t data, uint64_t now_ns);

/* Sends a request over an open connection without one; `request` must stay until the next news. 0,
 * or -errno: it has failed (and is closed). */
int asker_call_ask(struct asker_call *call, const char *request, size_t length);

/* Does what the connection is ready for; `events` are epoll's. The connection's edge-triggered
 * events are used up with this. */
enum asker_news asker_call_step(struct asker_call *call, uint32_t events);

/* Answered, and the next one can be asked. */
bool asker_call_reusable(const struct asker_call *call);

/* Counts an answer that took `ns` and, where items are looked at, whether there are `items`. */
void asker_call_count(
	const struct asker_call *call, struct asker_tally *tally, uint64_t ns, uint64_t items);

/* Gives it up: closes the connection. Sets `failure`. */
void asker_call_abandon(struct asker_call *call, enum asker_failure failure);

#endif
