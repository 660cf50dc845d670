/* The bearer token of a request, as k8s.io/apiserver reads it. */
#ifndef ACCESS_BEARER_H
#define ACCESS_BEARER_H

#include <event2/keyvalq_struct.h>
#include <stddef.h>

/* The token of the first Authorization header: scheme Bearer in any case, one space, the token up
 * to the next space. NULL when there is none, of another scheme, or it is empty. Points into the
 * header; not terminated. */
const char *bearer_token(const struct evkeyvalq *headers, size_t *ret_length);

#endif
