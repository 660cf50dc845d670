/* One YAML (or JSON) document as a tree, with bounds: for configuration files that people write.
 *
 * Aliases, merge keys and a second document are refused, and so are keys that stand twice in one
 * mapping: what a reader of the file sees is what we take. */
#ifndef KUBE_YAML_TREE_H
#define KUBE_YAML_TREE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_TREE_MAX_DEPTH 32
#define YAML_TREE_MAX_NODES 65536
#define YAML_TREE_MAX_KEYS  1024 /* of one mapping */

enum yaml_kind {
	YAML_NULL, /* null, ~, nothing */
	YAML_SCALAR,
	YAML_SEQUENCE,
	YAML_MAPPING,
};

struct yaml_node {
	enum yaml_kind kind;
	bool quoted;  /* a scalar in quotes or a block: a string whatever it looks like */
	size_t line;  /* from 1 */
	char *key;    /* in a mapping; otherwise NULL */
	char *text;   /* of a scalar; no NUL is in it */
	size_t count; /* of the members of a collection */
	struct yaml_node *parent, *first, *last, *next;
};

/* NULL and a message with the line when it is not well-formed or beyond a bound. An empty document
 * is a YAML_NULL. */
struct yaml_node *yaml_tree_parse(const void *data, size_t size, struct error *err);

/* Wipes the texts: there may be secrets among them. NULL is fine. */
void yaml_tree_free(struct yaml_node *root);

/* The value of `key`; NULL when `mapping` is NULL or no mapping, or the value is absent or null. */
const struct yaml_node *yaml_tree_get(const struct yaml_node *mapping, const char *key);

#endif
