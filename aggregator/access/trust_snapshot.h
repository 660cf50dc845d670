/* Whom to believe, as it was at one moment: what trust.h found in files and was told by
 * kube-apiserver. Nothing in it changes, so that any thread reads it without a lock; it lives as
 * long as somebody holds it. */
#ifndef ACCESS_TRUST_SNAPSHOT_H
#define ACCESS_TRUST_SNAPSHOT_H

#include "aggregator/access/ca_bundle.h"
#include "aggregator/access/front_proxy.h"
#include "base/string_list.h"

#include <stdbool.h>

struct trust_snapshot;

/* Everything is copied. */
struct trust_snapshot_options {
	bool loaded;
	const struct ca_bundle *client_ca, *proxy_ca;
	struct front_proxy_names headers;
	const struct string_list *allowed_names; /* empty: any */
};

/* Held once. NULL when memory is short. */
struct trust_snapshot *trust_snapshot_new(const struct trust_snapshot_options *options);

/* Any thread. The last one who releases it frees it; NULL is fine. */
struct trust_snapshot *trust_snapshot_hold(struct trust_snapshot *snapshot);
void trust_snapshot_release(struct trust_snapshot *snapshot);

/* False until it has been read what is published. */
bool trust_snapshot_loaded(const struct trust_snapshot *snapshot);

/* They belong to the snapshot. */
const struct ca_bundle *trust_snapshot_client_ca(const struct trust_snapshot *snapshot);
const struct ca_bundle *trust_snapshot_proxy_ca(const struct trust_snapshot *snapshot);
struct front_proxy_names trust_snapshot_proxy_headers(const struct trust_snapshot *snapshot);

/* Whether a certificate of the front proxy's CA may have that common name. */
bool trust_snapshot_allows_proxy(const struct trust_snapshot *snapshot, const char *name);

#endif
