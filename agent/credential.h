/* What the agent proves with who it is: a secret, or the service-account token that the kubelet
 * renews in its file. */
#ifndef AGENT_CREDENTIAL_H
#define AGENT_CREDENTIAL_H

#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREDENTIAL_MAX 16384 /* bytes; a token has 1 to 2 KiB */

struct credential;

/* Reads the file; `flag` ("--token-file") is for messages. A renewed one is followed as it changes.
 * NULL and a message when it can't be read, is empty or longer than CREDENTIAL_MAX: line ends
 * behind it don't count. Strings must outlive it. Blocks on the disk. */
struct credential *credential_new(const char *flag, const char *path, bool renewed,
	struct telemetry *telemetry, struct error *err);
void credential_free(struct credential *credential);

/* Reads the file again when that is due, every 10 s. One that can't be used is logged once, and the
 * old credential goes on. Call it each second or so; blocks on the disk. */
void credential_refresh(struct credential *credential, uint64_t now_ns);

/* The bytes, until the next refresh. */
const void *credential_bytes(const struct credential *credential, size_t *ret_size);

/* Another number for every other credential; never 0. */
uint64_t credential_version(const struct credential *credential);

#endif
