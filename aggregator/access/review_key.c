#include "aggregator/access/review_key.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct review_keys {
	EVP_MAC_CTX *mac; /* has the key */
};

/* Stands in front, so that no token can be some attributes. */
enum kind { TOKEN = 1, RESOURCE, PATH };

struct review_keys *review_keys_new(void)
{
	struct review_keys *keys = calloc(1, sizeof(*keys));
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	unsigned char key[REVIEW_KEY_BYTES];
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	if (keys && hmac)
		keys->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (!keys || !keys->mac || RAND_bytes(key, sizeof(key)) != 1 ||
		EVP_MAC_init(keys->mac, key, sizeof(key), parameters) != 1) {
		review_keys_free(keys);
		keys = NULL;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return keys;
}

struct review_keys *review_keys_copy(const struct review_keys *keys)
{
	struct review_keys *copy = calloc(1, sizeof(*copy));

	if (copy)
		copy->mac = EVP_MAC_CTX_dup(keys->mac);
	if (!copy || !copy->mac) {
		free(copy);
		return NULL;
	}
	return copy;
}

void review_keys_free(struct review_keys *keys)
{
	if (!keys)
		return;
	EVP_MAC_CTX_free(keys->mac);
	free(keys);
}

static bool begin(struct review_keys *keys, enum kind kind)
{
	const unsigned char byte = (unsigned char)kind;

	/* without a key: the same again */
	return EVP_MAC_init(keys->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(keys->mac, &byte, 1) == 1;
}

static bool add_number(struct review_keys *keys, size_t number)
{
	const uint64_t value = number;

	return EVP_MAC_update(keys->mac, (const unsigned char *)&value, sizeof(value)) == 1;
}

/* With its length, so that what follows can't be taken for a part of it. NULL is "". */
static bool add_text(struct review_keys *keys, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return add_number(keys, length) &&
	       (length == 0 || EVP_MAC_update(keys->mac, (const unsigned char *)text, length) == 1);
}

static int end(struct review_keys *keys, bool good, struct review_key *ret_key)
{
	size_t length = 0;

	good = good &&
	       EVP_MAC_final(keys->mac, ret_key->bytes, &length, sizeof(ret_key->bytes)) == 1;
	return good && length == sizeof(ret_key->bytes) ? 0 : -ENOMEM;
}

int review_key_of_token(
	struct review_keys *keys, const char *token, size_t length, struct review_key *ret_key)
{
	bool good = begin(keys, TOKEN) &&
		    EVP_MAC_update(keys->mac, (const unsigned char *)token, length) == 1;

	return end(keys, good, ret_key);
}

static bool add_user(struct review_keys *keys, const struct user *user)
{
	bool good = add_text(keys, user->name) && add_text(keys, user->uid) &&
		    add_number(keys, user->group_count) && add_number(keys, user->extra_count);

	for (size_t i = 0; good && i < user->group_count; i++)
		good = add_text(keys, user->groups[i]);
	for (size_t i = 0; good && i < user->extra_count; i++)
		good = add_text(keys, user->extra[i].key) && add_text(keys, user->extra[i].value);
	return good;
}

int review_key_of_attributes(struct review_keys *keys, const struct access_attributes *attributes,
	struct review_key *ret_key)
{
	bool good = begin(keys, attributes->resource_request ? RESOURCE : PATH) &&
		    add_user(keys, attributes->user) && add_text(keys, attributes->verb);

	if (attributes->resource_request)
		good = good && add_text(keys, attributes->namespace) &&
		       add_text(keys, attributes->group) && add_text(keys, attributes->version) &&
		       add_text(keys, attributes->resource) &&
		       add_text(keys, attributes->subresource) && add_text(keys, attributes->name);
	else
		good = good && add_text(keys, attributes->path);
	return end(keys, good, ret_key);
}
