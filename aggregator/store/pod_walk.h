/* One hold of a walk over pods. The store's lock is held for reading, the cursor is prepared. */
#ifndef STORE_POD_WALK_H
#define STORE_POD_WALK_H

#include "aggregator/store/store.h"
#include "aggregator/store/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pod_walk {
	const struct store *store;
	uint64_t now_ns;
	const char *namespace; /* NULL: all */
	struct store_cursor *cursor;
	size_t most;
	store_pod_visitor visitor;
	void *context;
};

/* Shows the pod to the visitor, if it is served. False: the visitor has not taken it. */
bool pod_walk_show(const struct pod_walk *walk, const struct listed_pod *pod);

/* Walks over all pods and moves the cursor. */
void pod_walk(const struct pod_walk *walk);

#endif
