/* Who asks, as the front proxy says in its headers. To be believed only of a connection whose
 * certificate is the front proxy's. */
#ifndef ACCESS_FRONT_PROXY_H
#define ACCESS_FRONT_PROXY_H

#include "aggregator/kube/auth_config.h"
#include "aggregator/kube/user.h"
#include "base/error.h"

#include <event2/keyvalq_struct.h>

/* The headers' names, in any case. The first one that has a value counts for name and uid. */
struct front_proxy_names {
	const struct string_list *username, *uid, *group, *extra_prefixes;
};

/* 0; -ENOENT when no header names a user; -E2BIG (more groups or extra than user.h allows) or
 * -ENOMEM with a message. Each group line is a group, whatever it has in it; an extra's key is
 * lower-cased, then percent-decoded. user_free() what is returned. */
int front_proxy_user(const struct front_proxy_names *names, const struct evkeyvalq *headers,
	struct user *ret_user, struct error *err);

#endif
