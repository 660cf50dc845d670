/* The HTTPS server: metrics.k8s.io and what belongs to it, from the store.
 *
 * Runs in the loop of the event_base that it is given; a handler never blocks. */
#ifndef API_API_H
#define API_API_H

#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_options {
	const char *bind_address;
	uint16_t port;                    /* 0: any that is free, see api_port() */
	const char *cert_file, *key_file; /* PEM */
	const char *token;                /* the bearer token that lets in; never NULL */
	bool core_api;                    /* serve /api/v1 nodes and pods too (standalone) */
	uint32_t max_connections;
	struct store *store;
	struct telemetry *telemetry;
};

struct api;

/* Listens. NULL and a message: port in use, certificate that can't be read. */
struct api *api_start(
	const struct api_options *options, struct event_base *base, struct error *err);
void api_stop(struct api *api);

/* The port that it listens on. */
uint16_t api_port(const struct api *api);

#endif
