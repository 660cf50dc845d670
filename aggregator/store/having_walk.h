/* One hold of a walk over the pods that have certain labels. */
#ifndef STORE_HAVING_WALK_H
#define STORE_HAVING_WALK_H

#include "aggregator/store/pod_walk.h"

/* Walks over the groups of the index that have these labels, in the order of pods' names, and moves
 * the cursor. False when nothing was done: there is no index, or a walk over all pods is as
 * well. */
bool having_walk(const struct pod_walk *walk, const struct labels *having);

#endif
