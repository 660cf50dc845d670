/* One of the aggregators that figures go to: a push, and what was told on its connection. */
#ifndef AGENT_TARGET_H
#define AGENT_TARGET_H

#include "agent/push.h"
#include "base/address.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Combined by |. */
enum target_message {
	TARGET_HELLO = 1,
	TARGET_CATALOG = 2,
	TARGET_SAMPLE = 4,
};

/* Zero-initialise. `missing…` is fan_out's. */
struct target {
	struct push *push; /* NULL: not needed so far */
	bool used;
	struct address address; /* AF_UNSPEC: the url that it was opened with says more */
	bool missing;           /* from the last answer, */
	uint64_t missing_ns;    /* since then */

	unsigned wants;                            /* in this round, of target_message */
	uint64_t connection, credential, revision; /* of this round; connection 0: none */
	uint64_t hello_connection, hello_credential;
	uint64_t catalog_connection, catalog_revision;
};

/* Begins to push to an address that is not in use. 0, -ENOMEM or -EINVAL and a message. */
int target_open(struct target *target, const struct address *address, const char *url,
	nng_tls_config *tls, struct telemetry *telemetry, struct error *err);
void target_close(struct target *target);

/* Whether target_open() may be called: some time after target_close(). */
bool target_free(struct target *target);

/* False for one that is not in use. */
bool target_connected(const struct target *target);

/* As push_care(), whether in use or not. */
void target_care(struct target *target, uint64_t now_ns);

/* Begins a round: what is to be sent by it, given the credential and the catalog of now. */
unsigned target_begin(struct target *target, uint64_t credential, uint64_t revision);

/* Sends if this round wants it. What can't be sent ends the round for this target. 0, or as
 * push_send(). */
int target_send(struct target *target, enum target_message message, const void *data, size_t size);

#endif
