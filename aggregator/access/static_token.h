/* The one token of a program that has no Kubernetes to ask. */
#ifndef ACCESS_STATIC_TOKEN_H
#define ACCESS_STATIC_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

/* True when shown[0..length) is `token`, in a time that tells neither its bytes nor its length. An
 * empty `token` is nobody's. */
bool static_token_is(const char *token, const char *shown, size_t length);

#endif
