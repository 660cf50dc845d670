/* A small HTTPS client that sends exactly the bytes that a test wants. It blocks, for at most ten
 * seconds a read. */
#ifndef HARNESS_HTTPS_CLIENT_H
#define HARNESS_HTTPS_CLIENT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct https_client;

/* Connects to 127.0.0.1, shakes hands and verifies the server by `ca_file`. NULL when the server
 * does not want to. */
struct https_client *https_client_connect(uint16_t port, const char *ca_file);
void https_client_close(struct https_client *client);

/* A TCP connection alone. */
int https_client_tcp(uint16_t port);

/* False when the connection is gone. */
bool https_client_send(struct https_client *client, const void *data, size_t size);

struct https_answer {
	int code;           /* 0: the connection ended before a whole answer */
	struct buffer head; /* status line and headers, terminated */
	struct buffer body; /* terminated */
	bool chunked;
};

/* Reads one answer. `no_body`: it is that to a HEAD. */
struct https_answer https_client_read(struct https_client *client, bool no_body);
void https_answer_free(struct https_answer *answer);

/* The value of a header, up to its line's end, in *ret_value; false when there is none. */
bool https_answer_header(
	const struct https_answer *answer, const char *name, char *ret_value, size_t size);

/* Reads until the server closes. The number of bytes, or -1 when it did not within ten seconds. */
long https_client_drain(struct https_client *client);

#endif
