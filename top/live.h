/* The live view: rounds, keys and signals in one loop. */
#ifndef TOP_LIVE_H
#define TOP_LIVE_H

#include "base/error.h"
#include "top/ask.h"
#include "top/top_flags.h"

/* Until q or a signal: 0, or 128 + the signal. -errno with a message when there is no terminal. */
int live_run(struct ask *ask, struct event_base *base, const struct flags *flags,
	const char *server, struct error *err);

#endif
