/* What a request wants to do, in the words in which Kubernetes authorizes: k8s.io/apiserver's
 * RequestInfo for the prefixes /api and /apis. */
#ifndef API_REQUEST_ATTRIBUTES_H
#define API_REQUEST_ATTRIBUTES_H

#include "aggregator/api/request.h"
#include "aggregator/kube/reviews.h"
#include "base/error.h"

/* Zero-initialise. */
struct request_attributes {
	struct access_attributes is; /* points into the two below, the request and the user */
	char *path;
	char *field_name; /* that the fieldSelector asks for */
};

/* `request` is parsed and, as `user`, must outlive the attributes. 0; -EINVAL for a path like
 * /apis/g/v/watch, which names nothing to watch; -ENOMEM: with a message, and nothing to free. */
int request_attributes_make(const struct request *request, const struct user *user,
	struct request_attributes *ret_attributes, struct error *err);
void request_attributes_free(struct request_attributes *attributes);

#endif
