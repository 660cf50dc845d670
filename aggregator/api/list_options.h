/* The query of a list (meta.k8s.io/v1 ListOptions), checked in Kubernetes' order. */
#ifndef API_LIST_OPTIONS_H
#define API_LIST_OPTIONS_H

#include "aggregator/api/field_selector.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/request.h"
#include "aggregator/api/status.h"

/* limit, continue, resourceVersion and timeoutSeconds are checked and have no effect: a list is
 * always whole. */
struct list_options {
	struct label_selector *labels; /* the caller's; NULL: everything */
	struct field_selector *fields;
};

/* True when the list can be answered. Otherwise *ret_status says why not: a malformed value (400),
 * watch=true (405), values that don't go together (422). `group` and `resource` name what is
 * listed. */
bool list_options_parse(const struct request *request, const char *group, const char *resource,
	struct list_options *ret_options, struct status *ret_status);

/* The name that the query's fieldSelector wants; NULL when it wants none, when the query is not
 * well-formed, or memory is short. free() it. */
char *list_options_name(const struct request *request);

#endif
