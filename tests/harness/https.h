/* A raw HTTPS client: sends exactly the bytes it is given, so that it can be as wrong as a test
 * needs it to be. TLS 1.2 or later; the server's certificate is verified. */
#ifndef TESTS_HARNESS_HTTPS_H
#define TESTS_HARNESS_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

struct https;

struct https_response {
	int status;    /* 0: the server closed before a whole response came, or nothing came */
	char *headers; /* all header lines as they came, terminated */
	char *body; /* put together if it was chunked, inflated if it was gzipped; terminated, and
		     * not NULL when a whole response came */
	size_t length;      /* of the body */
	size_t wire_length; /* bytes of the body before inflating */
	bool chunked;
	bool gzipped;
};

/* Connects to 127.0.0.1 and shakes hands, within 10 s. `ca_file` is what the certificate must come
 * from. NULL when that fails. */
struct https *https_open(unsigned port, const char *ca_file);

/* The same with a certificate (PEM, with what it is to be proved by) and its key. */
struct https *https_open_as(
	unsigned port, const char *ca_file, const char *certificate, const char *key);
void https_close(struct https *https); /* NULL is fine */

/* Sends the bytes as they are. False when the server has closed. */
bool https_send(struct https *https, const void *data, size_t length);

/* Reads one response, for at most `timeout_ms`; the connection can be used for the next request if
 * the server keeps it. Free what came in any case. That to a HEAD has no body, whatever its headers
 * say. */
struct https_response https_receive(struct https *https, unsigned timeout_ms);
struct https_response https_receive_head(struct https *https, unsigned timeout_ms);
void https_response_free(struct https_response *response);

/* Reads until the server closes. The number of bytes that no response was made of, or -1 when it
 * did not close within `timeout_ms`. */
long https_drain(struct https *https, unsigned timeout_ms);

/* Value of the first header of that name (in any case), up to the end of its line, in `out`; false
 * when there is none. */
bool https_header(const struct https_response *response, const char *name, char *out, size_t size);

/* One GET on an open connection: `headers` are further lines, each ended by CR LF, or "". `token`
 * may be NULL. */
struct https_response https_get(
	struct https *https, const char *path, const char *token, const char *headers);

/* A TCP connection to 127.0.0.1 alone, that says nothing; a read gives up after 10 s. -1 when that
 * fails. */
int https_tcp(unsigned port);

#endif
