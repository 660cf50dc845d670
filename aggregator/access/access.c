#include "aggregator/access/access.h"

#include "aggregator/access/access_tally.h"
#include "aggregator/access/open_paths.h"
#include "aggregator/access/review_key.h"
#include "aggregator/access/reviewer.h"
#include "aggregator/access/trust.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct access {
	struct telemetry *telemetry;
	struct open_paths *open_paths;
	struct access_tally tally;
	char *token; /* standalone's; what follows is NULL then */
	struct trust *trust;
	struct reviewer *reviewer;
	struct review_keys *keys;
	struct work_queue *questions; /* of the desks */
};

static int prepare_reviewer(
	struct access *access, const struct access_options *options, struct error *err)
{
	const struct reviewer_options reviewer = {
		.client = options->client,
		.token_ttl_ns = options->token_ttl_ns ? options->token_ttl_ns : ACCESS_TTL_NS,
		.allow_ttl_ns = options->allow_ttl_ns ? options->allow_ttl_ns : ACCESS_TTL_NS,
		.deny_ttl_ns = options->deny_ttl_ns ? options->deny_ttl_ns : ACCESS_TTL_NS,
		.max_cached = ACCESS_MAX_CACHED / 2,
		.max_cached_bytes = ACCESS_MAX_CACHED_BYTES / 2,
		.max_asked = options->max_reviews ? options->max_reviews : ACCESS_MAX_REVIEWS,
		.max_waiting = options->max_waiting ? options->max_waiting : ACCESS_MAX_WAITING,
		.telemetry = options->telemetry,
	};

	access->reviewer = reviewer_new(&reviewer);
	access->keys = review_keys_new();
	if (!access->reviewer || !access->keys)
		return error_errno(err, ENOMEM, "preparing authentication");
	access->questions = work_queue_new(options->base, NULL, NULL, err);
	return access->questions ? 0 : -ENOMEM;
}

static int prepare_trust(
	struct access *access, const struct access_options *options, struct error *err)
{
	const struct trust_options trust = {
		.client = options->client,
		.base = options->base,
		.client_ca_file = options->client_ca_file,
		.proxy_ca_file = options->requestheader_ca_file,
		.username_headers = &options->username_headers,
		.uid_headers = &options->uid_headers,
		.group_headers = &options->group_headers,
		.extra_prefixes = &options->extra_prefixes,
		.allowed_names = &options->allowed_names,
		.telemetry = options->telemetry,
	};

	access->trust = trust_new(&trust, err);
	return access->trust ? 0 : -EINVAL;
}

static int prepare(struct access *access, const struct access_options *options, struct error *err)
{
	int r;

	access->telemetry = options->telemetry;
	access_tally_register(&access->tally, options->telemetry);
	access->open_paths = open_paths_new(&options->always_allow_paths, err);
	if (!access->open_paths)
		return -EINVAL;
	if (options->token) {
		access->token = strdup(options->token);
		return access->token ? 0 : error_errno(err, ENOMEM, "preparing authentication");
	}
	r = prepare_reviewer(access, options, err);
	return r < 0 ? r : prepare_trust(access, options, err);
}

struct access *access_new(const struct access_options *options, struct error *err)
{
	struct access *access = calloc(1, sizeof(*access));

	if (!access) {
		(void)error_errno(err, ENOMEM, "preparing authentication");
		return NULL;
	}
	if (prepare(access, options, err) < 0) {
		access_free(access);
		return NULL;
	}
	return access;
}

void access_free(struct access *access)
{
	if (!access)
		return;
	work_queue_free(access->questions);
	reviewer_free(access->reviewer);
	review_keys_free(access->keys);
	trust_free(access->trust);
	open_paths_free(access->open_paths);
	if (access->token)
		OPENSSL_cleanse(access->token, strlen(access->token));
	free(access->token);
	free(access);
}

bool access_loaded(const struct access *access)
{
	return access->token || trust_loaded(access->trust);
}

struct access_desk *access_open_desk(struct access *access, struct work_queue *loop, uint32_t share)
{
	const struct access_desk_options desk = {
		.token = access->token,
		.open_paths = access->open_paths,
		.tally = &access->tally,
		.trust = access->trust,
		.keys = access->keys,
		.way = {access->reviewer, access->questions, loop},
		.max_cached = ACCESS_MAX_CACHED / 2 / share,
		.max_cached_bytes = ACCESS_MAX_CACHED_BYTES / 2 / share,
		.telemetry = access->telemetry,
	};

	return access_desk_new(&desk);
}
