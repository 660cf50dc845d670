#include "aggregator/access/static_token.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

bool static_token_is(const char *token, const char *shown, size_t length)
{
	unsigned char digests[2][SHA256_DIGEST_LENGTH];

	(void)SHA256((const unsigned char *)token, strlen(token), digests[0]);
	(void)SHA256((const unsigned char *)shown, length, digests[1]);
	return *token && CRYPTO_memcmp(digests[0], digests[1], SHA256_DIGEST_LENGTH) == 0;
}
