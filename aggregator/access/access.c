#include "aggregator/access/access.h"

#include "aggregator/access/access_tally.h"
#include "aggregator/access/bearer.h"
#include "aggregator/access/certificate_user.h"
#include "aggregator/access/open_paths.h"
#include "aggregator/access/reviewer.h"
#include "aggregator/access/static_token.h"
#include "aggregator/access/trust.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define LOG_NS (10 * NS_PER_SECOND) /* one line for as long, however many are refused */

struct access {
	char *token; /* standalone's; trust and reviewer are NULL then */
	struct trust *trust;
	struct reviewer *reviewer;
	struct open_paths *open_paths;
	struct access_tally tally;
	struct log_limit refusals;
};

struct access_peer {
	struct certificate_verdicts verdicts;
};

/* Who waits for kube-apiserver's answer. */
struct access_pending {
	struct question_waiter waiter; /* first: it is what comes back */
	struct access *access;
	access_authenticated on_authenticated; /* one of the two */
	access_authorized on_authorized;
	void *context;
};

/* --- the whole -------------------------------------------------------------------------------- */

static int prepare_reviewer(
	struct access *access, const struct access_options *options, struct error *err)
{
	const struct reviewer_options reviewer = {
		.client = options->client,
		.token_ttl_ns = options->token_ttl_ns ? options->token_ttl_ns : ACCESS_TTL_NS,
		.allow_ttl_ns = options->allow_ttl_ns ? options->allow_ttl_ns : ACCESS_TTL_NS,
		.deny_ttl_ns = options->deny_ttl_ns ? options->deny_ttl_ns : ACCESS_TTL_NS,
		.max_cached = ACCESS_MAX_CACHED,
		.max_asked = options->max_reviews ? options->max_reviews : ACCESS_MAX_REVIEWS,
		.max_waiting = options->max_waiting ? options->max_waiting : ACCESS_MAX_WAITING,
		.telemetry = options->telemetry,
	};

	access->reviewer = reviewer_new(&reviewer);
	return access->reviewer ? 0 : error_errno(err, ENOMEM, "preparing authentication");
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
	reviewer_free(access->reviewer);
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

bool access_is_probe(const char *path)
{
	return open_paths_are_probes(path);
}

bool access_is_public(const struct access *access, const char *path)
{
	return access->token && open_paths_are_probes(path);
}

struct access_peer *access_peer_new(void)
{
	return calloc(1, sizeof(struct access_peer));
}

void access_peer_free(struct access_peer *peer)
{
	if (peer)
		free(peer->verdicts.name);
	free(peer);
}

/* Copies `wanted`, which waits from now on. 0, or as questions_ask(). */
static int ask(const struct access_pending *wanted, const struct review_key *key,
	struct access_pending **ret_pending, struct error *err)
{
	struct access_pending *pending = malloc(sizeof(*pending));
	int r;

	if (!pending)
		return error_errno(err, ENOMEM, "asking kube-apiserver");
	*pending = *wanted;
	r = reviewer_ask(pending->access->reviewer, key, &pending->waiter, err);
	if (r < 0)
		free(pending);
	else
		*ret_pending = pending;
	return r;
}

void access_cancel(struct access_pending *pending)
{
	reviewer_leave(pending->access->reviewer, &pending->waiter);
	free(pending);
}

/* --- who asks --------------------------------------------------------------------------------- */

/* Where an answer goes. */
struct asker {
	access_authenticated on_result;
	void *context;
};

static void refuse(
	struct access *access, struct asker asker, enum access_fault fault, const char *reason)
{
	static const enum access_result RESULTS[FAULTS] = {
		[FAULT_CERTIFICATE] = ACCESS_NO,
		[FAULT_TOKEN] = ACCESS_NO,
		[FAULT_REVIEW] = ACCESS_FAILED,
		[FAULT_BUSY] = ACCESS_BUSY,
	};
	uint64_t held_back;

	telemetry_add(access->tally.faults[fault], 1);
	if (log_allowed(&access->refusals, LOG_NS, &held_back))
		log_info("a request is refused: %s (%llu more were since the last line)", reason,
			(unsigned long long)held_back);
	asker.on_result(asker.context, RESULTS[fault], NULL, reason);
}

/* Kubernetes' rule: who is known is authenticated, but for whom a proxy names anonymous. */
static int complete_groups(struct user *user)
{
	if (strcmp(user->name, USER_ANONYMOUS) == 0 || user_in_group(user, GROUP_AUTHENTICATED) ||
		user_in_group(user, GROUP_UNAUTHENTICATED))
		return 0;
	return user_add_group(user, GROUP_AUTHENTICATED);
}

/* Takes the user. */
static void let_in(
	struct access *access, struct asker asker, enum access_method method, struct user *user)
{
	if (complete_groups(user) < 0) {
		refuse(access, asker, FAULT_REVIEW, "the user has too many groups");
	} else {
		telemetry_add(access->tally.let_in[method], 1);
		asker.on_result(asker.context, ACCESS_YES, user, "");
	}
	user_free(user);
}

/* Someone whom the program itself knows. */
static void let_in_copy(struct access *access, struct asker asker, enum access_method method,
	const struct user *user)
{
	struct user copy;

	if (user_copy(user, &copy) < 0) {
		refuse(access, asker, FAULT_REVIEW, "memory is short");
		return;
	}
	telemetry_add(access->tally.let_in[method], 1);
	asker.on_result(asker.context, ACCESS_YES, &copy, "");
	user_free(&copy);
}

static void let_in_anonymous(struct access *access, struct asker asker)
{
	static char name[] = USER_ANONYMOUS, group[] = GROUP_UNAUTHENTICATED;
	char *groups[] = {group};
	const struct user user = {.name = name, .groups = groups, .group_count = 1};

	let_in_copy(access, asker, METHOD_ANONYMOUS, &user);
}

/* What kube-apiserver says of a token. */
static void token_answered(struct access *access, struct asker asker,
	const struct review_answer *answer, const char *failure)
{
	struct user user = {0};

	if (failure)
		refuse(access, asker, FAULT_REVIEW, failure);
	else if (!answer->yes || !answer->user || !answer->user->name || !*answer->user->name)
		refuse(access, asker, FAULT_TOKEN, "invalid bearer token");
	else if (user_copy(answer->user, &user) < 0)
		refuse(access, asker, FAULT_REVIEW, "memory is short");
	else
		let_in(access, asker, METHOD_TOKEN, &user);
}

static void token_arrived(
	struct question_waiter *waiter, const struct review_answer *answer, const char *failure)
{
	struct access_pending *pending = (struct access_pending *)waiter;
	struct access *access = pending->access;
	struct asker asker = {pending->on_authenticated, pending->context};

	free(pending);
	token_answered(access, asker, answer, failure);
}

static void by_token(struct access *access, struct asker asker, const char *token, size_t length,
	struct access_pending **ret_pending)
{
	const struct access_pending pending = {
		.waiter = {.token = token, .token_length = length, .on_answer = token_arrived},
		.access = access,
		.on_authenticated = asker.on_result,
		.context = asker.context,
	};
	struct review_key key;
	struct review_answer answer;
	struct error err = {"memory is short"};
	int r = reviewer_know_token(access->reviewer, token, length, &key, &answer);

	if (r > 0) {
		token_answered(access, asker, &answer, NULL);
		return;
	}
	if (r == 0)
		r = ask(&pending, &key, ret_pending, &err);
	if (r < 0)
		refuse(access, asker, r == -EBUSY ? FAULT_BUSY : FAULT_REVIEW, err.message);
}

static void by_static_token(
	struct access *access, struct asker asker, const char *token, size_t length)
{
	static char name[] = "standalone", masters[] = GROUP_MASTERS,
		    authenticated[] = GROUP_AUTHENTICATED;
	char *groups[] = {masters, authenticated};
	const struct user user = {.name = name, .groups = groups, .group_count = 2};

	if (!token || !static_token_is(access->token, token, length)) {
		refuse(access, asker, FAULT_TOKEN, token ? "invalid bearer token" : "no token");
		return;
	}
	let_in_copy(access, asker, METHOD_STATIC_TOKEN, &user);
}

void access_authenticate(struct access *access, SSL *tls, struct access_peer *peer,
	const struct evkeyvalq *headers, access_authenticated on_result, void *context,
	struct access_pending **ret_pending)
{
	struct asker asker = {on_result, context};
	struct user user = {0};
	struct error err;
	size_t length = 0;
	const char *token = bearer_token(headers, &length);
	bool front_proxy = false;
	int r;

	*ret_pending = NULL;
	if (access->token) {
		by_static_token(access, asker, token, length);
		return;
	}
	r = certificate_user(
		access->trust, tls, &peer->verdicts, headers, &user, &front_proxy, &err);
	if (r > 0)
		let_in(access, asker, front_proxy ? METHOD_FRONT_PROXY : METHOD_CERTIFICATE, &user);
	else if (token && length > ACCESS_MAX_TOKEN)
		refuse(access, asker, FAULT_TOKEN, "the bearer token is too long");
	else if (token)
		by_token(access, asker, token, length, ret_pending);
	else if (r < 0)
		refuse(access, asker, FAULT_CERTIFICATE, err.message);
	else
		let_in_anonymous(access, asker);
}

/* --- whether they may ------------------------------------------------------------------------- */

static void decide(struct access *access, enum access_decision decision, const char *reason,
	access_authorized on_result, void *context)
{
	static const enum access_result RESULTS[DECISIONS] = {
		[DECISION_MASTERS] = ACCESS_YES,
		[DECISION_OPEN_PATH] = ACCESS_YES,
		[DECISION_ALLOWED] = ACCESS_YES,
		[DECISION_DENIED] = ACCESS_NO,
		[DECISION_FAILED] = ACCESS_FAILED,
		[DECISION_BUSY] = ACCESS_BUSY,
	};

	telemetry_add(access->tally.decisions[decision], 1);
	on_result(context, RESULTS[decision], reason);
}

static void access_arrived(
	struct question_waiter *waiter, const struct review_answer *answer, const char *failure)
{
	struct access_pending *pending = (struct access_pending *)waiter;
	struct access_pending asked = *pending;

	free(pending);
	if (failure)
		decide(asked.access, DECISION_FAILED, failure, asked.on_authorized, asked.context);
	else
		decide(asked.access, answer->yes ? DECISION_ALLOWED : DECISION_DENIED,
			answer->reason, asked.on_authorized, asked.context);
}

static void by_review(struct access *access, const struct access_attributes *attributes,
	access_authorized on_result, void *context, struct access_pending **ret_pending)
{
	const struct access_pending pending = {
		.waiter = {.attributes = attributes, .on_answer = access_arrived},
		.access = access,
		.on_authorized = on_result,
		.context = context,
	};
	struct review_key key;
	struct review_answer answer;
	struct error err = {"memory is short"};
	int r = reviewer_know_access(access->reviewer, attributes, &key, &answer);

	if (r > 0) {
		decide(access, answer.yes ? DECISION_ALLOWED : DECISION_DENIED, answer.reason,
			on_result, context);
		return;
	}
	if (r == 0)
		r = ask(&pending, &key, ret_pending, &err);
	if (r < 0)
		decide(access, r == -EBUSY ? DECISION_BUSY : DECISION_FAILED, err.message,
			on_result, context);
}

void access_authorize(struct access *access, const struct access_attributes *attributes,
	access_authorized on_result, void *context, struct access_pending **ret_pending)
{
	*ret_pending = NULL;
	if (user_in_group(attributes->user, GROUP_MASTERS))
		decide(access, DECISION_MASTERS, "", on_result, context);
	else if (!attributes->resource_request &&
		 open_paths_have(access->open_paths, attributes->path))
		decide(access, DECISION_OPEN_PATH, "", on_result, context);
	else if (access->token)
		decide(access, DECISION_DENIED, "", on_result, context);
	else
		by_review(access, attributes, on_result, context, ret_pending);
}
