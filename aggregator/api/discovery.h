/* The documents from which clients learn what is served: in the legacy form one each for the root,
 * a group and a version, in the aggregated form one for all. */
#ifndef API_DISCOVERY_H
#define API_DISCOVERY_H

#include "base/buffer.h"

#include <stdbool.h>

#define DISCOVERY_METRICS_GROUP "metrics.k8s.io"

enum discovery_form {
	DISCOVERY_LEGACY,
	DISCOVERY_V2,       /* apidiscovery.k8s.io/v2 */
	DISCOVERY_V2BETA1,  /* apidiscovery.k8s.io/v2beta1 */
	DISCOVERY_UNSERVED, /* no clause of the Accept header can be met */
};

/* The form that /api and /apis are wanted in. `accept` may be NULL. */
enum discovery_form discovery_negotiate(const char *accept);

/* The Content-Type of an answer in that form. */
const char *discovery_content_type(enum discovery_form form);

/* Each appends a document of compact JSON with a newline at its end. */
void discovery_write_core_versions(struct buffer *out);  /* /api: APIVersions */
void discovery_write_core_resources(struct buffer *out); /* /api/v1: APIResourceList */
/* /apis: APIGroupList; with `custom` that group is in it too, as below */
void discovery_write_groups(bool custom, struct buffer *out);
void discovery_write_group(struct buffer *out); /* /apis/metrics.k8s.io: APIGroup */
/* /apis/metrics.k8s.io/<version>: APIResourceList */
void discovery_write_resources(const char *version, struct buffer *out);
/* APIGroupDiscoveryList of /apis and of /api; `form` is no legacy one. */
void discovery_write_aggregated(enum discovery_form form, bool custom, struct buffer *out);
void discovery_write_core_aggregated(enum discovery_form form, struct buffer *out);

#define DISCOVERY_ETAG_BYTES 67 /* two quotes, SHA-256 in hex, NUL */

/* The quoted entity tag of a document. */
void discovery_etag(const struct buffer *document, char ret_etag[DISCOVERY_ETAG_BYTES]);

/* True when the If-None-Match header (may be NULL) names the tag. */
bool discovery_etag_matches(const char *if_none_match, const char *etag);

#endif
