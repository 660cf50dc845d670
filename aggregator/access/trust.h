/* Whom to believe: the authorities of clients and of the front proxy, and the front proxy's names
 * and headers; from files and flags, and for what those do not say from what kube-apiserver
 * publishes. All of it may change at any time. */
#ifndef ACCESS_TRUST_H
#define ACCESS_TRUST_H

#include "aggregator/access/ca_bundle.h"
#include "aggregator/access/front_proxy.h"
#include "aggregator/kube/auth_config.h"
#include "aggregator/kube/kube_client.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>

#define TRUST_POLL_MS 1000 /* how often the files are looked at */

struct trust_options {
	struct kube_client *client;
	struct event_base *base;
	/* NULL or "": as published. With a front proxy's CA of its own what is published about
	 * the front proxy does not count: empty lists are Kubernetes' defaults then. */
	const char *client_ca_file, *proxy_ca_file;
	const struct string_list *username_headers, *uid_headers, *group_headers, *extra_prefixes;
	const struct string_list *allowed_names;
	struct telemetry *telemetry;
};

struct trust;

/* Copies what it needs; client, base and telemetry must outlive it. Watches what is published
 * unless both files are given. NULL and a message: a file that can't be read or has no certificate,
 * memory. */
struct trust *trust_new(const struct trust_options *options, struct error *err);
void trust_free(struct trust *trust);

/* False until it has been read what is published. */
bool trust_loaded(const struct trust *trust);

/* They belong to the trust. */
const struct ca_bundle *trust_client_ca(const struct trust *trust);
const struct ca_bundle *trust_proxy_ca(const struct trust *trust);
struct front_proxy_names trust_proxy_headers(const struct trust *trust);

/* Whether a certificate of the front proxy's CA may have that common name. */
bool trust_allows_proxy(const struct trust *trust, const char *name);

#endif
