/* One connection's proof of who it is, in a cluster: the token of its newest Hello, its reviews,
 * and how long the acceptance holds. No connection is touched here: what follows from a result is
 * admission's business.
 *
 * An acceptance holds until a review says no, or the token ends and no fresh Hello came; never does
 * it end because kube-apiserver is away. All of it belongs to the ingest thread. */
#ifndef INGEST_PROOF_H
#define INGEST_PROOF_H

#include "aggregator/ingest/hello_review.h"
#include "aggregator/store/store.h"
#include "base/error.h"
#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

#define PROOF_LEEWAY_S        30              /* between the clocks of issuer and aggregator */
#define PROOF_POD_PATIENCE_NS 60000000000ULL  /* until an accepted pod is known to the store */
#define PROOF_POD_AGAIN_NS    60000000000ULL  /* between two reviews because of its pod */
#define PROOF_AGE_NS          600000000000ULL /* of an acceptance of a token without an end */

#define PROOF_VERSION_SIZE 33 /* bytes of an agent's version that are kept, with the NUL */

/* Zero-initialise; proof_clear() at the end. */
struct proof {
	/* Of the newest Hello; NULL before it. */
	char *token;
	char *claimed; /* the node that it says; "" = none */
	char version[PROOF_VERSION_SIZE];
	uint32_t interval_ms;
	uint64_t token_ends_s; /* CLOCK_REALTIME; 0 = it has no end */

	bool wanted; /* a review of it is to be asked for */
	enum proof_why { PROOF_HELLO, PROOF_POD, PROOF_AGE } why;
	struct hello_review *review; /* the one that is under way, or NULL */
	enum proof_why review_why;   /* `why` and `token_ends_s` when it was asked for */
	uint64_t review_ends_s;
	uint64_t asked_ns; /* when the last one was asked for; 0 = never */

	/* Of the token that was accepted. */
	bool accepted;
	uint64_t accepted_ns, ends_s;
	char pod_uid[HELLO_VERDICT_MAX_UID + 1]; /* "" = bound to none */
	bool pod_seen;                           /* the store knew it */
};

struct proof_rules {
	struct hello_reviews *reviews;
	const struct kube_desk *desk;
	struct store *store;
	uint64_t gap_ns; /* between two reviews of one connection */
};

enum proof_result {
	PROOF_GOES_ON,   /* nothing has changed */
	PROOF_ACCEPTED,  /* for the first time, or again */
	PROOF_REFUSED,   /* the token of a Hello */
	PROOF_NO_ANSWER, /* about a connection that was never accepted */
	PROOF_EXPIRED,
	PROOF_POD_GONE,
	PROOF_REVOKED, /* the token was accepted, and is no longer */
};

void proof_clear(struct proof *proof);

/* Takes a Hello. `node` is that of an accepted connection, or NULL. 0: it will be reviewed, or was;
 * -EINVAL (a node's name or a token that can't be one), -EPERM (another node than before), -ENOMEM.
 */
int proof_hello(
	struct proof *proof, const char *node, const Tacho__V1__Hello *hello, struct error *err);

/* Asks for the review that is wanted, if it may be asked for now; `context` comes back with it. */
void proof_ask(
	struct proof *proof, const struct proof_rules *rules, void *context, uint64_t now_ns);

/* Takes the verdict of proof->review, which is freed. `node` as above. ret_node (room for
 * NODE_NAME_MAX + 1) is the token's node when it is accepted; the error tells why it is neither
 * that nor PROOF_GOES_ON. */
enum proof_result proof_verdict(
	struct proof *proof, const char *node, uint64_t now_ns, char *ret_node, struct error *err);

/* Whether an acceptance still holds; may want a review. `realtime_s` is CLOCK_REALTIME. Call each
 * second or so. */
enum proof_result proof_check(struct proof *proof, const struct proof_rules *rules, uint64_t now_ns,
	uint64_t realtime_s, struct error *err);

#endif
