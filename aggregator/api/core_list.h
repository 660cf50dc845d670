/* A list of v1 Nodes, Pods or Namespaces as JSON, page by page out of the store. */
#ifndef API_CORE_LIST_H
#define API_CORE_LIST_H

#include "aggregator/api/exchange.h"
#include "aggregator/api/list_options.h"
#include "aggregator/store/store.h"

enum core_kind {
	CORE_NODES,
	CORE_PODS,
	CORE_NAMESPACES, /* those that have pods */
};

/* `namespace` NULL: all; `pretty`: indented. Takes the selectors of `options`, also when it fails.
 * Sets *ret_source and returns true, or false when memory is short. */
bool core_list_open(struct store *store, enum core_kind kind, const char *namespace,
	const struct list_options *options, bool pretty, struct page_source *ret_source);

#endif
