#include "aggregator/access/reviewer.h"

#include "base/clock.h"

#include <stdlib.h>

/* One kind. */
struct line {
	struct review_cache *cache;
	struct questions *questions;
};

struct reviewer {
	struct reviewer_options options;
	struct line lines[REVIEW_KINDS];
};

static void keep(struct reviewer *reviewer, enum review_kind kind, uint64_t ttl_ns,
	const struct review_key *key, struct review_answer *answer)
{
	uint64_t now_ns = clock_monotonic_ns();

	answer->until_ns = now_ns + ttl_ns;
	review_cache_put(reviewer->lines[kind].cache, key, answer, now_ns);
}

static void keep_token(void *context, const struct review_key *key, struct review_answer *answer)
{
	struct reviewer *reviewer = context;

	keep(reviewer, REVIEW_TOKEN, reviewer->options.token_ttl_ns, key, answer);
}

static void keep_access(void *context, const struct review_key *key, struct review_answer *answer)
{
	struct reviewer *reviewer = context;

	keep(reviewer, REVIEW_ACCESS,
		answer->yes ? reviewer->options.allow_ttl_ns : reviewer->options.deny_ttl_ns, key,
		answer);
}

static bool open_line(struct reviewer *reviewer, enum review_kind kind)
{
	const struct reviewer_options *options = &reviewer->options;
	const struct review_cache_options cache = {
		.kind = kind,
		.max_entries = options->max_cached,
		.max_bytes = options->max_cached_bytes,
		.telemetry = options->telemetry,
	};
	const struct questions_options questions = {
		.kind = kind,
		.client = options->client,
		.max_asked = options->max_asked,
		.max_waiting = options->max_waiting,
		.telemetry = options->telemetry,
		.on_answer = kind == REVIEW_TOKEN ? keep_token : keep_access,
		.context = reviewer,
	};
	struct line *line = &reviewer->lines[kind];

	line->cache = review_cache_new(&cache);
	line->questions = questions_new(&questions);
	return line->cache && line->questions;
}

struct reviewer *reviewer_new(const struct reviewer_options *options)
{
	struct reviewer *reviewer = calloc(1, sizeof(*reviewer));

	if (!reviewer)
		return NULL;
	reviewer->options = *options;
	if (!open_line(reviewer, REVIEW_ACCESS) || !open_line(reviewer, REVIEW_TOKEN)) {
		reviewer_free(reviewer);
		return NULL;
	}
	return reviewer;
}

void reviewer_free(struct reviewer *reviewer)
{
	if (!reviewer)
		return;
	for (size_t i = 0; i < REVIEW_KINDS; i++) {
		questions_free(reviewer->lines[i].questions);
		review_cache_free(reviewer->lines[i].cache);
	}
	free(reviewer);
}

bool reviewer_know(struct reviewer *reviewer, enum review_kind kind, const struct review_key *key,
	struct review_answer *ret_answer)
{
	return review_cache_get(reviewer->lines[kind].cache, key, clock_monotonic_ns(), ret_answer);
}

int reviewer_ask(struct reviewer *reviewer, enum review_kind kind, const struct review_key *key,
	struct question_waiter *waiter, struct error *err)
{
	return questions_ask(reviewer->lines[kind].questions, key, waiter, err);
}

void reviewer_leave(
	struct reviewer *reviewer, enum review_kind kind, struct question_waiter *waiter)
{
	questions_leave(reviewer->lines[kind].questions, waiter);
}
