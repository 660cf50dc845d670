/* A question of a serving loop about a token or an access, on its way to main's loop, where the
 * reviewer is, and its answer on the way back. It takes with it copies of all that it is about, for
 * the request may end before. */
#ifndef ACCESS_INQUIRY_H
#define ACCESS_INQUIRY_H

#include "aggregator/access/review_cache.h"
#include "aggregator/access/review_key.h"
#include "aggregator/access/reviewer.h"
#include "aggregator/kube/access_attributes.h"
#include "base/work_queue.h"

#include <stdbool.h>
#include <stddef.h>

/* Between where and where. */
struct inquiry_way {
	struct reviewer *reviewer;
	struct work_queue *main; /* of the reviewer's loop */
	struct work_queue *loop; /* of who asks */
};

struct inquiry_answer {
	/* NULL: answered. Otherwise why there is no answer; `busy`: too many wait for one. */
	const char *failure;
	bool busy;
	struct review_answer review;
};

/* Called once, in the loop of who asks, unless it was cancelled; the answer lives in the call. */
typedef void (*inquiry_function)(
	void *context, const struct review_key *key, const struct inquiry_answer *answer);

struct inquiry;

/* The token's bytes, or the attributes, are copied. NULL when memory is short. The reviewer and
 * both queues must outlive it. */
struct inquiry *inquiry_about_token(const struct inquiry_way *way, const struct review_key *key,
	const char *token, size_t length, inquiry_function on_answer, void *context);
struct inquiry *inquiry_about_access(const struct inquiry_way *way, const struct review_key *key,
	const struct access_attributes *attributes, inquiry_function on_answer, void *context);

/* In the loop of who asks, before on_answer: it is not called any more. The inquiry is gone when
 * both loops have heard of it. */
void inquiry_cancel(struct inquiry *inquiry);

#endif
