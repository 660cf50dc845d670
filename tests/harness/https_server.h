/* The aggregator's API over a store of the test's, on loopback with a certificate made for it. What
 * is main's runs in a thread of the harness. A failure fails the running cmocka test. */
#ifndef HARNESS_HTTPS_SERVER_H
#define HARNESS_HTTPS_SERVER_H

#include "aggregator/api/api.h"
#include "aggregator/store/store.h"
#include "base/telemetry.h"

#include <stdint.h>

#define HTTPS_SERVER_TOKEN           "a-token-of-the-test"
#define HTTPS_SERVER_SERVING_THREADS 2 /* unless the options say how many */

struct https_server;

/* `options` may be NULL; of it all but address, certificate, access, store and telemetry is taken.
 * Who has HTTPS_SERVER_TOKEN is let in. */
struct https_server *https_server_start(
	struct store *store, struct telemetry *telemetry, const struct api_options *options);

/* The same with an access of the test's, which belongs to the server. */
struct https_server_access {
	/* Before the server runs. */
	struct access *(*make)(void *context, struct event_base *base);
	/* In its thread, when it and the access are gone; may be NULL. */
	void (*stop)(void *context);
	void *context;
};
struct https_server *https_server_start_with(struct store *store, struct telemetry *telemetry,
	const struct api_options *options, const struct https_server_access *access);
void https_server_stop(struct https_server *server);

uint16_t https_server_port(const struct https_server *server);
/* The file of the authority that its certificate comes from. */
const char *https_server_ca(const struct https_server *server);

/* Writes the same certificate anew: the server takes it for another one. */
void https_server_renew_certificate(struct https_server *server);

/* Any thread: each answer closes its connection from now on; and how many are under way. */
void https_server_drain(struct https_server *server);
size_t https_server_requests(const struct https_server *server);

#endif
