#include "agent/fan_out.h"

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/tls_config.h"
#include "base/tls_engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is left of an address that was given up stays for a moment, or for some seconds: that much
 * room for the next. */
#define TARGETS (2 * FAN_OUT_MAX)

/* An aggregator that is being replaced goes from DNS first, and serves on until it is ended: 30 s
 * is how long Kubernetes lets it (terminationGracePeriodSeconds). */
#define MISSING_DOWN_NS (30 * NS_PER_SECOND)
#define MISSING_NS      (60 * NS_PER_SECOND)

#define FAMILY_PATIENCE_NS (10 * NS_PER_SECOND)

/* A push hangs up on a handshake after 10 s; NNG does not always notice that. */
#define LOST_HANDSHAKE_NS (30 * NS_PER_SECOND)

#define LOG_INTERVAL_NS (60 * NS_PER_SECOND)

struct fan_out {
	struct fan_out_options options;
	struct endpoint endpoint;
	char server_name[ENDPOINT_MAX_HOST + 1];
	bool named; /* the host is to be resolved */
	struct tls_config *tls;
	struct target targets[TARGETS];
	size_t used;

	uint16_t family; /* that is used of the name; 0 at first */
	uint64_t family_ns;
	struct log_limit too_many;
	struct telemetry_series *addresses, *left_out;
};

/* --- one address ------------------------------------------------------------------------------ */

static const char *url_of(
	const struct fan_out *fan_out, const struct address *address, char url[PUSH_URL_MAX])
{
	char text[ADDRESS_TEXT_SIZE];

	if (address->family == AF_UNSPEC)
		(void)snprintf(url, PUSH_URL_MAX, "%s", fan_out->options.url);
	else
		(void)snprintf(url, PUSH_URL_MAX, "%s://%s",
			fan_out->endpoint.kind == ENDPOINT_TLS ? "tls+tcp" : "tcp",
			address_text(address, text));
	return url;
}

/* One that was used before rather than a new one. */
static struct target *find_free(struct fan_out *fan_out)
{
	struct target *fresh = NULL;

	for (size_t i = 0; i < TARGETS; i++) {
		struct target *target = &fan_out->targets[i];

		if (target_free(target) && (!fresh || target->push))
			fresh = target;
	}
	return fresh;
}

static int open_address(struct fan_out *fan_out, const struct address *address, struct error *err)
{
	struct target *target = fan_out->used < FAN_OUT_MAX ? find_free(fan_out) : NULL;
	nng_tls_config *tls = fan_out->tls ? tls_config_nng(fan_out->tls) : NULL;
	char url[PUSH_URL_MAX];
	int r;

	if (!target)
		return error_set(err, EBUSY, "no room for another address");
	r = target_open(target, address, url_of(fan_out, address, url), tls,
		fan_out->options.telemetry, err);
	if (r == 0)
		fan_out->used++;
	return r;
}

static void close_address(struct fan_out *fan_out, struct target *target, const char *why)
{
	char url[PUSH_URL_MAX];

	log_info("%s: %s is given up: %s", fan_out->endpoint.host,
		url_of(fan_out, &target->address, url), why);
	target_close(target);
	fan_out->used--;
}

/* --- following a name ------------------------------------------------------------------------- */

static bool contains(const struct resolver_answer *answer, const struct address *address)
{
	for (size_t i = 0; i < answer->count; i++)
		if (memcmp(&answer->addresses[i], address, sizeof(*address)) == 0)
			return true;
	return false;
}

static bool has_family(const struct resolver_answer *answer, uint16_t family)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].family == family)
			return true;
	return false;
}

static size_t connected(const struct fan_out *fan_out)
{
	size_t count = 0;

	for (size_t i = 0; i < TARGETS; i++)
		count += target_connected(&fan_out->targets[i]);
	return count;
}

static void choose_family(
	struct fan_out *fan_out, const struct resolver_answer *answer, uint64_t now_ns)
{
	uint16_t other = fan_out->family == AF_INET ? AF_INET6 : AF_INET;
	uint16_t family = fan_out->family;

	if (family == 0)
		family = answer->family;
	else if (!has_family(answer, family))
		family = other;
	else if (has_family(answer, other) && connected(fan_out) == 0 &&
		 now_ns - fan_out->family_ns > FAMILY_PATIENCE_NS)
		family = other;
	if (connected(fan_out) > 0 || family != fan_out->family)
		fan_out->family_ns = now_ns;
	fan_out->family = family;
}

/* NULL: it may stay. */
static const char *reason_to_close(const struct fan_out *fan_out, const struct target *target,
	const struct resolver_answer *answer, uint64_t now_ns)
{
	bool answered = contains(answer, &target->address);
	bool up = target_connected(target);

	if (answered && target->address.family == fan_out->family)
		return NULL;
	if (answered && !up)
		return "addresses of the other family are tried";
	if (!target->missing)
		return NULL;
	if (now_ns - target->missing_ns >= MISSING_NS)
		return "the name has had other addresses for 60 s";
	if (now_ns - target->missing_ns >= MISSING_DOWN_NS && !up)
		return "the name has had other addresses for 30 s, and nobody is there";
	return NULL;
}

static void judge(struct fan_out *fan_out, struct target *target,
	const struct resolver_answer *answer, uint64_t now_ns)
{
	bool wanted =
		target->address.family == fan_out->family && contains(answer, &target->address);
	const char *why;

	if (!wanted && !target->missing)
		target->missing_ns = now_ns;
	target->missing = !wanted;
	why = reason_to_close(fan_out, target, answer, now_ns);
	if (why)
		close_address(fan_out, target, why);
}

/* Addresses that are in DNS go before those that are not: of these one that is down, then any. */
static void make_room(struct fan_out *fan_out)
{
	struct target *victim = NULL;

	for (size_t i = 0; i < TARGETS; i++) {
		struct target *target = &fan_out->targets[i];

		if (target->used && target->missing &&
			(!victim || (target_connected(victim) && !target_connected(target))))
			victim = target;
	}
	if (victim)
		close_address(fan_out, victim, "the name has other addresses");
}

static bool has_target(const struct fan_out *fan_out, const struct address *address)
{
	for (size_t i = 0; i < TARGETS; i++)
		if (fan_out->targets[i].used &&
			memcmp(&fan_out->targets[i].address, address, sizeof(*address)) == 0)
			return true;
	return false;
}

/* True when the address is pushed to. */
static bool add(struct fan_out *fan_out, const struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	struct error err;
	int r;

	if (has_target(fan_out, address))
		return true;
	if (fan_out->used == FAN_OUT_MAX)
		make_room(fan_out);
	r = open_address(fan_out, address, &err);
	if (r == 0)
		log_info("%s: figures go to %s", fan_out->endpoint.host,
			address_text(address, text));
	else if (r != -EBUSY)
		log_warn("%s", err.message);
	return r == 0;
}

void fan_out_follow(struct fan_out *fan_out, const struct resolver_answer *answer, uint64_t now_ns)
{
	size_t left_out = answer->left_out;
	uint64_t held_back;

	choose_family(fan_out, answer, now_ns);
	for (size_t i = 0; i < TARGETS; i++)
		if (fan_out->targets[i].used)
			judge(fan_out, &fan_out->targets[i], answer, now_ns);
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].family == fan_out->family)
			left_out += !add(fan_out, &answer->addresses[i]);
	telemetry_set(fan_out->addresses, fan_out->used);
	telemetry_set(fan_out->left_out, left_out);
	if (left_out > 0 && log_allowed(&fan_out->too_many, LOG_INTERVAL_NS, &held_back))
		log_warn("%s has too many addresses: %zu are left out, figures go to %zu",
			fan_out->endpoint.host, left_out, fan_out->used);
}

/* --- making and freeing ----------------------------------------------------------------------- */

static bool is_address(const char *host)
{
	uint8_t ip[16];

	return inet_pton(AF_INET, host, ip) == 1 || strchr(host, ':');
}

/* A name may end in a dot, so that no search domain is tried; in a certificate it does not. */
static void set_server_name(struct fan_out *fan_out)
{
	size_t length = strlen(fan_out->endpoint.host);

	if (fan_out->named && fan_out->endpoint.host[length - 1] == '.')
		length--;
	(void)snprintf(fan_out->server_name, sizeof(fan_out->server_name), "%.*s", (int)length,
		fan_out->endpoint.host);
	if (!fan_out->options.server_name)
		fan_out->options.server_name = fan_out->server_name;
}

static int prepare(struct fan_out *fan_out, struct error *err)
{
	const struct fan_out_options *options = &fan_out->options;
	struct endpoint *endpoint = &fan_out->endpoint;
	int r = endpoint_parse(options->url, options->insecure, endpoint, err);

	if (r < 0)
		return r;
	if (endpoint->kind != ENDPOINT_IPC && (endpoint->port == 0 || endpoint->host[0] == '*'))
		return error_set(
			err, EINVAL, "url '%s': want the aggregator's host and port", options->url);
	fan_out->named = endpoint->kind != ENDPOINT_IPC && !is_address(endpoint->host);
	set_server_name(fan_out);
	if (endpoint->kind == ENDPOINT_TLS) {
		r = tls_config_client(options->ca_file, options->server_name, &fan_out->tls, err);
		if (r < 0)
			return error_context(err, r, "connecting to %s", options->url);
	}
	return fan_out->named ? 0 : open_address(fan_out, &(struct address){0}, err);
}

struct fan_out *fan_out_new(const struct fan_out_options *options, struct error *err)
{
	struct fan_out *fan_out = calloc(1, sizeof(*fan_out));

	if (!fan_out) {
		(void)error_errno(err, ENOMEM, "connecting to %s", options->url);
		return NULL;
	}
	fan_out->options = *options;
	fan_out->addresses = telemetry_gauge(options->telemetry, "tacho_agent_aggregators",
		"Addresses that figures are pushed to", NULL, NULL);
	fan_out->left_out = telemetry_gauge(options->telemetry, "tacho_agent_aggregators_left_out",
		"Addresses of the aggregator's name beyond those", NULL, NULL);
	if (prepare(fan_out, err) < 0) {
		fan_out_free(fan_out);
		return NULL;
	}
	telemetry_set(fan_out->addresses, fan_out->used);
	return fan_out;
}

void fan_out_free(struct fan_out *fan_out)
{
	if (!fan_out)
		return;
	for (size_t i = 0; i < TARGETS; i++)
		push_free(fan_out->targets[i].push);
	tls_config_free(fan_out->tls);
	free(fan_out);
}

const char *fan_out_name(const struct fan_out *fan_out, uint16_t *ret_port)
{
	*ret_port = fan_out->endpoint.port;
	return fan_out->named ? fan_out->endpoint.host : NULL;
}

bool fan_out_complete(const struct fan_out *fan_out)
{
	return fan_out->used > 0 && connected(fan_out) == fan_out->used;
}

void fan_out_care(struct fan_out *fan_out, uint64_t now_ns)
{
	for (size_t i = 0; i < TARGETS; i++)
		target_care(&fan_out->targets[i], now_ns);
	if (!fan_out->tls)
		return;
	(void)tls_config_refresh(fan_out->tls); /* says itself what came of it */
	(void)tls_engine_close_unfinished(LOST_HANDSHAKE_NS);
}

/* --- sending ---------------------------------------------------------------------------------- */

unsigned fan_out_begin(struct fan_out *fan_out, uint64_t credential, uint64_t revision)
{
	unsigned wants = 0;

	for (size_t i = 0; i < TARGETS; i++)
		wants |= target_begin(&fan_out->targets[i], credential, revision);
	return wants;
}

int fan_out_send(
	struct fan_out *fan_out, enum target_message message, const void *data, size_t size)
{
	int result = 0;

	for (size_t i = 0; i < TARGETS; i++)
		if (target_send(&fan_out->targets[i], message, data, size) == -ENOMEM)
			result = -ENOMEM;
	return result;
}
