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

#define SIPHASH_KEY_BYTES 16
#define SIPHASH_BYTES     16

struct review_keys {
	EVP_MAC_CTX *hmac; /* has its key */
	EVP_MAC_CTX *siphash;
	unsigned char siphash_key[SIPHASH_KEY_BYTES];
};

/* Stands in front, so that no token can be some attributes. */
enum kind { TOKEN = 1, RESOURCE, PATH };

static EVP_MAC_CTX *new_mac(const char *name)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	return context;
}

struct review_keys *review_keys_new(void)
{
	struct review_keys *keys = calloc(1, sizeof(*keys));
	unsigned char key[REVIEW_KEY_BYTES];
	char digest[] = "SHA256";
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	if (!keys)
		return NULL;
	keys->hmac = new_mac("HMAC");
	keys->siphash = new_mac("SIPHASH");
	if (!keys->hmac || !keys->siphash || RAND_bytes(key, sizeof(key)) != 1 ||
		RAND_bytes(keys->siphash_key, sizeof(keys->siphash_key)) != 1 ||
		EVP_MAC_init(keys->hmac, key, sizeof(key), parameters) != 1) {
		review_keys_free(keys);
		keys = NULL;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return keys;
}

struct review_keys *review_keys_copy(const struct review_keys *keys)
{
	struct review_keys *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *keys;
	copy->hmac = EVP_MAC_CTX_dup(keys->hmac);
	copy->siphash = EVP_MAC_CTX_dup(keys->siphash);
	if (!copy->hmac || !copy->siphash) {
		review_keys_free(copy);
		return NULL;
	}
	return copy;
}

void review_keys_free(struct review_keys *keys)
{
	if (!keys)
		return;
	EVP_MAC_CTX_free(keys->hmac);
	EVP_MAC_CTX_free(keys->siphash);
	OPENSSL_cleanse(keys->siphash_key, sizeof(keys->siphash_key));
	free(keys);
}

int review_key_of_token(
	struct review_keys *keys, const char *token, size_t length, struct review_key *ret_key)
{
	const unsigned char kind = TOKEN;
	size_t size = 0;
	/* without a key: the same again */
	bool good = EVP_MAC_init(keys->hmac, NULL, 0, NULL) == 1 &&
		    EVP_MAC_update(keys->hmac, &kind, 1) == 1 &&
		    EVP_MAC_update(keys->hmac, (const unsigned char *)token, length) == 1 &&
		    EVP_MAC_final(keys->hmac, ret_key->bytes, &size, sizeof(ret_key->bytes)) == 1;

	return good && size == sizeof(ret_key->bytes) ? 0 : -ENOMEM;
}

/* --- attributes ------------------------------------------------------------------------------- */

/* Attributes on their way into the digest, gathered because each call of OpenSSL costs as much as
 * hashing a hundred bytes. */
struct encoder {
	EVP_MAC_CTX *mac;
	bool good;
	size_t length;
	unsigned char bytes[1024];
};

static void flush(struct encoder *encoder)
{
	encoder->good =
		encoder->good && EVP_MAC_update(encoder->mac, encoder->bytes, encoder->length) == 1;
	encoder->length = 0;
}

static void add(struct encoder *encoder, const void *data, size_t size)
{
	if (size > sizeof(encoder->bytes) - encoder->length)
		flush(encoder);
	if (size > sizeof(encoder->bytes)) {
		encoder->good = encoder->good && EVP_MAC_update(encoder->mac, data, size) == 1;
		return;
	}
	memcpy(encoder->bytes + encoder->length, data, size);
	encoder->length += size;
}

static void add_number(struct encoder *encoder, size_t number)
{
	const uint64_t value = number;

	add(encoder, &value, sizeof(value));
}

/* With its length, so that what follows can't be taken for a part of it. NULL is "". */
static void add_text(struct encoder *encoder, const char *text)
{
	size_t length = text ? strlen(text) : 0;

	add_number(encoder, length);
	if (length > 0)
		add(encoder, text, length);
}

static void add_user(struct encoder *encoder, const struct user *user)
{
	add_text(encoder, user->name);
	add_text(encoder, user->uid);
	add_number(encoder, user->group_count);
	add_number(encoder, user->extra_count);
	for (size_t i = 0; i < user->group_count; i++)
		add_text(encoder, user->groups[i]);
	for (size_t i = 0; i < user->extra_count; i++) {
		add_text(encoder, user->extra[i].key);
		add_text(encoder, user->extra[i].value);
	}
}

static void add_attributes(struct encoder *encoder, const struct access_attributes *attributes)
{
	add_number(encoder, attributes->resource_request ? RESOURCE : PATH);
	add_user(encoder, attributes->user);
	add_text(encoder, attributes->verb);
	if (attributes->resource_request) {
		add_text(encoder, attributes->namespace);
		add_text(encoder, attributes->group);
		add_text(encoder, attributes->version);
		add_text(encoder, attributes->resource);
		add_text(encoder, attributes->subresource);
		add_text(encoder, attributes->name);
	} else {
		add_text(encoder, attributes->path);
	}
}

int review_key_of_attributes(struct review_keys *keys, const struct access_attributes *attributes,
	struct review_key *ret_key)
{
	struct encoder encoder;
	size_t size = 0;

	encoder.mac = keys->siphash;
	encoder.length = 0; /* nor need all of its bytes be zeroed */
	encoder.good = EVP_MAC_init(keys->siphash, keys->siphash_key, sizeof(keys->siphash_key),
			       NULL) == 1;
	add_attributes(&encoder, attributes);
	flush(&encoder);
	memset(ret_key, 0, sizeof(*ret_key));
	encoder.good = encoder.good && EVP_MAC_final(keys->siphash, ret_key->bytes, &size,
					       sizeof(ret_key->bytes)) == 1;
	return encoder.good && size == SIPHASH_BYTES ? 0 : -ENOMEM;
}
