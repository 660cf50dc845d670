/* What a listing selects of the store's nodes or pods, visited in the store's order, a short hold
 * of the store at a time. */
#ifndef API_SELECTION_H
#define API_SELECTION_H

#include "aggregator/api/field_selector.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/object.h"

#include <stdbool.h>

/* True: taken. False: not taken, this hold ends; the next starts with this object. */
typedef bool (*selection_visitor)(void *context, const struct object *object);

/* Owns nothing. */
struct selection {
	struct store *store;
	bool pods;             /* else nodes */
	const char *namespace; /* of pods; NULL: all */
	const struct label_selector *labels;
	const struct field_selector *fields;
};

/* Visits what is selected from the cursor on, in the store's order, until the visitor has enough,
 * all was seen (cursor->finished), or the store was held for some 0.5 ms. 0 or -ENOMEM. */
int selection_visit(const struct selection *selection, struct store_cursor *cursor,
	selection_visitor visitor, void *context);

/* True when nothing that the store serves is left out. */
bool selection_is_all_pods(const struct selection *selection);

/* Visits the one object; selectors are not asked (as k8s.io/apiserver does for a get). True when it
 * is served. */
bool selection_get(const struct selection *selection, const char *name, selection_visitor visitor,
	void *context);

#endif
