#include "aggregator/ingest/hello.h"

#include "base/node_name.h"

#include <errno.h>
#include <openssl/crypto.h>

int hello_check(
	const Tacho__V1__Hello *hello, const void *secret, size_t secret_size, struct error *err)
{
	const ProtobufCBinaryData *credential = &hello->credential;

	if (!node_name_valid(hello->node))
		return error_set(err, EINVAL,
			"'%.64s' is not a node name (want at most 253 of a-z, 0-9, '-', '.')",
			hello->node);
	if (secret_size > 0 && (credential->len != secret_size ||
				       CRYPTO_memcmp(credential->data, secret, secret_size) != 0))
		return error_set(err, EACCES, "the secret of node '%s' is wrong", hello->node);
	return 0;
}
