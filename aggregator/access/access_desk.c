#include "aggregator/access/access_desk.h"

#include "aggregator/access/access_tally.h"
#include "aggregator/access/bearer.h"
#include "aggregator/access/certificate_user.h"
#include "aggregator/access/open_paths.h"
#include "aggregator/access/review_cache.h"
#include "aggregator/access/review_key.h"
#include "aggregator/access/static_token.h"
#include "aggregator/access/trust.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define LOG_NS (10 * NS_PER_SECOND) /* one line for as long, however many are refused */

struct access_desk {
	struct access_desk_options options;
	/* Of Kubernetes; without it they are NULL. */
	struct review_keys *keys;
	struct review_cache *caches[REVIEW_KINDS];
	struct trust_view trust;
	struct log_limit refusals;
};

struct access_peer {
	struct certificate_verdicts verdicts;
};

/* Where an answer goes: one of the two. */
struct asker {
	access_authenticated on_authenticated;
	access_authorized on_authorized;
	void *context;
};

/* Who waits for an answer of main's loop. */
struct access_pending {
	struct access_desk *desk;
	struct inquiry *inquiry;
	struct asker asker;
};

/* --- the whole -------------------------------------------------------------------------------- */

static bool open_caches(struct access_desk *desk)
{
	bool good = true;

	for (int kind = 0; kind < REVIEW_KINDS; kind++) {
		const struct review_cache_options cache = {
			.kind = (enum review_kind)kind,
			.max_entries = desk->options.max_cached,
			.max_bytes = desk->options.max_cached_bytes,
			.copies = true,
			.telemetry = desk->options.telemetry,
		};

		desk->caches[kind] = review_cache_new(&cache);
		good = good && desk->caches[kind];
	}
	return good;
}

struct access_desk *access_desk_new(const struct access_desk_options *options)
{
	struct access_desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		return NULL;
	desk->options = *options;
	if (options->token)
		return desk;
	desk->keys = review_keys_copy(options->keys);
	if (!open_caches(desk) || !desk->keys) {
		access_desk_free(desk);
		return NULL;
	}
	return desk;
}

void access_desk_free(struct access_desk *desk)
{
	if (!desk)
		return;
	/* Whoever waited has cancelled: what is still on its way there and back ends here. */
	if (!desk->options.token) {
		work_queue_run(desk->options.way.main);
		work_queue_run(desk->options.way.loop);
	}
	for (size_t i = 0; i < REVIEW_KINDS; i++)
		review_cache_free(desk->caches[i]);
	review_keys_free(desk->keys);
	trust_view_release(&desk->trust);
	free(desk);
}

bool access_desk_is_public(const struct access_desk *desk, const char *path)
{
	return desk->options.token && open_paths_are_probes(path);
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

/* --- what main's loop is asked ---------------------------------------------------------------- */

static struct access_pending *new_pending(struct access_desk *desk, struct asker asker)
{
	struct access_pending *pending = malloc(sizeof(*pending));

	if (pending)
		*pending = (struct access_pending){desk, NULL, asker};
	return pending;
}

/* Takes it apart; with what main said a copy is kept here. */
static struct asker end_wait(struct access_pending *pending, enum review_kind kind,
	const struct review_key *key, const struct inquiry_answer *answer)
{
	struct asker asker = pending->asker;

	if (!answer->failure)
		review_cache_put(
			pending->desk->caches[kind], key, &answer->review, clock_monotonic_ns());
	free(pending);
	return asker;
}

/* With or without an inquiry, for which there may have been no memory. */
static bool wait_for(struct access_pending *pending, struct inquiry *inquiry,
	struct access_pending **ret_pending)
{
	if (!inquiry) {
		free(pending);
		return false;
	}
	pending->inquiry = inquiry;
	*ret_pending = pending;
	return true;
}

void access_desk_cancel(struct access_pending *pending)
{
	inquiry_cancel(pending->inquiry);
	free(pending);
}

/* --- who asks --------------------------------------------------------------------------------- */

static void refuse(
	struct access_desk *desk, struct asker asker, enum access_fault fault, const char *reason)
{
	static const enum access_result RESULTS[FAULTS] = {
		[FAULT_CERTIFICATE] = ACCESS_NO,
		[FAULT_TOKEN] = ACCESS_NO,
		[FAULT_REVIEW] = ACCESS_FAILED,
		[FAULT_BUSY] = ACCESS_BUSY,
	};
	uint64_t held_back;

	telemetry_add(desk->options.tally->faults[fault], 1);
	if (log_allowed(&desk->refusals, LOG_NS, &held_back))
		log_info("a request is refused: %s (%llu more were since the last line)", reason,
			(unsigned long long)held_back);
	asker.on_authenticated(asker.context, RESULTS[fault], NULL, reason);
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
	struct access_desk *desk, struct asker asker, enum access_method method, struct user *user)
{
	if (complete_groups(user) < 0) {
		refuse(desk, asker, FAULT_REVIEW, "the user has too many groups");
	} else {
		telemetry_add(desk->options.tally->let_in[method], 1);
		asker.on_authenticated(asker.context, ACCESS_YES, user, "");
	}
	user_free(user);
}

/* Someone whom the program itself knows. */
static void let_in_copy(struct access_desk *desk, struct asker asker, enum access_method method,
	const struct user *user)
{
	struct user copy;

	if (user_copy(user, &copy) < 0) {
		refuse(desk, asker, FAULT_REVIEW, "memory is short");
		return;
	}
	telemetry_add(desk->options.tally->let_in[method], 1);
	asker.on_authenticated(asker.context, ACCESS_YES, &copy, "");
	user_free(&copy);
}

static void let_in_anonymous(struct access_desk *desk, struct asker asker)
{
	static char name[] = USER_ANONYMOUS, group[] = GROUP_UNAUTHENTICATED;
	char *groups[] = {group};
	const struct user user = {.name = name, .groups = groups, .group_count = 1};

	let_in_copy(desk, asker, METHOD_ANONYMOUS, &user);
}

/* What kube-apiserver says of a token. */
static void token_answered(struct access_desk *desk, struct asker asker,
	const struct review_answer *answer, const char *failure)
{
	struct user user = {0};

	if (failure)
		refuse(desk, asker, FAULT_REVIEW, failure);
	else if (!answer->yes || !answer->user || !answer->user->name || !*answer->user->name)
		refuse(desk, asker, FAULT_TOKEN, "invalid bearer token");
	else if (user_copy(answer->user, &user) < 0)
		refuse(desk, asker, FAULT_REVIEW, "memory is short");
	else
		let_in(desk, asker, METHOD_TOKEN, &user);
}

static void token_arrived(
	void *context, const struct review_key *key, const struct inquiry_answer *answer)
{
	struct access_pending *pending = context;
	struct access_desk *desk = pending->desk;
	struct asker asker = end_wait(pending, REVIEW_TOKEN, key, answer);

	if (answer->busy)
		refuse(desk, asker, FAULT_BUSY, answer->failure);
	else
		token_answered(desk, asker, &answer->review, answer->failure);
}

static void by_token(struct access_desk *desk, struct asker asker, const char *token, size_t length,
	struct access_pending **ret_pending)
{
	struct review_key key;
	struct review_answer answer;
	struct access_pending *pending;

	if (review_key_of_token(desk->keys, token, length, &key) < 0) {
		refuse(desk, asker, FAULT_REVIEW, "memory is short");
		return;
	}
	if (review_cache_get(desk->caches[REVIEW_TOKEN], &key, clock_monotonic_ns(), &answer)) {
		token_answered(desk, asker, &answer, NULL);
		return;
	}
	pending = new_pending(desk, asker);
	if (!pending || !wait_for(pending,
				inquiry_about_token(&desk->options.way, &key, token, length,
					token_arrived, pending),
				ret_pending))
		refuse(desk, asker, FAULT_REVIEW, "memory is short");
}

static void by_static_token(
	struct access_desk *desk, struct asker asker, const char *token, size_t length)
{
	static char name[] = "standalone", masters[] = GROUP_MASTERS,
		    authenticated[] = GROUP_AUTHENTICATED;
	char *groups[] = {masters, authenticated};
	const struct user user = {.name = name, .groups = groups, .group_count = 2};

	if (!token || !static_token_is(desk->options.token, token, length)) {
		refuse(desk, asker, FAULT_TOKEN, token ? "invalid bearer token" : "no token");
		return;
	}
	let_in_copy(desk, asker, METHOD_STATIC_TOKEN, &user);
}

void access_desk_authenticate(struct access_desk *desk, SSL *tls, struct access_peer *peer,
	const struct evkeyvalq *headers, access_authenticated on_result, void *context,
	struct access_pending **ret_pending)
{
	struct asker asker = {.on_authenticated = on_result, .context = context};
	struct user user = {0};
	struct error err;
	size_t length = 0;
	const char *token = bearer_token(headers, &length);
	bool front_proxy = false;
	int r;

	*ret_pending = NULL;
	if (desk->options.token) {
		by_static_token(desk, asker, token, length);
		return;
	}
	r = certificate_user(trust_now(desk->options.trust, &desk->trust), tls, &peer->verdicts,
		headers, &user, &front_proxy, &err);
	if (r > 0)
		let_in(desk, asker, front_proxy ? METHOD_FRONT_PROXY : METHOD_CERTIFICATE, &user);
	else if (token && length > ACCESS_MAX_TOKEN)
		refuse(desk, asker, FAULT_TOKEN, "the bearer token is too long");
	else if (token)
		by_token(desk, asker, token, length, ret_pending);
	else if (r < 0)
		refuse(desk, asker, FAULT_CERTIFICATE, err.message);
	else
		let_in_anonymous(desk, asker);
}

/* --- whether they may ------------------------------------------------------------------------- */

static void decide(struct access_desk *desk, enum access_decision decision, const char *reason,
	struct asker asker)
{
	static const enum access_result RESULTS[DECISIONS] = {
		[DECISION_MASTERS] = ACCESS_YES,
		[DECISION_OPEN_PATH] = ACCESS_YES,
		[DECISION_ALLOWED] = ACCESS_YES,
		[DECISION_DENIED] = ACCESS_NO,
		[DECISION_FAILED] = ACCESS_FAILED,
		[DECISION_BUSY] = ACCESS_BUSY,
	};

	telemetry_add(desk->options.tally->decisions[decision], 1);
	asker.on_authorized(asker.context, RESULTS[decision], reason);
}

static void access_answered(
	struct access_desk *desk, struct asker asker, const struct review_answer *answer)
{
	decide(desk, answer->yes ? DECISION_ALLOWED : DECISION_DENIED, answer->reason, asker);
}

static void access_arrived(
	void *context, const struct review_key *key, const struct inquiry_answer *answer)
{
	struct access_pending *pending = context;
	struct access_desk *desk = pending->desk;
	struct asker asker = end_wait(pending, REVIEW_ACCESS, key, answer);

	if (answer->failure)
		decide(desk, answer->busy ? DECISION_BUSY : DECISION_FAILED, answer->failure,
			asker);
	else
		access_answered(desk, asker, &answer->review);
}

static void by_review(struct access_desk *desk, const struct access_attributes *attributes,
	struct asker asker, struct access_pending **ret_pending)
{
	struct review_key key;
	struct review_answer answer;
	struct access_pending *pending;

	if (review_key_of_attributes(desk->keys, attributes, &key) < 0) {
		decide(desk, DECISION_FAILED, "memory is short", asker);
		return;
	}
	if (review_cache_get(desk->caches[REVIEW_ACCESS], &key, clock_monotonic_ns(), &answer)) {
		access_answered(desk, asker, &answer);
		return;
	}
	pending = new_pending(desk, asker);
	if (!pending || !wait_for(pending,
				inquiry_about_access(&desk->options.way, &key, attributes,
					access_arrived, pending),
				ret_pending))
		decide(desk, DECISION_FAILED, "memory is short", asker);
}

void access_desk_authorize(struct access_desk *desk, const struct access_attributes *attributes,
	access_authorized on_result, void *context, struct access_pending **ret_pending)
{
	struct asker asker = {.on_authorized = on_result, .context = context};

	*ret_pending = NULL;
	if (user_in_group(attributes->user, GROUP_MASTERS))
		decide(desk, DECISION_MASTERS, "", asker);
	else if (!attributes->resource_request &&
		 open_paths_have(desk->options.open_paths, attributes->path))
		decide(desk, DECISION_OPEN_PATH, "", asker);
	else if (desk->options.token)
		decide(desk, DECISION_DENIED, "", asker);
	else
		by_review(desk, attributes, asker, ret_pending);
}
