/* What someone wants to do, with everything that it borrows: to be asked about when the request may
 * have gone. */
#ifndef ACCESS_ATTRIBUTES_COPY_H
#define ACCESS_ATTRIBUTES_COPY_H

#include "aggregator/kube/access_attributes.h"
#include "aggregator/kube/user.h"

struct attributes_copy {
	struct access_attributes is; /* points into the rest */
	struct user user;
	char *texts; /* one behind the other */
};

/* In place: it points into itself, and is not to be moved. 0 or -ENOMEM; then there is nothing to
 * free. */
int attributes_copy_make(struct attributes_copy *copy, const struct access_attributes *from);
void attributes_copy_free(struct attributes_copy *copy);

#endif
