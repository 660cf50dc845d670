#include "aggregator/access/trust_snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>

struct trust_snapshot {
	_Atomic unsigned holders;
	bool loaded;
	struct ca_bundle *client_ca, *proxy_ca;
	struct string_list username, uid, group, extra_prefixes, allowed_names;
};

struct trust_snapshot *trust_snapshot_new(const struct trust_snapshot_options *options)
{
	const struct front_proxy_names *headers = &options->headers;
	struct trust_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return NULL;
	atomic_init(&snapshot->holders, 1);
	snapshot->loaded = options->loaded;
	snapshot->client_ca = ca_bundle_copy(options->client_ca);
	snapshot->proxy_ca = ca_bundle_copy(options->proxy_ca);
	if (snapshot->client_ca && snapshot->proxy_ca &&
		string_list_add_all(&snapshot->username, headers->username) == 0 &&
		string_list_add_all(&snapshot->uid, headers->uid) == 0 &&
		string_list_add_all(&snapshot->group, headers->group) == 0 &&
		string_list_add_all(&snapshot->extra_prefixes, headers->extra_prefixes) == 0 &&
		string_list_add_all(&snapshot->allowed_names, options->allowed_names) == 0)
		return snapshot;
	trust_snapshot_release(snapshot);
	return NULL;
}

struct trust_snapshot *trust_snapshot_hold(struct trust_snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->holders, 1);
	return snapshot;
}

void trust_snapshot_release(struct trust_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->holders, 1) > 1)
		return;
	ca_bundle_free(snapshot->client_ca);
	ca_bundle_free(snapshot->proxy_ca);
	string_list_free(&snapshot->username);
	string_list_free(&snapshot->uid);
	string_list_free(&snapshot->group);
	string_list_free(&snapshot->extra_prefixes);
	string_list_free(&snapshot->allowed_names);
	free(snapshot);
}

bool trust_snapshot_loaded(const struct trust_snapshot *snapshot)
{
	return snapshot->loaded;
}

const struct ca_bundle *trust_snapshot_client_ca(const struct trust_snapshot *snapshot)
{
	return snapshot->client_ca;
}

const struct ca_bundle *trust_snapshot_proxy_ca(const struct trust_snapshot *snapshot)
{
	return snapshot->proxy_ca;
}

struct front_proxy_names trust_snapshot_proxy_headers(const struct trust_snapshot *snapshot)
{
	return (struct front_proxy_names){
		.username = &snapshot->username,
		.uid = &snapshot->uid,
		.group = &snapshot->group,
		.extra_prefixes = &snapshot->extra_prefixes,
	};
}

bool trust_snapshot_allows_proxy(const struct trust_snapshot *snapshot, const char *name)
{
	return snapshot->allowed_names.count == 0 ||
	       string_list_has(&snapshot->allowed_names, name);
}
