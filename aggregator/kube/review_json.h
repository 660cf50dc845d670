/* TokenReview and SubjectAccessReview (authentication.k8s.io/v1, authorization.k8s.io/v1) as JSON:
 * the questions, and what is believed of the answers. */
#ifndef KUBE_REVIEW_JSON_H
#define KUBE_REVIEW_JSON_H

#include "aggregator/kube/access_attributes.h"
#include "aggregator/kube/user.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Bodies; free the text, which holds a secret in the first case. NULL when memory is short. Bytes
 * that are no UTF-8 become U+FFFD, as Go writes them. `audience` may be NULL. */
char *review_json_of_token(const char *token, const char *audience);
char *review_json_of_access(const struct access_attributes *attributes);

struct review_verdict {
	bool yes;
	char reason[512]; /* "" when there is none; cut */
	struct user user; /* of a yes about a token; user_free() it */
};

/* 0, or -EINVAL (-ENOMEM) with a message when it is not a whole answer to such a question. A yes
 * that does not name `audience` is a no. *ret_verdict is written on success only. */
int review_json_read_token(const void *json, size_t size, const char *audience,
	struct review_verdict *ret_verdict, struct error *err);
int review_json_read_access(
	const void *json, size_t size, struct review_verdict *ret_verdict, struct error *err);

/* The message of a Status object, cut; "" when it is none. */
void review_json_read_status(const void *json, size_t size, char *ret_message, size_t room);

#endif
