#include "tests/harness/https.h"

#include "base/tls_pem.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#define READ_SIZE   16384
#define MAX_HEAD    65536
#define PATIENCE_MS 60000

struct https {
	int fd;
	SSL_CTX *context;
	SSL *ssl;
	char *data; /* what came and was not taken yet */
	size_t length;
	uint64_t deadline_ms;
	bool closed; /* by the server */
};

int https_tcp(unsigned port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
		connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static bool connect_to(struct https *https, unsigned port)
{
	struct timeval step = {.tv_usec = 100000}; /* how often a deadline is looked at */

	https->fd = https_tcp(port);
	return https->fd >= 0 &&
	       setsockopt(https->fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step)) == 0;
}

static bool shake_hands(
	struct https *https, const char *ca_file, const char *certificate, const char *key)
{
	uint64_t end = wait_now_ms() + PATIENCE_MS;
	int r;

	https->context = SSL_CTX_new(TLS_client_method());
	if (!https->context || SSL_CTX_load_verify_locations(https->context, ca_file, NULL) != 1)
		return false;
	if (certificate && tls_pem_own(https->context, certificate, key, NULL) < 0)
		return false;
	SSL_CTX_set_verify(https->context, SSL_VERIFY_PEER, NULL);
	https->ssl = SSL_new(https->context);
	if (!https->ssl || SSL_set_fd(https->ssl, https->fd) != 1 ||
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(https->ssl), "127.0.0.1") != 1)
		return false;
	while ((r = SSL_connect(https->ssl)) != 1 && wait_now_ms() < end)
		if (SSL_get_error(https->ssl, r) != SSL_ERROR_WANT_READ)
			break;
	ERR_clear_error();
	return r == 1;
}

struct https *https_open(unsigned port, const char *ca_file)
{
	return https_open_as(port, ca_file, NULL, NULL);
}

struct https *https_open_as(
	unsigned port, const char *ca_file, const char *certificate, const char *key)
{
	struct https *https = calloc(1, sizeof(*https));

	if (!https)
		return NULL;
	(void)signal(SIGPIPE, SIG_IGN); /* a server that closes is a result, not the end */
	https->fd = -1;
	if (connect_to(https, port) && shake_hands(https, ca_file, certificate, key))
		return https;
	https_close(https);
	return NULL;
}

void https_close(struct https *https)
{
	if (!https)
		return;
	SSL_free(https->ssl);
	SSL_CTX_free(https->context);
	if (https->fd >= 0)
		(void)close(https->fd);
	free(https->data);
	free(https);
}

bool https_send(struct https *https, const void *data, size_t length)
{
	const char *rest = data;

	while (length > 0) {
		int sent =
			SSL_write(https->ssl, rest, (int)(length < READ_SIZE ? length : READ_SIZE));

		if (sent <= 0) {
			ERR_clear_error();
			return false;
		}
		rest += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* Takes in more bytes. False at the end of the connection and of the time. */
static bool more(struct https *https)
{
	char *data = realloc(https->data, https->length + READ_SIZE + 1);
	int got;

	if (!data)
		return false;
	https->data = data;
	while ((got = SSL_read(https->ssl, data + https->length, READ_SIZE)) <= 0) {
		bool again = SSL_get_error(https->ssl, got) == SSL_ERROR_WANT_READ;

		ERR_clear_error();
		https->closed = !again;
		if (!again || wait_now_ms() >= https->deadline_ms)
			return false;
	}
	https->length += (size_t)got;
	data[https->length] = '\0';
	return true;
}

static void take(struct https *https, size_t length)
{
	https->length -= length;
	memmove(https->data, https->data + length, https->length + 1);
}

/* Takes in bytes until `text` has come; its offset, or -1. */
static long find(struct https *https, const char *text)
{
	for (;;) {
		char *found = https->length == 0
				      ? NULL
				      : memmem(https->data, https->length, text, strlen(text));

		if (found)
			return found - https->data;
		if (https->length > MAX_HEAD || !more(https))
			return -1;
	}
}

/* Moves `length` bytes to the end of the body. */
static bool take_body(struct https *https, struct https_response *response, size_t length)
{
	char *body;

	while (https->length < length)
		if (!more(https))
			return false;
	body = realloc(response->body, response->length + length + 1);
	if (!body)
		return false;
	if (length > 0)
		memcpy(body + response->length, https->data, length);
	response->body = body;
	response->length += length;
	body[response->length] = '\0';
	if (length > 0)
		take(https, length);
	return true;
}

static bool take_chunks(struct https *https, struct https_response *response)
{
	for (;;) {
		long end = find(https, "\r\n");
		size_t size;

		if (end < 0)
			return false;
		size = strtoul(https->data, NULL, 16);
		take(https, (size_t)end + 2);
		if (!take_body(https, response, size) || find(https, "\r\n") != 0)
			return false;
		take(https, 2);
		if (size == 0)
			return true;
	}
}

static bool inflate_body(struct https_response *response)
{
	z_stream stream = {.next_in = (Bytef *)response->body, .avail_in = (uInt)response->length};
	char *out = NULL;
	size_t length = 0;
	int r = inflateInit2(&stream, 15 + 16); /* the largest window, gzip's header */

	while (r == Z_OK) {
		char *grown = realloc(out, length + READ_SIZE + 1);

		if (!grown)
			break;
		out = grown;
		stream.next_out = (Bytef *)out + length;
		stream.avail_out = READ_SIZE;
		r = inflate(&stream, Z_NO_FLUSH);
		length += READ_SIZE - stream.avail_out;
	}
	(void)inflateEnd(&stream);
	if (r != Z_STREAM_END || stream.avail_in > 0 || !out) {
		free(out);
		return false;
	}
	out[length] = '\0';
	free(response->body);
	response->body = out;
	response->length = length;
	return true;
}

static bool receive_body(struct https *https, struct https_response *response)
{
	char value[64];

	if (https_header(response, "Transfer-Encoding", value, sizeof(value))) {
		response->chunked = strcasecmp(value, "chunked") == 0;
		if (!response->chunked || !take_chunks(https, response))
			return false;
	} else if (https_header(response, "Content-Length", value, sizeof(value))) {
		if (!take_body(https, response, strtoul(value, NULL, 10)))
			return false;
	} else {
		while (more(https))
			; /* until the server closes */
		if (!https->closed || !take_body(https, response, https->length))
			return false;
	}
	response->wire_length = response->length;
	response->gzipped = https_header(response, "Content-Encoding", value, sizeof(value)) &&
			    strcasecmp(value, "gzip") == 0;
	return !response->gzipped || inflate_body(response);
}

static struct https_response receive(struct https *https, unsigned timeout_ms, bool to_head)
{
	struct https_response response = {0};
	long end;
	int status;
	bool whole;

	https->deadline_ms = wait_now_ms() + timeout_ms;
	end = find(https, "\r\n\r\n");
	if (end < 0)
		return response;
	response.headers = strndup(https->data, (size_t)end + 2);
	take(https, (size_t)end + 4);
	if (!response.headers || sscanf(response.headers, "HTTP/1.%*1[01] %d", &status) != 1)
		return response;
	if (to_head || status == 304 || status == 204)
		whole = take_body(https, &response, 0);
	else
		whole = receive_body(https, &response);
	response.status = whole ? status : 0;
	return response;
}

struct https_response https_receive(struct https *https, unsigned timeout_ms)
{
	return receive(https, timeout_ms, false);
}

struct https_response https_receive_head(struct https *https, unsigned timeout_ms)
{
	return receive(https, timeout_ms, true);
}

long https_drain(struct https *https, unsigned timeout_ms)
{
	https->deadline_ms = wait_now_ms() + timeout_ms;
	while (more(https))
		;
	return https->closed ? (long)https->length : -1;
}

void https_response_free(struct https_response *response)
{
	free(response->headers);
	free(response->body);
	*response = (struct https_response){0};
}

bool https_header(const struct https_response *response, const char *name, char *out, size_t size)
{
	size_t length = strlen(name);

	for (const char *line = response->headers; line && *line;) {
		const char *end = strstr(line, "\r\n");

		if (!end)
			break;
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			const char *value = line + length + 1;

			value += strspn(value, " \t");
			(void)snprintf(out, size, "%.*s", (int)(end - value), value);
			return true;
		}
		line = end + 2;
	}
	return false;
}

struct https_response https_get(
	struct https *https, const char *path, const char *token, const char *headers)
{
	char request[8192];
	int length = snprintf(request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s%s\r\n", path,
		token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "",
		headers);

	if (length < 0 || (size_t)length >= sizeof(request) ||
		!https_send(https, request, (size_t)length))
		return (struct https_response){0};
	return https_receive(https, PATIENCE_MS);
}
