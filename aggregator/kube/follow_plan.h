/* What to ask kube-apiserver next to follow all objects of a resource, told from how the last call
 * ended. Decides only: no calls, no clock, no objects.
 *
 * The rules, as client-go's reflector has them:
 *   - a watch that begins with all objects (WatchList), unless the server lately could not: then a
 *     list, and a watch behind it;
 *   - the first list is of what the server has at hand (resourceVersion=0), a later one is not
 * older than what was seen, and when the server does not know that version, the newest;
 *   - pages that expire are given up for one list without pages;
 *   - a watch that ends goes on at the last version seen, bookmarks included; 410 lists again, at
 * once unless that version is a list's own;
 *   - waits grow, until a watch has worked. */
#ifndef KUBE_FOLLOW_PLAN_H
#define KUBE_FOLLOW_PLAN_H

#include "aggregator/kube/backoff.h"
#include "aggregator/kube/call_end.h"
#include "aggregator/kube/object_decode.h"
#include "aggregator/kube/resource_query.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a server that could not do a WatchList is not asked again. */
#define FOLLOW_WATCH_LIST_AGAIN_NS 600000000000ULL
/* A watch that lived so long has worked, also without an event; one that ended so soon has not. */
#define FOLLOW_PROVEN_NS           10000000000ULL
#define FOLLOW_SHORT_NS            1000000000ULL
/* Watches in a row that ended so, before the version is not believed any more. */
#define FOLLOW_MAX_SILENT          2
#define FOLLOW_MAX_REFUSED         3
/* A server with a watch cache sends a bookmark each minute (k8s.io/apiserver, storage/cacher): half
 * a minute more and the watch is stuck. One that never sent one may have no watch cache or nothing
 * to tell; there only the time that was asked for is a bound, and a bit. */
#define FOLLOW_SILENCE_NS          90000000000ULL
#define FOLLOW_SILENCE_BEYOND_NS   20000000000ULL

enum follow_step {
	FOLLOW_WATCH_LIST, /* a watch that begins with all objects */
	FOLLOW_LIST,
	FOLLOW_WATCH,
};

/* Zero-initialise; for others to read only. */
struct follow_plan {
	enum follow_step step; /* the call under way */
	uint64_t started_ns;
	bool answered; /* with at least a byte */
	bool proven;   /* with an event behind the list */

	bool resumed; /* the watch goes on where another ended */
	bool listed;  /* all that was there at `resource_version` was handed over */
	char resource_version[OBJECT_MAX_VERSION + 1]; /* the newest that was seen; "" = none */

	/* What is known of the server. */
	uint64_t watch_list_again_ns;
	bool bookmarks; /* it sends them */
	bool distrust;  /* it does not know our version */
	bool unpaged;   /* the pages of its last list expired */
	unsigned silent, refused;
	struct backoff backoff;
};

/* The next call begins. */
enum follow_step follow_plan_begin(struct follow_plan *plan, uint64_t now_ns);

/* What is asked in it; texts belong to the plan. */
struct list_query follow_plan_list(const struct follow_plan *plan);
struct watch_query follow_plan_watch(const struct follow_plan *plan, uint32_t timeout_s);
uint64_t follow_plan_silence_ns(const struct follow_plan *plan, uint32_t timeout_s);

/* The call under way: something came; the list (or the initial events) is whole, at this version;
 * an event behind the list was taken. */
void follow_plan_answered(struct follow_plan *plan);
void follow_plan_listed(struct follow_plan *plan, const char *resource_version);
void follow_plan_event(struct follow_plan *plan, const char *resource_version, bool bookmark);

/* It ended: how long to wait before the next one, in ms. */
uint32_t follow_plan_ended(struct follow_plan *plan, const struct call_end *end, uint64_t now_ns);

#endif
