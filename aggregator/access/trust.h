/* Whom to believe: the authorities of clients and of the front proxy, and the front proxy's names
 * and headers; from files and flags, and for what those do not say from what kube-apiserver
 * publishes. All of it may change at any time: it is followed in main's loop, which puts a new
 * snapshot in place of the last one. */
#ifndef ACCESS_TRUST_H
#define ACCESS_TRUST_H

#include "aggregator/access/trust_snapshot.h"
#include "aggregator/kube/auth_config.h"
#include "aggregator/kube/kube_client.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

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

/* False until it has been read what is published. Any thread. */
bool trust_loaded(const struct trust *trust);

/* One thread's hold of what is believed. Zero it; release it before the trust is freed. */
struct trust_view {
	struct trust_snapshot *snapshot;
	uint64_t version;
};

/* What is believed now; it lives until the view is used again. Any thread, each with a view of its
 * own: while nothing changes it costs one atomic look, and no lock. */
const struct trust_snapshot *trust_now(struct trust *trust, struct trust_view *view);
void trust_view_release(struct trust_view *view);

#endif
