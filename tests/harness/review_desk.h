/* A kube_desk that answers as a test says: a thread of its own, and no kube-apiserver.
 *
 * What a token is worth stands in its third part: "HEADER.CLAIMS.ACCOUNT/NODE/POD". ACCOUNT "agent"
 * is the agents' service account (REVIEW_DESK_ACCOUNT), "bad" is no valid token, anything else is
 * another account. NODE "-" or no POD: it is bound to none. Everything here fails the running
 * cmocka test when memory is short. */
#ifndef TESTS_HARNESS_REVIEW_DESK_H
#define TESTS_HARNESS_REVIEW_DESK_H

#include "aggregator/ingest/kube_desk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVIEW_DESK_AUDIENCE "tacho-aggregator"
#define REVIEW_DESK_ACCOUNT  "system:serviceaccount:tacho:agent"

struct review_desk;

struct review_desk *review_desk_new(void);

/* Everything that uses it must have been freed before. */
void review_desk_free(struct review_desk *desk);

struct kube_desk review_desk_of(struct review_desk *desk);

/* Any time from any thread. `delay_ms` is from question to answer. */
void review_desk_set_delay(struct review_desk *desk, unsigned delay_ms);
void review_desk_set_away(struct review_desk *desk, bool away);       /* failures, no answers */
void review_desk_set_holding(struct review_desk *desk, bool holding); /* neither, until it ends */
void review_desk_set_synced(struct review_desk *desk, bool synced);   /* pods; false at first */
/* Tokens of this third part always fail; NULL = none. Must outlive the desk. */
void review_desk_set_poison(struct review_desk *desk, const char *poison);

/* Tokens of this third part are good no longer; NULL = none. Must outlive the desk. */
void review_desk_set_revoked(struct review_desk *desk, const char *revoked);

struct review_desk_counts {
	size_t asked, under_way, most_under_way, cancelled;
};

struct review_desk_counts review_desk_counts(struct review_desk *desk);

/* Waits up to 20 s until so many were asked. */
bool review_desk_asked(struct review_desk *desk, size_t wanted);

/* A token with this third part, that ends at `ends_s` (CLOCK_REALTIME; 0 = it does not say). Room
 * for REVIEW_DESK_TOKEN bytes. */
#define REVIEW_DESK_TOKEN 400
const char *review_desk_token(char *buffer, const char *worth, uint64_t ends_s);

#endif
