/* What kube-apiserver publishes for aggregated API servers in ConfigMap
 * kube-system/extension-apiserver-authentication: whom to believe that it is the front proxy, and
 * which CA signs clients. Watched; the last good one is kept when a new one can't be used. */
#ifndef KUBE_AUTH_CONFIG_H
#define KUBE_AUTH_CONFIG_H

#include "aggregator/kube/kube_client.h"
#include "base/string_list.h"

#include <stdbool.h>
#include <stddef.h>

#define AUTH_CONFIG_MAX_NAMES 64 /* in each list */

/* NULL or empty: not published. */
struct auth_config {
	char *client_ca_pem;
	char *requestheader_ca_pem;
	struct string_list username_headers, uid_headers, group_headers, extra_prefixes;
	struct string_list allowed_names; /* empty: any */
};

/* Frees the parts. */
void auth_config_free(struct auth_config *config);

/* Reads the ConfigMap's object (JSON). 0 or -EINVAL with a message that names the key; a key that
 * is absent is empty. */
int auth_config_parse(
	const void *json, size_t size, struct auth_config *ret_config, struct error *err);

/* Whether they say the same. */
bool auth_config_same(const struct auth_config *a, const struct auth_config *b);

/* Lists and watches the one ConfigMap by its name, which is all that Role
 * extension-apiserver-authentication-reader allows. It is listed again whenever a watch ends, at
 * the latest after some minutes. */
struct auth_config_watch;

/* Begins at once. Calls `on_change` from the client's loop with each good version that differs from
 * the last one; it belongs to the watch and lives until the next call or the stop. When the
 * ConfigMap is deleted, or can't be used, the last good one stands. NULL and a message when memory
 * is short. */
struct auth_config_watch *auth_config_watch_start(struct kube_client *client,
	struct event_base *base, struct telemetry *telemetry,
	void (*on_change)(void *context, const struct auth_config *config), void *context,
	struct error *err);

/* Not from on_change. NULL is fine. */
void auth_config_watch_stop(struct auth_config_watch *watch);

#endif
