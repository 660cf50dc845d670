/* Whether a Hello may be believed. */
#ifndef INGEST_HELLO_H
#define INGEST_HELLO_H

#include "base/error.h"
#include "proto/tacho.pb-c.h"

#include <stddef.h>

/* 0; -EINVAL (the node's name) or -EACCES (the credential is not the secret). An empty secret
 * takes every credential. The comparison takes the same time wherever the first difference is. */
int hello_check(
	const Tacho__V1__Hello *hello, const void *secret, size_t secret_size, struct error *err);

#endif
