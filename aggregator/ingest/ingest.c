#include "aggregator/ingest/ingest.h"

#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/intake.h"
#include "aggregator/ingest/listener.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/pipe_watch.h"
#include "base/tls_engine.h"
#include "proto/bounds.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_TIMEOUT_MS 200 /* how long ingest_stop() may take, and a sweep be late */
#define BUNDLE_GAP_NS      (NS_PER_MS / 2) /* messages that come so soon are bundled, */
#define BUNDLE_MIN         3               /* until there are fewer in a pause */
#define BUNDLE_PAUSE_US    2000
#define SWEEP_NS           NS_PER_SECOND
#define LOG_INTERVAL_NS    (10 * NS_PER_SECOND)

struct ingest {
	nng_socket socket;
	struct pipe_watch *watch;
	pthread_t thread;
	_Atomic bool stopping;
	struct connections *connections;
	struct tally tally;

	/* Constant once started. */
	struct store *store;
	struct kube_desk desk; /* with the next, in a cluster */
	struct proof_rules rules;
	void *secret;
	size_t secret_size;
	uint64_t handshake_ns, sweep_ns;

	/* The thread's own. */
	struct intake *intake;
	bool bundling;
	size_t bundle; /* messages taken since it waited */
	uint64_t next_sweep_ns;
	struct log_limit cut;

	size_t listener_count;
	struct listener listeners[]; /* of each url */
};

/* --- pipes, on NNG's threads ---------------------------------------------------------------- */

static struct address peer_of(nng_pipe pipe)
{
	nng_sockaddr address;
	const struct address local = {0};

	return nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) == 0 ? address_of_nng(&address)
								       : local;
}

static void add_pipe(struct ingest *ingest, nng_pipe pipe)
{
	struct address peer = peer_of(pipe);

	if (connections_open(ingest->connections, nng_pipe_id(pipe), &peer, clock_monotonic_ns())) {
		telemetry_add(ingest->tally.opened, 1);
		return;
	}
	telemetry_add(ingest->tally.ended[TALLY_END_TOO_MANY], 1);
	(void)nng_pipe_close(pipe);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	struct ingest *ingest = context;

	switch (event) {
	case NNG_PIPE_EV_ADD_PRE: /* no message comes from a pipe that is not known */
		add_pipe(ingest, pipe);
		break;
	case NNG_PIPE_EV_REM_POST:
		connections_gone(ingest->connections, nng_pipe_id(pipe));
		break;
	default:
		break;
	}
}

/* --- the thread ------------------------------------------------------------------------------- */

static void cut_handshakes(struct ingest *ingest)
{
	size_t cut = tls_engine_close_unfinished(ingest->handshake_ns);
	uint64_t held_back;

	telemetry_add(ingest->tally.handshakes_cut, cut);
	if (cut > 0 && log_allowed(&ingest->cut, LOG_INTERVAL_NS, &held_back))
		log_warn("%zu connections did not finish the handshake in %llu s and were shut",
			cut, (unsigned long long)(ingest->handshake_ns / NS_PER_SECOND));
}

static void renew_certificates(struct ingest *ingest)
{
	size_t stale = 0;

	for (size_t i = 0; i < ingest->listener_count; i++) {
		int r = ingest->listeners[i].tls ? tls_config_refresh(ingest->listeners[i].tls) : 0;

		telemetry_add(ingest->tally.reloads, r > 0);
		stale += r < 0;
	}
	telemetry_set(ingest->tally.stale_certificates, stale);
}

static void sweep(struct ingest *ingest, uint64_t now_ns)
{
	intake_sweep(ingest->intake, now_ns);
	cut_handshakes(ingest);
	renew_certificates(ingest);
	store_expire(ingest->store, now_ns);
}

static void receive(struct ingest *ingest, nng_msg *message, uint64_t now_ns)
{
	intake_receive(ingest->intake, nng_pipe_id(nng_msg_get_pipe(message)),
		nng_msg_body(message), nng_msg_len(message), now_ns);
	nng_msg_free(message);
}

/* To be woken for each message costs as much as to apply it: where they come close together, those
 * that come within a pause are taken at once. */
static int next_of_bundle(struct ingest *ingest, nng_msg **ret_message)
{
	int rv = nng_recvmsg(ingest->socket, ret_message, NNG_FLAG_NONBLOCK);

	if (rv == 0) {
		ingest->bundle++;
	} else if (rv == NNG_EAGAIN && ingest->bundle >= BUNDLE_MIN) {
		ingest->bundle = 0;
		(void)usleep(BUNDLE_PAUSE_US);
	} else {
		ingest->bundling = false;
	}
	return rv;
}

static int next_message(struct ingest *ingest, nng_msg **ret_message)
{
	uint64_t before_ns = clock_monotonic_ns();
	int rv;

	if (ingest->bundling)
		return next_of_bundle(ingest, ret_message);
	rv = nng_recvmsg(ingest->socket, ret_message, 0);
	ingest->bundle = 1;
	ingest->bundling = rv == 0 && clock_monotonic_ns() - before_ns < BUNDLE_GAP_NS;
	return rv;
}

static void *run(void *context)
{
	struct ingest *ingest = context;

	while (!atomic_load(&ingest->stopping)) {
		nng_msg *message;
		int rv = next_message(ingest, &message);
		uint64_t now_ns = clock_monotonic_ns();

		if (rv == 0) {
			receive(ingest, message, now_ns);
		} else if (rv != NNG_ETIMEDOUT && rv != NNG_EAGAIN) {
			(void)usleep(RECEIVE_TIMEOUT_MS * 1000); /* out of memory, most likely */
		}
		intake_settle(ingest->intake, now_ns);
		if (now_ns >= ingest->next_sweep_ns) {
			sweep(ingest, now_ns);
			ingest->next_sweep_ns = now_ns + ingest->sweep_ns;
		}
	}
	return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static int check_options(const struct ingest_options *options, struct error *err)
{
	struct endpoint endpoint;
	int r;

	if (options->url_count == 0)
		return error_set(err, EINVAL, "no url to listen on for agents");
	if (options->max_connections == 0)
		return error_set(err, EINVAL, "at least one connection must be allowed");
	for (size_t i = 0; i < options->url_count; i++) {
		r = endpoint_parse(options->urls[i], options->insecure, &endpoint, err);
		if (r < 0)
			return r;
		if (endpoint.kind != ENDPOINT_IPC && options->secret_size == 0 && !options->agents)
			return error_set(err, EINVAL,
				"refusing to listen on %s without a secret: anyone could report "
				"figures",
				options->urls[i]);
	}
	return 0;
}

static int listen_on(struct ingest *ingest, const struct ingest_options *options, struct error *err)
{
	for (size_t i = 0; i < options->url_count; i++) {
		struct endpoint endpoint;
		struct listener_options listener = {.url = options->urls[i],
			.endpoint = &endpoint,
			.cert_file = options->cert_file,
			.key_file = options->key_file,
			.max_message = WIRE_MAX_MESSAGE};
		int r = endpoint_parse(options->urls[i], options->insecure, &endpoint, err);

		if (r == 0)
			r = listener_open(ingest->socket, &listener, &ingest->listeners[i], err);
		if (r < 0)
			return r;
		ingest->listener_count++;
		if (endpoint.kind != ENDPOINT_IPC && endpoint.port == 0)
			log_info("listening for agents on %s: port %u", options->urls[i],
				ingest->listeners[i].port);
		else
			log_info("listening for agents on %s", options->urls[i]);
	}
	return 0;
}

static int open_socket(
	struct ingest *ingest, const struct ingest_options *options, struct error *err)
{
	int rv = nng_pull0_open(&ingest->socket);

	if (rv != 0)
		return error_set(err, ENOMEM, "opening a socket: %s", nng_strerror(rv));
	(void)nng_socket_set_ms(ingest->socket, NNG_OPT_RECVTIMEO, RECEIVE_TIMEOUT_MS);
	ingest->watch = pipe_watch_start(ingest->socket, on_pipe, ingest);
	if (!ingest->watch)
		return error_errno(err, ENOMEM, "opening a socket");
	return listen_on(ingest, options, err);
}

static uint64_t smallest(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Parts that could not be made are NULL. */
static struct ingest *alloc_ingest(const struct ingest_options *options)
{
	struct ingest *ingest =
		calloc(1, sizeof(*ingest) + options->url_count * sizeof(ingest->listeners[0]));

	if (!ingest)
		return NULL;
	ingest->store = options->store;
	ingest->handshake_ns = options->handshake_ns ? options->handshake_ns : INGEST_HANDSHAKE_NS;
	ingest->sweep_ns = smallest(SWEEP_NS, ingest->handshake_ns / 4, options->silence_ns / 4);
	ingest->secret = malloc(options->secret_size + 1);
	if (ingest->secret && options->secret_size > 0)
		memcpy(ingest->secret, options->secret, options->secret_size);
	ingest->secret_size = options->secret_size;
	ingest->connections = connections_new(options->max_connections);
	tally_register(&ingest->tally, options->telemetry);
	return ingest;
}

static int start_reviews(
	struct ingest *ingest, const struct ingest_options *options, struct error *err)
{
	const struct ingest_agents *agents = options->agents;
	struct hello_reviews_options reviews;

	if (!agents)
		return 0;
	ingest->desk = agents->desk;
	reviews = (struct hello_reviews_options){.desk = &ingest->desk,
		.audience = agents->audience,
		.service_account = agents->service_account,
		.max_under_way = agents->max_reviews ? agents->max_reviews : INGEST_MAX_REVIEWS,
		.max_waiting = options->max_connections,
		.telemetry = options->telemetry};
	ingest->rules = (struct proof_rules){.reviews = hello_reviews_new(&reviews),
		.desk = &ingest->desk,
		.store = options->store,
		.gap_ns = ingest->handshake_ns};
	return ingest->rules.reviews ? 0 : error_errno(err, ENOMEM, "starting to review agents");
}

static int make_intake(
	struct ingest *ingest, const struct ingest_options *options, struct error *err)
{
	const struct intake_options intake = {.connections = ingest->connections,
		.tally = &ingest->tally,
		.store = ingest->store,
		.secret = ingest->secret,
		.secret_size = ingest->secret_size,
		.rules = ingest->rules.reviews ? &ingest->rules : NULL,
		.hello_ns = ingest->handshake_ns,
		.silence_ns = options->silence_ns};

	if (ingest->secret && ingest->connections)
		ingest->intake = intake_new(&intake);
	return ingest->intake ? 0 : error_errno(err, ENOMEM, "starting to listen for agents");
}

/* Also for one that was not wholly made. */
static void free_ingest(struct ingest *ingest)
{
	pipe_watch_stop(ingest->watch);
	if (ingest->secret)
		OPENSSL_cleanse(ingest->secret, ingest->secret_size);
	free(ingest->secret);
	connections_free(ingest->connections);
	intake_free(ingest->intake);
	hello_reviews_free(ingest->rules.reviews);
	free(ingest);
}

static int start(struct ingest *ingest, const struct ingest_options *options, struct error *err)
{
	int r = start_reviews(ingest, options, err);

	if (r == 0)
		r = make_intake(ingest, options, err);
	if (r == 0)
		r = open_socket(ingest, options, err);
	if (r < 0)
		return r;
	r = pthread_create(&ingest->thread, NULL, run, ingest);
	if (r != 0)
		return error_errno(err, r, "starting the thread that listens for agents");
	(void)pthread_setname_np(ingest->thread, "ingest");
	return 0;
}

struct ingest *ingest_start(const struct ingest_options *options, struct error *err)
{
	struct ingest *ingest;

	if (check_options(options, err) < 0)
		return NULL;
	ingest = alloc_ingest(options);
	if (!ingest) {
		(void)error_errno(err, ENOMEM, "starting to listen for agents");
		return NULL;
	}
	if (start(ingest, options, err) == 0)
		return ingest;
	(void)nng_close(ingest->socket); /* has hardly a pipe yet, so this ends */
	free_ingest(ingest);
	return NULL;
}

uint16_t ingest_port(const struct ingest *ingest, size_t url)
{
	return url < ingest->listener_count ? ingest->listeners[url].port : 0;
}

void ingest_stop(struct ingest *ingest)
{
	if (!ingest)
		return;
	atomic_store(&ingest->stopping, true);
	(void)pthread_join(ingest->thread, NULL);
	for (size_t i = 0; i < ingest->listener_count; i++)
		listener_close(&ingest->listeners[i]);
	free_ingest(ingest);
}
