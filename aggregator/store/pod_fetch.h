/* Fetching pods' memory ahead of a walk over them.
 *
 * Neighbours in the order of names lie anywhere in memory, and a pod is some ten cache lines that
 * point at each other. So they are fetched while the pods before it are visited, each step some
 * pods after the one that it reads from; where a walk begins, a step of all at a time. The set is
 * one of what view_listed() takes. The store's lock is held for reading. */
#ifndef STORE_POD_FETCH_H
#define STORE_POD_FETCH_H

#include "aggregator/store/ordered.h"
#include "aggregator/store/state.h"

/* For the pods from this place on. */
void pod_fetch_first(
	const struct store *store, const struct ordered *pods, struct ordered_place place);

/* For those that come some time after the one at this place, which is visited next. */
void pod_fetch_next(
	const struct store *store, const struct ordered *pods, struct ordered_place place);

#endif
