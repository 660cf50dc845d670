/* Who sends a request. */
#ifndef API_AUTHENTICATE_H
#define API_AUTHENTICATE_H

#include "aggregator/api/request.h"

#include <stdbool.h>

/* What is believed. Each way of showing who one is has its field here. */
struct authenticate_options {
	const char *token; /* the bearer token that lets in */
};

/* True when the request shows a credential that is believed. */
bool authenticate_request(
	const struct authenticate_options *options, const struct request *request);

/* The token of `Authorization: Bearer <token>` (the scheme in any case, one space), or NULL when
 * there is none. Points into `authorization`, which may be NULL. */
const char *authenticate_bearer(const char *authorization);

#endif
