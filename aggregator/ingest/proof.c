#include "aggregator/ingest/proof.h"

#include "aggregator/ingest/token_claims.h"
#include "base/node_name.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget_token(struct proof *proof)
{
	if (proof->token)
		OPENSSL_cleanse(proof->token, strlen(proof->token));
	free(proof->token);
	free(proof->claimed);
	proof->token = proof->claimed = NULL;
}

static void want(struct proof *proof, enum proof_why why)
{
	proof->wanted = true;
	proof->why = why;
}

void proof_clear(struct proof *proof)
{
	hello_review_free(proof->review);
	forget_token(proof);
	*proof = (struct proof){0};
}

/* --- a Hello ---------------------------------------------------------------------------------- */

/* Nothing else goes to kube-apiserver: a token is printable ASCII without blanks (RFC 6750, section
 * 2.1, has fewer still). */
static bool is_token(const ProtobufCBinaryData *credential)
{
	if (credential->len == 0 || credential->len > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < credential->len; i++)
		if (credential->data[i] <= ' ' || credential->data[i] > '~')
			return false;
	return true;
}

static int check(const struct proof *proof, const char *node, const Tacho__V1__Hello *hello,
	struct error *err)
{
	const char *before = node ? node : proof->claimed ? proof->claimed : "";

	if (hello->node[0] && !node_name_valid(hello->node))
		return error_set(err, EINVAL,
			"'%.64s' is not a node name (want at most 253 of a-z, 0-9, '-', '.')",
			hello->node);
	if (!is_token(&hello->credential))
		return error_set(err, EINVAL,
			"says Hello without a token (want 1 to %d printable bytes, has %zu)",
			TOKEN_MAX, hello->credential.len);
	if (hello->node[0] && before[0] && strcmp(hello->node, before) != 0)
		return error_set(err, EPERM, "says Hello as another node, '%.64s'", hello->node);
	return 0;
}

static bool is_known(const struct proof *proof, const ProtobufCBinaryData *credential)
{
	return proof->token && strlen(proof->token) == credential->len &&
	       CRYPTO_memcmp(proof->token, credential->data, credential->len) == 0;
}

int proof_hello(
	struct proof *proof, const char *node, const Tacho__V1__Hello *hello, struct error *err)
{
	char *token, *claimed;
	int r = check(proof, node, hello, err);

	if (r < 0 || (is_known(proof, &hello->credential) && !hello->node[0]))
		return r;
	token = strndup((const char *)hello->credential.data, hello->credential.len);
	claimed = strdup(hello->node[0] || !proof->claimed ? hello->node : proof->claimed);
	if (!token || !claimed) {
		free(token);
		free(claimed);
		return error_errno(err, ENOMEM, "taking a Hello");
	}
	if (!is_known(proof, &hello->credential))
		want(proof, PROOF_HELLO);
	forget_token(proof);
	proof->token = token;
	proof->claimed = claimed;
	proof->interval_ms = hello->interval_ms;
	(void)snprintf(proof->version, sizeof(proof->version), "%s", hello->agent_version);
	if (token_claims_expiry(token, &proof->token_ends_s) < 0)
		proof->token_ends_s = 0;
	return 0;
}

void proof_ask(struct proof *proof, const struct proof_rules *rules, void *context, uint64_t now_ns)
{
	bool too_soon = proof->asked_ns != 0 && now_ns - proof->asked_ns < rules->gap_ns;

	if (!proof->wanted || proof->review || too_soon ||
		hello_review_ask(rules->reviews, proof->token, context, &proof->review) < 0)
		return; /* the next sweep tries again */
	proof->wanted = false;
	proof->review_why = proof->why;
	proof->review_ends_s = proof->token_ends_s;
	proof->asked_ns = now_ns;
}

/* --- its verdict ------------------------------------------------------------------------------ */

/* Refuses an agent that speaks for another node than the token's; of one that was accepted nobody
 * can make another node. */
static enum proof_result accept_token(struct proof *proof, const char *node,
	const struct hello_verdict *verdict, uint64_t now_ns, char *ret_node, struct error *err)
{
	const char *said = node ? node : proof->claimed;

	if (said[0] && strcmp(said, verdict->node) != 0) {
		(void)error_set(err, EPERM,
			"speaks for node '%.64s', but its token is that of an agent on node "
			"'%.64s'",
			said, verdict->node);
		return PROOF_REFUSED;
	}
	proof->accepted = true;
	proof->accepted_ns = now_ns;
	proof->ends_s = proof->review_ends_s;
	if (strcmp(proof->pod_uid, verdict->pod_uid) != 0)
		proof->pod_seen = false;
	(void)strcpy(proof->pod_uid, verdict->pod_uid);
	(void)strcpy(ret_node, verdict->node);
	return PROOF_ACCEPTED;
}

static enum proof_result refuse(enum proof_why why)
{
	switch (why) {
	case PROOF_POD:
		return PROOF_POD_GONE;
	case PROOF_AGE:
		return PROOF_REVOKED;
	default:
		return PROOF_REFUSED;
	}
}

enum proof_result proof_verdict(
	struct proof *proof, const char *node, uint64_t now_ns, char *ret_node, struct error *err)
{
	const struct hello_verdict verdict = *hello_review_verdict(proof->review);
	bool newer = proof->wanted && proof->why == PROOF_HELLO;

	hello_review_free(proof->review);
	proof->review = NULL;
	if (verdict.kind == HELLO_ACCEPTED)
		return accept_token(proof, node, &verdict, now_ns, ret_node, err);
	if (newer)
		return PROOF_GOES_ON; /* that token is no longer the one to go by */
	*err = verdict.reason;
	if (verdict.kind == HELLO_REFUSED)
		return refuse(proof->review_why);
	if (!proof->accepted)
		return PROOF_NO_ANSWER;
	want(proof, proof->review_why); /* it stays accepted until there is an answer */
	return PROOF_GOES_ON;
}

/* --- an acceptance ---------------------------------------------------------------------------- */

/* Whether the store should know its pod, and does not. */
static bool pod_is_missing(struct proof *proof, const struct proof_rules *rules, uint64_t now_ns)
{
	if (!proof->pod_uid[0] || !rules->desk->pods_synced(rules->desk->context))
		return false;
	if (store_has_pod(rules->store, proof->pod_uid)) {
		proof->pod_seen = true;
		return false;
	}
	return proof->pod_seen || now_ns - proof->accepted_ns > PROOF_POD_PATIENCE_NS;
}

enum proof_result proof_check(struct proof *proof, const struct proof_rules *rules, uint64_t now_ns,
	uint64_t realtime_s, struct error *err)
{
	bool pending = proof->wanted || proof->review;
	bool fresh = pending && proof->why == PROOF_HELLO;

	if (!proof->accepted)
		return PROOF_GOES_ON;
	/* While a fresh token waits for its review the old acceptance holds. */
	if (!fresh && proof->ends_s != 0 && realtime_s > proof->ends_s + PROOF_LEEWAY_S) {
		(void)error_set(err, EKEYEXPIRED,
			"its token ended %llu s ago and it sent no fresh one",
			(unsigned long long)(realtime_s - proof->ends_s));
		return PROOF_EXPIRED;
	}
	if (pending)
		return PROOF_GOES_ON;
	if (pod_is_missing(proof, rules, now_ns) && now_ns - proof->asked_ns > PROOF_POD_AGAIN_NS)
		want(proof, PROOF_POD);
	else if (proof->ends_s == 0 && now_ns - proof->asked_ns > PROOF_AGE_NS)
		want(proof, PROOF_AGE);
	return PROOF_GOES_ON;
}
