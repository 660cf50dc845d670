/* What sorted sets of nodes and pods are asked for; nodes have no namespace. */
#ifndef STORE_OBJECT_KEY_H
#define STORE_OBJECT_KEY_H

#include <stdbool.h>
#include <string.h>

struct object_key {
	const char *namespace, *name;
	bool behind; /* stands behind everything of this name instead of before it */
};

/* For the functions that ordered_seek() takes: where the key stands to an object of these names. */
static inline int object_key_compare(
	const struct object_key *key, const char *namespace, const char *name)
{
	int order = namespace ? strcmp(key->namespace, namespace) : 0;

	if (order == 0)
		order = strcmp(key->name, name);
	return order ? order : key->behind;
}

#endif
