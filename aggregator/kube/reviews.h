/* Asks kube-apiserver who a token belongs to (TokenReview) and whether someone may do something
 * (SubjectAccessReview). The wire form alone: caches and rules are access/'s and ingest/'s. */
#ifndef KUBE_REVIEWS_H
#define KUBE_REVIEWS_H

#include "aggregator/kube/access_attributes.h"
#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/user.h"

#include <stdbool.h>

#define REVIEWS_TIMEOUT_NS 10000000000ULL /* k8s.io/apiserver's webhook time-out is 10 s, too */

struct token_review_answer {
	/* NULL: answered. Otherwise why there is no answer (kube-apiserver away, forbidden, not
	 * understood): neither yes nor no. */
	const char *failure;
	bool authenticated;
	const char *reason;      /* of a no, as kube-apiserver gives it; may be "" */
	const struct user *user; /* of a yes: it has a name */
};

struct access_review_answer {
	const char *failure; /* as above */
	bool allowed;        /* false is a no, also when nothing was denied expressly */
	const char *reason;
};

/* One question; the answer comes once, from the client's loop, and is valid in the call only. An
 * audience of NULL asks for the server's own. With an audience, a yes that does not name it in
 * status.audiences is a no. Bytes that are no UTF-8 are sent as U+FFFD, as Go does. NULL and a
 * message when memory is short. */
struct review;
struct review *token_review_send(struct kube_client *client, const char *token,
	const char *audience,
	void (*on_answer)(void *context, const struct token_review_answer *answer), void *context,
	struct error *err);

struct review *access_review_send(struct kube_client *client,
	const struct access_attributes *attributes,
	void (*on_answer)(void *context, const struct access_review_answer *answer), void *context,
	struct error *err);

/* No answer is wanted any more. From its own callback it does nothing. */
void review_cancel(struct review *review);

#endif
