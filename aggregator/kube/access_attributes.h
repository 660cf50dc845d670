/* What someone wants to do: the question of a SubjectAccessReview. */
#ifndef KUBE_ACCESS_ATTRIBUTES_H
#define KUBE_ACCESS_ATTRIBUTES_H

#include "aggregator/kube/user.h"

#include <stdbool.h>

/* Texts are not owned; NULL and "" are the same. */
struct access_attributes {
	const struct user *user;
	const char *verb;
	bool resource_request;
	/* Of a resource request. */
	const char *namespace, *group, *version, *resource, *subresource, *name;
	const char *path; /* of any other */
};

#endif
