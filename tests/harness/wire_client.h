/* An agent's end of the wire that does what a test says, right or wrong: NNG's transport written
 * out over a blocking socket, so that nothing reconnects or buffers behind the test's back.
 * Everything here fails the running cmocka test when it can't be done within 5 s. */
#ifndef TESTS_HARNESS_WIRE_CLIENT_H
#define TESTS_HARNESS_WIRE_CLIENT_H

#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_client;

/* Connects to 127.0.0.1:port by TLS as a client that trusts `ca_file` and wants "aggregator", and
 * exchanges NNG's greeting. */
struct wire_client *wire_client_tls(uint16_t port, const char *ca_file);

/* Connects likewise, and waits until the other end hangs up, in the midst of TLS or of the greeting
 * or behind them. False when it has not within 5 s. */
bool wire_client_is_refused(uint16_t port, const char *ca_file);

/* As wire_client_tls(), through a Unix socket. */
struct wire_client *wire_client_local(const char *path);

void wire_client_free(struct wire_client *client);

/* Waits until the other end hangs up. False when it has not within 5 s. */
bool wire_client_hung_up(struct wire_client *client);

/* One message. wire_client_send_bytes() sends what is not even that. */
void wire_client_send(struct wire_client *client, const void *data, size_t size);
void wire_client_send_bytes(struct wire_client *client, const void *data, size_t size);

void wire_client_send_hello(struct wire_client *client, const char *node, const char *secret);

/* A catalog of one pod "web" in namespace "shop", with `containers` of it called c0, c1, … */
void wire_client_send_catalog(struct wire_client *client, uint64_t revision, size_t containers);

/* CPU usage and memory of `rows` containers, each `value`. */
void wire_client_send_sample(
	struct wire_client *client, uint64_t revision, size_t rows, uint64_t value);

#endif
