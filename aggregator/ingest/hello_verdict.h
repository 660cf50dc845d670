/* What kube-apiserver's answer about an agent's token is worth. */
#ifndef INGEST_HELLO_VERDICT_H
#define INGEST_HELLO_VERDICT_H

#include "aggregator/kube/reviews.h"
#include "base/error.h"
#include "base/node_name.h"

#define HELLO_VERDICT_MAX_UID 63 /* bytes; a uid of Kubernetes has 36 */

struct hello_verdict {
	enum { HELLO_ACCEPTED, HELLO_REFUSED, HELLO_NO_ANSWER } kind;
	char node[NODE_NAME_MAX + 1];            /* of a token that is accepted */
	char pod_uid[HELLO_VERDICT_MAX_UID + 1]; /* "" when the token is bound to no pod */
	struct error reason;                     /* when it is not accepted */
};

/* The answer must be one (no failure). Accepted is a token of `service_account`
 * ("system:serviceaccount:NAMESPACE:NAME") that is bound to a node; its audience is token_review's
 * business. */
void hello_verdict_of(const struct token_review_answer *answer, const char *service_account,
	struct hello_verdict *ret_verdict);

#endif
