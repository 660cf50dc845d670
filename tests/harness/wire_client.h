/* An agent's end of the wire that does what a test says, right or wrong. Everything here fails the
 * running cmocka test when it can't be done. */
#ifndef TESTS_HARNESS_WIRE_CLIENT_H
#define TESTS_HARNESS_WIRE_CLIENT_H

#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_client;

/* Dials once; `ca_file` is for tls+tcp, with the server name "aggregator". */
struct wire_client *wire_client_new(const char *url, const char *ca_file);

/* Leaves NNG's socket to the end of the process, for nng_close() of 1.5.2 can lose it; the
 * connection is closed. */
void wire_client_free(struct wire_client *client);

/* Wait up to 5 s. */
bool wire_client_connected(struct wire_client *client);
bool wire_client_hung_up(struct wire_client *client); /* by the other end, after connecting */

void wire_client_send(struct wire_client *client, const void *data, size_t size);

void wire_client_send_hello(struct wire_client *client, const char *node, const char *secret);

/* A catalog of one pod "web" in namespace "shop", with `containers` of it called c0, c1, … */
void wire_client_send_catalog(struct wire_client *client, uint64_t revision, size_t containers);

/* CPU usage and memory of `rows` containers, each `value`. */
void wire_client_send_sample(
	struct wire_client *client, uint64_t revision, size_t rows, uint64_t value);

#endif
