#include "aggregator/ingest/hello.h"

#include "aggregator/store/store.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool hello_node_name_valid(const char *name)
{
	size_t length = strnlen(name, STORE_MAX_NAME + 1);

	if (length == 0 || length > STORE_MAX_NAME)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || name[i - 1] == '.' || i + 1 == length || name[i + 1] == '.';

		if (!is_alphanumeric(name[i]) && (edge || (name[i] != '-' && name[i] != '.')))
			return false;
	}
	return true;
}

int hello_check(
	const Tacho__V1__Hello *hello, const void *secret, size_t secret_size, struct error *err)
{
	const ProtobufCBinaryData *credential = &hello->credential;

	if (!hello_node_name_valid(hello->node))
		return error_set(err, EINVAL,
			"'%.64s' is not a node name (want at most 253 of a-z, 0-9, '-', '.')",
			hello->node);
	if (secret_size > 0 && (credential->len != secret_size ||
				       CRYPTO_memcmp(credential->data, secret, secret_size) != 0))
		return error_set(err, EACCES, "the secret of node '%s' is wrong", hello->node);
	return 0;
}
