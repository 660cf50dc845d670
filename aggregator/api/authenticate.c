#include "aggregator/api/authenticate.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

const char *authenticate_bearer(const char *authorization)
{
	static const char SCHEME[] = "Bearer ";
	const char *token;

	if (!authorization || strncasecmp(authorization, SCHEME, sizeof(SCHEME) - 1) != 0)
		return NULL;
	token = authorization + sizeof(SCHEME) - 1;
	return *token == '\0' || *token == ' ' ? NULL : token;
}

/* By digests, so that the time it takes tells neither the bytes nor the length. */
static bool same_token(const char *a, const char *b)
{
	unsigned char digests[2][SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)a, strlen(a), digests[0]);
	SHA256((const unsigned char *)b, strlen(b), digests[1]);
	return CRYPTO_memcmp(digests[0], digests[1], SHA256_DIGEST_LENGTH) == 0;
}

bool authenticate_request(const struct authenticate_options *options, const struct request *request)
{
	const char *token = authenticate_bearer(request_header(request, "Authorization"));

	return token && *options->token && same_token(token, options->token);
}
