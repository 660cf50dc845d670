/* What is asked of kube-apiserver: which APIs there are, then round after round one kind's list and
 * its columns. All in the loop's thread, nothing blocks. */
#ifndef TOP_ASK_H
#define TOP_ASK_H

#include "aggregator/kube/kube_config.h"
#include "base/error.h"
#include "top/table.h"

#include <event2/event.h>
#include <stdbool.h>

#define ASK_MAX_QUESTIONS 256 /* of one round, for columns */

struct ask_options {
	const struct kube_config *config;
	struct event_base *base;
	const char *namespace; /* NULL: all */
	const char *selector;  /* labels; NULL: all */
	uint64_t timeout_ns;   /* of one request */
};

struct ask;

/* NULL and a message. */
struct ask *ask_new(const struct ask_options *options, struct error *err);
void ask_free(struct ask *ask); /* NULL is fine */

/* Asks for one kind and, where the server has them, `columns` of it. `done` is told from the loop:
 * NULL, or why the list did not come (then the table is as it was). One round at a time. */
int ask_round(struct ask *ask, enum kind kind, column_set columns, struct table *table,
	void (*done)(void *context, const char *failure), void *context, struct error *err);
bool ask_under_way(const struct ask *ask);

/* What there is of a kind; known after its first round. */
column_set ask_offer(const struct ask *ask, enum kind kind);

/* What the server does not have, and why columns of the last round are missing that it may have;
 * "" when nothing is. */
const char *ask_note(const struct ask *ask);
const char *ask_problem(const struct ask *ask);

#endif
