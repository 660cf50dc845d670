/* Reviews of Hellos in line: so many under way at a time, the others in order, the answered ones
 * until they are freed. A review that failed waits for its back-off; while none is answered, one at
 * a time is tried. Knows nothing of who asks and who answers. */
#ifndef INGEST_HELLO_QUEUE_H
#define INGEST_HELLO_QUEUE_H

#include "aggregator/ingest/hello_verdict.h"
#include "aggregator/kube/backoff.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stdint.h>

/* Tries without an answer, while others get theirs, before the verdict is HELLO_NO_ANSWER. */
#define HELLO_REVIEW_TRIES 3

struct hello_queue;
struct hello_reviews;
struct review;

enum hello_state { HELLO_WAITING, HELLO_UNDER_WAY, HELLO_ANSWERED, HELLO_STATE_COUNT };

struct hello_review {
	/* Constant. */
	struct hello_reviews *reviews;
	struct hello_queue *queue;
	char *token;
	void *context;

	/* The sending thread's own. */
	struct review *sent;

	/* That thread's while it is under way, then the asking one's. */
	struct hello_verdict verdict;

	/* The queue's own. */
	struct hello_review *prev, *next; /* in the list of its state */
	enum hello_state state;
	bool abandoned; /* nobody wants the verdict; under way only */
	struct backoff backoff;
	uint64_t due_ns;       /* waiting: not before */
	uint64_t answers_then; /* how many answers there were at its last failure */
	unsigned strikes;      /* failures while others were answered */
};

/* NULL when memory is short. */
struct hello_queue *hello_queue_new(
	uint32_t max_under_way, uint32_t max_waiting, struct telemetry *telemetry);

/* Every review must have gone. NULL is fine. */
void hello_queue_free(struct hello_queue *queue);

/* --- the asking thread's side ----------------------------------------------------------------- */

/* Puts a review in line. 0, -ENOSPC (too many are waiting) or -ENOMEM. */
int hello_queue_add(struct hello_queue *queue, struct hello_reviews *reviews, const char *token,
	void *context, struct hello_review **ret_review);

/* Takes it away; the answer of one that is under way frees it. */
void hello_queue_drop(struct hello_review *review);

/* The first that was answered, or NULL. */
struct hello_review *hello_queue_answered(struct hello_queue *queue);

/* Whether the sending thread is to be woken up: true once until hello_queue_woken(). */
bool hello_queue_wake(struct hello_queue *queue, uint64_t now_ns);
void hello_queue_woken(struct hello_queue *queue);

/* Waits for hello_queue_close(). */
void hello_queue_wait_closed(struct hello_queue *queue);

/* --- the sending thread's side ---------------------------------------------------------------- */

/* The next that may be sent now, which is under way from now on; or NULL. */
struct hello_review *hello_queue_take(struct hello_queue *queue, uint64_t now_ns);

/* How that ended: review->verdict is there, or `failure` says why not. Then it is made again after
 * a back-off, unless it has failed HELLO_REVIEW_TRIES times while others were answered. */
void hello_queue_finish(struct hello_review *review, const char *failure, uint64_t now_ns);

/* Calls `cancel` for each that is under way, and frees it; from now on nothing is taken. */
void hello_queue_close(struct hello_queue *queue, void (*cancel)(struct hello_review *review));

#endif
