#include "aggregator/ingest/admission.h"

#include "aggregator/ingest/hello.h"
#include "aggregator/ingest/parting.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A connection that said something so lately has an agent at its other end. */
#define LIVELY_NS (3 * NS_PER_SECOND / 2)

struct admission {
	struct admission_options options;
	uint64_t realtime_s; /* at the last poll */
	struct log_limit refused, replaced, ended;
};

static void hang_up(
	struct admission *admission, struct connection *connection, enum tally_end reason)
{
	parting_hang_up(
		admission->options.connections, admission->options.tally, connection, reason);
}

static void refuse(struct admission *admission, struct connection *connection, enum tally_drop drop,
	enum tally_end end, const char *message)
{
	telemetry_add(admission->options.tally->dropped[drop], 1);
	parting_complain(&admission->refused, connection, message);
	hang_up(admission, connection, end);
}

static void count_hello(const struct admission *admission)
{
	telemetry_add(admission->options.tally->messages[TALLY_KIND_HELLO], 1);
}

/* --- who speaks for a node -------------------------------------------------------------------- */

/* The agent was started anew and its old connection lingers; or two agents have one name, and both
 * go on sending. */
static void replace(struct admission *admission, struct connection *older, uint64_t now_ns)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (now_ns - older->heard_ns < LIVELY_NS)
		parting_complain(&admission->replaced, older,
			"said Hello on a newer connection; this one is closed. Two agents with one name?");
	else
		log_info("node %s: said Hello anew; its old connection from %s is closed",
			older->node, address_text(&older->peer, peer));
	hang_up(admission, older, TALLY_END_REPLACED);
}

/* True when the connection speaks for the node from now on. */
static bool admit(struct admission *admission, struct connection *connection, const char *node,
	uint64_t now_ns)
{
	struct connection *other = connections_of_node(admission->options.connections, node);

	if (other && other->hello_ns > connection->hello_ns) {
		hang_up(admission, connection, TALLY_END_REPLACED); /* reviews may overtake */
		return false;
	}
	if (other)
		replace(admission, other, now_ns);
	if (connections_speak(admission->options.connections, connection, node) < 0) {
		telemetry_add(admission->options.tally->dropped[TALLY_DROP_NO_MEMORY], 1);
		hang_up(admission, connection, TALLY_END_NO_HELLO);
		return false;
	}
	connection->heard_ns = now_ns;
	return true;
}

static void log_admitted(
	const struct connection *connection, const char *version, uint32_t interval_ms)
{
	char peer[ADDRESS_TEXT_SIZE];

	log_info("node %s: agent %.32s connected from %s, every %u ms", connection->node, version,
		address_text(&connection->peer, peer), interval_ms);
}

/* --- standalone ------------------------------------------------------------------------------- */

static void check_secret(struct admission *admission, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns)
{
	struct error err;

	if (hello_check(hello, admission->options.secret, admission->options.secret_size, &err) <
		0) {
		refuse(admission, connection, TALLY_DROP_HELLO_REFUSED, TALLY_END_HELLO_REFUSED,
			err.message);
		return;
	}
	if (!connection->node) {
		if (!admit(admission, connection, hello->node, now_ns))
			return;
		log_admitted(connection, hello->agent_version, hello->interval_ms);
	} else if (strcmp(connection->node, hello->node) != 0) {
		refuse(admission, connection, TALLY_DROP_NODE_CHANGED, TALLY_END_NODE_CHANGED,
			"says Hello as another node");
		return;
	}
	count_hello(admission);
}

/* --- in a cluster ----------------------------------------------------------------------------- */

static void take_token(struct admission *admission, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns)
{
	struct proof *proof = &connection->proof;
	struct error err;
	int r = proof_hello(proof, connection->node, hello, &err);

	switch (r) {
	case 0:
		connection->heard_ns = now_ns;
		if (!proof->wanted && !proof->review)
			count_hello(admission); /* its token is accepted */
		proof_ask(proof, admission->options.rules, connection, now_ns);
		break;
	case -EPERM:
		refuse(admission, connection, TALLY_DROP_NODE_CHANGED, TALLY_END_NODE_CHANGED,
			err.message);
		break;
	case -ENOMEM:
		refuse(admission, connection, TALLY_DROP_NO_MEMORY, TALLY_END_NO_HELLO,
			err.message);
		break;
	default:
		refuse(admission, connection, TALLY_DROP_HELLO_REFUSED, TALLY_END_HELLO_REFUSED,
			err.message);
		break;
	}
}

/* An acceptance that ends is worth a line, but thousands may end at once. */
static void end(struct admission *admission, struct connection *connection, enum tally_end reason,
	const struct error *err)
{
	parting_complain(&admission->ended, connection, err->message);
	hang_up(admission, connection, reason);
}

/* Hangs up when the result says so. */
static void obey(struct admission *admission, struct connection *connection,
	enum proof_result result, const struct error *err)
{
	switch (result) {
	case PROOF_GOES_ON:
	case PROOF_ACCEPTED:
		break;
	case PROOF_REFUSED:
		refuse(admission, connection, TALLY_DROP_HELLO_REFUSED, TALLY_END_HELLO_REFUSED,
			err->message);
		break;
	case PROOF_NO_ANSWER:
		end(admission, connection, TALLY_END_NO_VERDICT, err);
		break;
	case PROOF_EXPIRED:
		end(admission, connection, TALLY_END_TOKEN_EXPIRED, err);
		break;
	case PROOF_POD_GONE:
		end(admission, connection, TALLY_END_POD_GONE, err);
		break;
	case PROOF_REVOKED:
		end(admission, connection, TALLY_END_TOKEN_REVOKED, err);
		break;
	}
}

/* True when the verdict lets the connection in. */
static bool take_verdict(
	struct admission *admission, struct connection *connection, uint64_t now_ns)
{
	struct proof *proof = &connection->proof;
	bool hello = proof->review_why == PROOF_HELLO, first = !connection->node;
	char node[NODE_NAME_MAX + 1];
	struct error err;
	enum proof_result result = proof_verdict(proof, connection->node, now_ns, node, &err);

	if (result != PROOF_ACCEPTED) {
		obey(admission, connection, result, &err);
		proof_ask(proof, admission->options.rules, connection, now_ns);
		return false;
	}
	if (first && !admit(admission, connection, node, now_ns))
		return false;
	if (first)
		log_admitted(connection, proof->version, proof->interval_ms);
	if (hello)
		count_hello(admission);
	return first;
}

/* --- the interface ---------------------------------------------------------------------------- */

void admission_hello(struct admission *admission, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns)
{
	if (connection->hello_ns == 0)
		connection->hello_ns = now_ns;
	if (admission->options.rules)
		take_token(admission, connection, hello, now_ns);
	else
		check_secret(admission, connection, hello, now_ns);
}

bool admission_is_pending(const struct connection *connection)
{
	return !connection->node && connection->proof.token;
}

struct connection *admission_next(struct admission *admission, uint64_t now_ns)
{
	struct hello_review *review;

	if (!admission->options.rules)
		return NULL;
	while ((review = hello_reviews_next(admission->options.rules->reviews))) {
		struct connection *connection = hello_review_context(review);

		if (take_verdict(admission, connection, now_ns))
			return connection;
	}
	return NULL;
}

void admission_poll(struct admission *admission, uint64_t now_ns)
{
	admission->realtime_s = clock_realtime_ns() / NS_PER_SECOND;
	if (admission->options.rules)
		hello_reviews_poll(admission->options.rules->reviews, now_ns);
}

void admission_check(struct admission *admission, struct connection *connection, uint64_t now_ns)
{
	const struct proof_rules *rules = admission->options.rules;
	struct error err;

	if (!rules)
		return;
	obey(admission, connection,
		proof_check(&connection->proof, rules, now_ns, admission->realtime_s, &err), &err);
	if (!connection->closing)
		proof_ask(&connection->proof, rules, connection, now_ns);
}

struct admission *admission_new(const struct admission_options *options)
{
	struct admission *admission = calloc(1, sizeof(*admission));

	if (admission)
		admission->options = *options;
	return admission;
}

void admission_free(struct admission *admission)
{
	free(admission);
}
