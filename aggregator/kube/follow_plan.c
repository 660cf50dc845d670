#include "aggregator/kube/follow_plan.h"

#include "base/clock.h"

#include <string.h>

enum follow_step follow_plan_begin(struct follow_plan *plan, uint64_t now_ns)
{
	plan->started_ns = now_ns;
	plan->answered = plan->proven = false;
	if (plan->listed)
		plan->step = FOLLOW_WATCH;
	else if (now_ns >= plan->watch_list_again_ns && !plan->distrust)
		plan->step = FOLLOW_WATCH_LIST;
	else
		plan->step = FOLLOW_LIST;
	return plan->step;
}

/* From what the server has at hand the first time, then never back behind what was seen. */
static const char *version_to_list(const struct follow_plan *plan)
{
	if (plan->distrust)
		return NULL;
	return *plan->resource_version ? plan->resource_version : "0";
}

/* A list not older than a version comes from the watch cache, but its pages would from etcd. */
static bool is_paged(const struct follow_plan *plan)
{
	return !plan->unpaged && (plan->distrust || !*plan->resource_version);
}

struct list_query follow_plan_list(const struct follow_plan *plan)
{
	return (struct list_query){
		.resource_version = version_to_list(plan), .paged = is_paged(plan)};
}

struct watch_query follow_plan_watch(const struct follow_plan *plan, uint32_t timeout_s)
{
	bool initial = plan->step == FOLLOW_WATCH_LIST;

	return (struct watch_query){
		.resource_version = initial ? version_to_list(plan) : plan->resource_version,
		.initial_events = initial,
		.timeout_s = timeout_s};
}

uint64_t follow_plan_silence_ns(const struct follow_plan *plan, uint32_t timeout_s)
{
	return plan->bookmarks ? FOLLOW_SILENCE_NS
			       : timeout_s * NS_PER_SECOND + FOLLOW_SILENCE_BEYOND_NS;
}

/* --- the call under way ----------------------------------------------------------------------- */

static void keep_version(struct follow_plan *plan, const char *version)
{
	size_t length = strlen(version);

	if (length > 0 && length < sizeof(plan->resource_version))
		memcpy(plan->resource_version, version, length + 1);
}

void follow_plan_answered(struct follow_plan *plan)
{
	plan->answered = true;
}

void follow_plan_listed(struct follow_plan *plan, const char *resource_version)
{
	keep_version(plan, resource_version);
	plan->listed = true;
	plan->distrust = plan->unpaged = plan->resumed = false;
	plan->silent = plan->refused = 0;
}

void follow_plan_event(struct follow_plan *plan, const char *resource_version, bool bookmark)
{
	keep_version(plan, resource_version);
	plan->proven = true;
	plan->bookmarks = plan->bookmarks || bookmark;
	plan->silent = 0;
}

/* --- how it ended ----------------------------------------------------------------------------- */

static void list_again(struct follow_plan *plan)
{
	plan->listed = false;
	plan->silent = plan->refused = 0;
}

static uint32_t after_backoff(struct follow_plan *plan, const struct call_end *end)
{
	return backoff_next_ms(&plan->backoff, end->retry_after_s);
}

/* "Too large resource version" is a 504: the server has not seen ours, and, when etcd was put back
 * to an old state, never will. */
static bool knows_no_such_version(const struct call_end *end)
{
	return end->why == CALL_END_EXPIRED || end->code == 504;
}

/* Whether another try would be answered the same. */
static bool is_definite(const struct call_end *end)
{
	return end->code >= 400 && end->code < 500 && end->code != 401 && end->code != 403 &&
	       end->code != 408 && end->code != 429;
}

/* A server that was away can do it perhaps; one that has answered, or has begun, can't. The error
 * of one whose etcd is too old (before 3.4.25, 3.5.8) is an event, with code 500. */
static uint32_t watch_list_ended(
	struct follow_plan *plan, const struct call_end *end, uint64_t now_ns)
{
	bool away = end->why == CALL_END_CUT && !plan->answered;

	if (!away)
		plan->watch_list_again_ns = now_ns + FOLLOW_WATCH_LIST_AGAIN_NS;
	if (knows_no_such_version(end))
		plan->distrust = true;
	if (is_definite(end) || end->code == 500)
		return 0; /* it is not asked so again for long, however often it was away before */
	return after_backoff(plan, end);
}

/* Other ways to ask for the same are tried at once. */
static uint32_t list_expired(struct follow_plan *plan, const struct call_end *end)
{
	bool paged = is_paged(plan);
	bool first = paged || !plan->distrust;

	plan->distrust = plan->distrust || !paged;
	plan->unpaged = paged;
	return first ? 0 : after_backoff(plan, end);
}

static uint32_t list_ended(struct follow_plan *plan, const struct call_end *end)
{
	if (end->why == CALL_END_DONE)
		return 0;
	if (end->why == CALL_END_EXPIRED)
		return list_expired(plan, end);
	if (knows_no_such_version(end))
		plan->distrust = true;
	return after_backoff(plan, end);
}

/* Begun anew where it stood. When that does not help, the server may stand at an older version than
 * ours and wait for it. */
static uint32_t watch_silent(struct follow_plan *plan)
{
	if (++plan->silent >= FOLLOW_MAX_SILENT) {
		plan->bookmarks = false;
		list_again(plan);
	}
	return 0;
}

static uint32_t watch_failed(struct follow_plan *plan, const struct call_end *end)
{
	bool refused = end->why == CALL_END_REFUSED;
	/* An event is lost. */
	bool lost = end->why == CALL_END_MALFORMED || end->why == CALL_END_MEMORY;

	if (end->why == CALL_END_EXPIRED || lost || (refused && is_definite(end)) ||
		(refused && ++plan->refused >= FOLLOW_MAX_REFUSED))
		list_again(plan);
	/* A server that was away has no events of before: that is no failure of its. A list whose
	 * version is too old at once might be so again. */
	if (end->why == CALL_END_EXPIRED && (plan->proven || plan->resumed))
		return 0;
	return after_backoff(plan, end);
}

static uint32_t watch_ended(struct follow_plan *plan, const struct call_end *end, uint64_t now_ns)
{
	uint64_t age_ns = now_ns - plan->started_ns;

	if (age_ns >= FOLLOW_PROVEN_NS)
		plan->proven = true;
	if (plan->proven) {
		plan->refused = 0;
		backoff_reset(&plan->backoff);
	}
	if (end->why == CALL_END_SILENT)
		return watch_silent(plan);
	if (end->why == CALL_END_DONE && (plan->proven || age_ns >= FOLLOW_SHORT_NS))
		return 0;
	return watch_failed(plan, end);
}

uint32_t follow_plan_ended(struct follow_plan *plan, const struct call_end *end, uint64_t now_ns)
{
	uint32_t wait_ms;

	if (plan->step == FOLLOW_LIST)
		return list_ended(plan, end);
	if (!plan->listed)
		return watch_list_ended(plan, end, now_ns);
	wait_ms = watch_ended(plan, end, now_ns);
	plan->resumed = plan->listed;
	return wait_ms;
}
