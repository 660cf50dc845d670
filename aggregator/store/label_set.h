/* The labels of an object as they are kept: never changed, its texts interned. */
#ifndef STORE_LABEL_SET_H
#define STORE_LABEL_SET_H

#include "aggregator/store/interned.h"
#include "aggregator/store/labels.h"

#include <stdbool.h>
#include <stddef.h>

struct label_set {
	struct labels labels;
	size_t bytes; /* of all keys and values */
	struct label item[];
};

/* Whether each pod of a StatefulSet or an indexed Job has a value of its own for this key, so that
 * the label says nothing about what the pods have in common. */
bool label_is_particular(const char *key);
bool labels_have_particular(const struct labels *labels);

/* A set of these labels, without the particular ones when only the `common` are wanted. NULL when
 * memory is short. `texts` is the one to free it with. */
struct label_set *label_set_new(struct interned *texts, const struct labels *labels, bool common);
void label_set_free(struct interned *texts, struct label_set *set);

/* Whether two sets of the same texts have the same labels. */
bool label_set_equals(const struct label_set *a, const struct label_set *b);

#endif
