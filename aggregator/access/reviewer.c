#include "aggregator/access/reviewer.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

struct reviewer {
	struct reviewer_options options;
	struct review_keys *keys;
	struct review_cache *tokens, *accesses;
	struct questions *questions;
};

static void keep_answer(
	void *context, bool token, const struct review_key *key, const struct review_answer *answer)
{
	struct reviewer *reviewer = context;
	uint64_t now_ns = clock_monotonic_ns(), ttl_ns = reviewer->options.deny_ttl_ns;

	if (token)
		ttl_ns = reviewer->options.token_ttl_ns;
	else if (answer->yes)
		ttl_ns = reviewer->options.allow_ttl_ns;
	review_cache_put(token ? reviewer->tokens : reviewer->accesses, key, answer,
		now_ns + ttl_ns, now_ns);
}

struct reviewer *reviewer_new(const struct reviewer_options *options)
{
	struct reviewer *reviewer = calloc(1, sizeof(*reviewer));
	const struct questions_options questions = {
		.client = options->client,
		.max_asked = options->max_asked,
		.max_waiting = options->max_waiting,
		.telemetry = options->telemetry,
		.on_answer = keep_answer,
		.context = reviewer,
	};

	if (!reviewer)
		return NULL;
	reviewer->options = *options;
	reviewer->keys = review_keys_new();
	reviewer->tokens = review_cache_new(options->max_cached, "token", options->telemetry);
	reviewer->accesses = review_cache_new(options->max_cached, "access", options->telemetry);
	reviewer->questions = questions_new(&questions);
	if (!reviewer->keys || !reviewer->tokens || !reviewer->accesses || !reviewer->questions) {
		reviewer_free(reviewer);
		return NULL;
	}
	return reviewer;
}

void reviewer_free(struct reviewer *reviewer)
{
	if (!reviewer)
		return;
	questions_free(reviewer->questions);
	review_cache_free(reviewer->tokens);
	review_cache_free(reviewer->accesses);
	review_keys_free(reviewer->keys);
	free(reviewer);
}

int reviewer_know_token(struct reviewer *reviewer, const char *token, size_t length,
	struct review_key *ret_key, struct review_answer *ret_answer)
{
	int r = review_key_of_token(reviewer->keys, token, length, ret_key);

	return r < 0 ? r
		     : review_cache_get(
			       reviewer->tokens, ret_key, clock_monotonic_ns(), ret_answer);
}

int reviewer_know_access(struct reviewer *reviewer, const struct access_attributes *attributes,
	struct review_key *ret_key, struct review_answer *ret_answer)
{
	int r = review_key_of_attributes(reviewer->keys, attributes, ret_key);

	return r < 0 ? r
		     : review_cache_get(
			       reviewer->accesses, ret_key, clock_monotonic_ns(), ret_answer);
}

int reviewer_ask(struct reviewer *reviewer, const struct review_key *key,
	struct question_waiter *waiter, struct error *err)
{
	return questions_ask(reviewer->questions, key, waiter, err);
}

void reviewer_leave(struct reviewer *reviewer, struct question_waiter *waiter)
{
	questions_leave(reviewer->questions, waiter);
}
