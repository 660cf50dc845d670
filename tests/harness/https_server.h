/* The aggregator's API over a store of the test's, in a thread, on loopback with a certificate made
 * for it. A failure ends the program. */
#ifndef HARNESS_HTTPS_SERVER_H
#define HARNESS_HTTPS_SERVER_H

#include "aggregator/api/api.h"
#include "aggregator/store/store.h"
#include "base/telemetry.h"

#include <stdint.h>

#define HTTPS_SERVER_TOKEN "a-token-of-the-test"

struct https_server;

/* `options` may be NULL; of it the deadlines, core_api and max_connections are taken. */
struct https_server *https_server_start(
	struct store *store, struct telemetry *telemetry, const struct api_options *options);
void https_server_stop(struct https_server *server);

uint16_t https_server_port(const struct https_server *server);
/* The certificate's file: its own CA, for 127.0.0.1. */
const char *https_server_cert(const struct https_server *server);

/* Writes an EC P-256 key and a certificate for 127.0.0.1, PEM, valid for a day. */
void https_server_write_cert(const char *cert_file, const char *key_file);

#endif
