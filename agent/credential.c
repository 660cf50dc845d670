#include "agent/credential.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* The kubelet renews a token when a fifth of its life is left, ten minutes at least before its end
 * (an hour is the usual life, ten minutes the shortest): two KiB read so often cost nothing. */
#define LOOK_NS (10 * NS_PER_SECOND)

struct credential {
	const char *flag, *path;
	bool renewed;
	struct buffer bytes;
	uint64_t version;
	uint64_t looked_ns;
	bool failing; /* which was logged */
	struct telemetry_series *renewals, *failures;
};

static void wipe(struct buffer *bytes)
{
	if (bytes->data)
		OPENSSL_cleanse(bytes->data, bytes->capacity);
	buffer_free(bytes);
}

static int read_bytes(const struct credential *credential, struct buffer *bytes, struct error *err)
{
	int r = file_read(credential->path, CREDENTIAL_MAX, bytes, err);

	if (r < 0)
		return error_context(err, r, "%s", credential->flag);
	while (bytes->length > 0 &&
		(bytes->data[bytes->length - 1] == '\n' || bytes->data[bytes->length - 1] == '\r'))
		bytes->length--;
	if (bytes->length == 0)
		return error_set(
			err, EINVAL, "%s: %s is empty", credential->flag, credential->path);
	return 0;
}

struct credential *credential_new(const char *flag, const char *path, bool renewed,
	struct telemetry *telemetry, struct error *err)
{
	struct credential *credential = calloc(1, sizeof(*credential));

	if (!credential) {
		(void)error_errno(err, ENOMEM, "%s", flag);
		return NULL;
	}
	*credential =
		(struct credential){.flag = flag, .path = path, .renewed = renewed, .version = 1};
	credential->renewals = telemetry_counter(telemetry, "tacho_agent_credential_renewals_total",
		"Times that the token's file held another token", NULL, NULL);
	credential->failures = telemetry_counter(telemetry, "tacho_agent_credential_errors_total",
		"Looks at the token's file that found nothing to use", NULL, NULL);
	credential->looked_ns = clock_monotonic_ns();
	if (read_bytes(credential, &credential->bytes, err) == 0)
		return credential;
	credential_free(credential);
	return NULL;
}

void credential_free(struct credential *credential)
{
	if (!credential)
		return;
	wipe(&credential->bytes);
	free(credential);
}

static void take(struct credential *credential, struct buffer *bytes)
{
	if (credential->failing)
		log_info("%s: %s can be used again", credential->flag, credential->path);
	credential->failing = false;
	if (bytes->length == credential->bytes.length &&
		memcmp(bytes->data, credential->bytes.data, bytes->length) == 0) {
		wipe(bytes);
		return;
	}
	wipe(&credential->bytes);
	credential->bytes = *bytes;
	credential->version++;
	telemetry_add(credential->renewals, 1);
	log_debug("%s: %s was renewed", credential->flag, credential->path);
}

void credential_refresh(struct credential *credential, uint64_t now_ns)
{
	struct buffer bytes = {0};
	struct error err;

	if (!credential->renewed || now_ns - credential->looked_ns < LOOK_NS)
		return;
	credential->looked_ns = now_ns;
	if (read_bytes(credential, &bytes, &err) == 0) {
		take(credential, &bytes);
		return;
	}
	wipe(&bytes);
	telemetry_add(credential->failures, 1);
	if (!credential->failing)
		log_warn("%s; the last one is used on", err.message);
	credential->failing = true;
}

const void *credential_bytes(const struct credential *credential, size_t *ret_size)
{
	*ret_size = credential->bytes.length;
	return credential->bytes.data;
}

uint64_t credential_version(const struct credential *credential)
{
	return credential->version;
}
