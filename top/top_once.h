/* --once: asks one round for each kind and prints it. */
#ifndef TOP_TOP_ONCE_H
#define TOP_TOP_ONCE_H

#include "base/error.h"
#include "top/ask.h"
#include "top/top_flags.h"

/* 0 or -errno with a message. Runs the loop. */
int top_once_run(
	struct ask *ask, struct event_base *base, const struct flags *flags, struct error *err);

#endif
