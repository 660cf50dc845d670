#include "tests/harness/https_server.h"

#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct https_server {
	struct event_base *base;
	struct access *access;
	struct api *api;
	void (*on_stop)(void *context); /* may be NULL */
	void *context;
	struct event *stop;
	int stop_pipe[2];
	pthread_t thread;
	struct scratch *scratch;
	const char *ca, *cert, *key; /* files in it */
	char *cert_pem;
	uint16_t port;
};

static void write_certificates(struct https_server *server)
{
	struct pki *pki = pki_new("authority");
	struct pki_pair pair = pki_issue(pki, "IP:127.0.0.1,DNS:localhost", 3600);

	server->ca = scratch_write(server->scratch, "ca.crt", pki_ca(pki));
	server->cert = scratch_write(server->scratch, "tls.crt", pair.cert);
	server->key = scratch_write(server->scratch, "tls.key", pair.key);
	server->cert_pem = strdup(pair.cert);
	assert_non_null(server->cert_pem);
	pki_pair_free(&pair);
	pki_free(pki);
}

static void stop(evutil_socket_t fd, short events, void *context)
{
	struct https_server *server = context;
	char order;

	(void)events;
	(void)!read(fd, &order, 1); /* TSan sees by it that the test's thread was here before */
	api_stop(server->api);
	access_free(server->access);
	if (server->on_stop)
		server->on_stop(server->context);
	(void)event_base_loopexit(server->base, NULL);
}

static void *run(void *context)
{
	struct https_server *server = context;

	(void)event_base_dispatch(server->base);
	return NULL;
}

static void make_access(struct https_server *server, struct telemetry *telemetry,
	const struct https_server_access *wanted)
{
	const struct access_options standalone = {
		.token = HTTPS_SERVER_TOKEN, .telemetry = telemetry};
	struct error err;

	if (wanted) {
		server->on_stop = wanted->stop;
		server->context = wanted->context;
		server->access = wanted->make(wanted->context, server->base);
	} else {
		server->access = access_new(&standalone, &err);
		if (!server->access)
			fail_msg("%s", err.message);
	}
}

/* HTTPS_SERVER_THREADS of the environment, to run a test with another number by hand. */
static uint32_t serving_threads(void)
{
	const char *wanted = getenv("HTTPS_SERVER_THREADS");

	return wanted ? (uint32_t)strtoul(wanted, NULL, 10) : HTTPS_SERVER_SERVING_THREADS;
}

static void start_api(struct https_server *server, struct store *store, struct telemetry *telemetry,
	const struct api_options *wanted)
{
	struct api_options options = wanted ? *wanted : (struct api_options){.core_api = true};
	struct error err;

	options.bind_address = "127.0.0.1";
	options.port = 0;
	options.cert_file = server->cert;
	options.key_file = server->key;
	options.access = server->access;
	options.store = store;
	options.telemetry = telemetry;
	if (options.serving_threads == 0)
		options.serving_threads = serving_threads();
	server->api = api_start(&options, server->base, &err);
	if (!server->api)
		fail_msg("%s", err.message);
	server->port = api_port(server->api);
}

struct https_server *https_server_start(
	struct store *store, struct telemetry *telemetry, const struct api_options *options)
{
	return https_server_start_with(store, telemetry, options, NULL);
}

struct https_server *https_server_start_with(struct store *store, struct telemetry *telemetry,
	const struct api_options *options, const struct https_server_access *access)
{
	struct https_server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	(void)signal(SIGPIPE, SIG_IGN);
	server->scratch = scratch_new();
	write_certificates(server);
	server->base = event_base_new();
	assert_non_null(server->base);
	assert_int_equal(pipe(server->stop_pipe), 0);
	make_access(server, telemetry, access);
	start_api(server, store, telemetry, options);
	server->stop = event_new(server->base, server->stop_pipe[0], EV_READ, stop, server);
	assert_non_null(server->stop);
	assert_int_equal(event_add(server->stop, NULL), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

void https_server_stop(struct https_server *server)
{
	assert_int_equal(write(server->stop_pipe[1], "x", 1), 1);
	(void)pthread_join(server->thread, NULL);
	event_free(server->stop);
	event_base_free(server->base);
	(void)close(server->stop_pipe[0]);
	(void)close(server->stop_pipe[1]);
	scratch_free(server->scratch);
	free(server->cert_pem);
	free(server);
}

uint16_t https_server_port(const struct https_server *server)
{
	return server->port;
}

const char *https_server_ca(const struct https_server *server)
{
	return server->ca;
}

void https_server_renew_certificate(struct https_server *server)
{
	(void)scratch_write(server->scratch, "tls.crt", server->cert_pem);
}

void https_server_drain(struct https_server *server)
{
	api_announce_end(server->api);
	api_drain(server->api);
}

size_t https_server_requests(const struct https_server *server)
{
	return api_requests(server->api);
}
