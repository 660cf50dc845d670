/* Path and query of lists and watches of one resource. */
#ifndef KUBE_RESOURCE_QUERY_H
#define KUBE_RESOURCE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#define RESOURCE_QUERY_LIMIT 500 /* objects of a page, as client-go's pager asks */

/* Texts are not owned; selectors may be NULL or "". */
struct resource {
	const char *name; /* "pods": for log and metrics */
	const char *path; /* "/api/v1/pods" */
	const char *field_selector, *label_selector;
};

struct list_query {
	/* NULL or "": the newest, by a read of etcd; "0": whatever the server has at hand; else
	 * not older than this. */
	const char *resource_version;
	bool paged;                 /* in pages of RESOURCE_QUERY_LIMIT */
	const char *continue_token; /* of a further page; then the version is not sent */
};

struct watch_query {
	const char *resource_version; /* the same; of a plain watch: behind it */
	bool initial_events;          /* begins with all objects that there are (WatchList) */
	uint32_t timeout_s;
};

/* NULL when memory is short; the caller frees it. */
char *resource_query_list(const struct resource *resource, const struct list_query *query);
char *resource_query_watch(const struct resource *resource, const struct watch_query *query);

#endif
