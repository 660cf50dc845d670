/* Whether a Catalog may be taken, and how much room it takes. */
#ifndef STORE_CATALOG_CHECK_H
#define STORE_CATALOG_CHECK_H

#include "base/error.h"
#include "proto/tacho.pb-c.h"

#include <stddef.h>
#include <string.h>

/* What of it has to be kept. Texts are counted in bytes, an empty one takes none. */
struct catalog_extent {
	size_t pods, rows;
	size_t names;     /* the node's, its architecture, the containers' */
	size_t pod_names; /* the pods' namespaces and names */
	size_t uids;      /* the pods' */
};

/* Checks names and bounds as store.h says. 0, -EINVAL or -E2BIG. */
int catalog_check(const char *node, const Tacho__V1__Catalog *catalog,
	struct catalog_extent *ret_extent, struct error *err);

/* A field that is not there is an empty one. */
static inline const char *catalog_text(const char *field)
{
	return field ? field : "";
}

/* The room it takes. */
static inline size_t catalog_text_size(const char *field)
{
	return *catalog_text(field) ? strlen(field) + 1 : 0;
}

#endif
