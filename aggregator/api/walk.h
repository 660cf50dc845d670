/* A walk over the store's nodes or pods that a listing selects, a short hold of the store at a
 * time. */
#ifndef API_WALK_H
#define API_WALK_H

#include "aggregator/api/field_selector.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/object.h"

#include <stdbool.h>

/* True: taken. False: not taken, this hold ends; the next starts with this object. */
typedef bool (*walk_visitor)(void *context, const struct object *object);

/* What is walked over. Owns nothing. */
struct walk {
	struct store *store;
	bool pods;             /* else nodes */
	const char *namespace; /* of pods; NULL: all */
	const struct label_selector *labels;
	const struct field_selector *fields;
};

/* Visits what is selected from the cursor on, in the store's order, until the visitor has enough,
 * all was seen (cursor->finished), or the store was held for some 0.5 ms. 0 or -ENOMEM. */
int walk_on(
	const struct walk *walk, struct store_cursor *cursor, walk_visitor visitor, void *context);

/* Visits the one object; selectors are not asked (as k8s.io/apiserver does for a get). True when it
 * is served. */
bool walk_one(const struct walk *walk, const char *name, walk_visitor visitor, void *context);

/* Lets *ret_copy stand where `cursor` stands. 0 or -ENOMEM; *ret_copy is untouched on failure. */
int walk_copy_cursor(const struct store_cursor *cursor, struct store_cursor *ret_copy);

#endif
