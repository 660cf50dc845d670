/* What a service-account token says of itself. Nothing is verified here: TokenReview says whether
 * it is true, but not when the token ends. */
#ifndef INGEST_TOKEN_CLAIMS_H
#define INGEST_TOKEN_CLAIMS_H

#include <stdint.h>

/* Bytes; kube-apiserver's are one to two thousand. */
#define TOKEN_MAX 16384

/* Claim `exp` of a JWT (RFC 7519, section 4.1.4) in seconds since 1970, without its fraction. 0;
 * -EINVAL for what is no JWT, longer than TOKEN_MAX, or has an `exp` that is no such time; -ENODATA
 * when it has none; -ENOMEM. */
int token_claims_expiry(const char *token, uint64_t *ret_expires_s);

#endif
