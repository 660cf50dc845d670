#include "tests/harness/https_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_HEAD 65536

struct https_client {
	SSL_CTX *tls;
	SSL *ssl;
	int fd;
};

int https_client_tcp(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

struct https_client *https_client_connect(uint16_t port, const char *ca_file)
{
	struct https_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	client->fd = https_client_tcp(port);
	client->tls = SSL_CTX_new(TLS_client_method());
	if (client->fd < 0 || !client->tls ||
		SSL_CTX_load_verify_locations(client->tls, ca_file, NULL) != 1)
		goto fail;
	SSL_CTX_set_verify(client->tls, SSL_VERIFY_PEER, NULL);
	client->ssl = SSL_new(client->tls);
	if (!client->ssl || SSL_set_fd(client->ssl, client->fd) != 1 ||
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(client->ssl), "127.0.0.1") != 1 ||
		SSL_connect(client->ssl) != 1)
		goto fail;
	return client;
fail:
	https_client_close(client);
	return NULL;
}

void https_client_close(struct https_client *client)
{
	if (!client)
		return;
	SSL_free(client->ssl);
	SSL_CTX_free(client->tls);
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client);
}

bool https_client_send(struct https_client *client, const void *data, size_t size)
{
	return SSL_write(client->ssl, data, (int)size) == (int)size;
}

static bool read_bytes(struct https_client *client, size_t size, struct buffer *out)
{
	while (size > 0) {
		char *to = buffer_reserve(out, size);
		int n = to ? SSL_read(client->ssl, to, (int)size) : -1;

		if (n <= 0)
			return false;
		out->length += (size_t)n;
		size -= (size_t)n;
	}
	return true;
}

/* Up to and with the next line end. */
static bool read_line(struct https_client *client, struct buffer *out)
{
	size_t start = out->length;

	while (out->length - start < MAX_HEAD) {
		if (!read_bytes(client, 1, out))
			return false;
		if (out->data[out->length - 1] == '\n')
			return true;
	}
	return false;
}

bool https_answer_header(
	const struct https_answer *answer, const char *name, char *ret_value, size_t size)
{
	size_t length = strlen(name);
	const char *line = answer->head.data;

	while (line && (line = strstr(line, "\r\n"))) {
		line += 2;
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " ");
			(void)snprintf(ret_value, size, "%.*s", (int)strcspn(line, "\r"), line);
			return true;
		}
	}
	return false;
}

static bool read_chunks(struct https_client *client, struct buffer *out)
{
	for (;;) {
		struct buffer line = {0};
		unsigned long size;
		bool fine = read_line(client, &line);

		size = fine ? strtoul(buffer_terminate(&line), NULL, 16) : 0;
		buffer_free(&line);
		if (!fine || (size > 0 && !read_bytes(client, size, out)))
			return false;
		fine = read_line(client, &line); /* the end of the chunk, or of the trailer */
		buffer_free(&line);
		if (!fine)
			return false;
		if (size == 0)
			return true;
	}
}

static bool read_body(struct https_client *client, struct https_answer *answer)
{
	char value[64];

	if (https_answer_header(answer, "Transfer-Encoding", value, sizeof(value))) {
		answer->chunked = true;
		return read_chunks(client, &answer->body);
	}
	if (https_answer_header(answer, "Content-Length", value, sizeof(value)))
		return read_bytes(client, strtoul(value, NULL, 10), &answer->body);
	while (read_bytes(client, 1, &answer->body))
		;
	return true;
}

struct https_answer https_client_read(struct https_client *client, bool no_body)
{
	struct https_answer answer = {0};
	size_t line;
	int code;

	do {
		line = answer.head.length;
		if (!read_line(client, &answer.head))
			return answer;
	} while (answer.head.length - line > 2);
	(void)buffer_terminate(&answer.head);
	if (sscanf(answer.head.data, "HTTP/1.%*d %d", &code) != 1)
		return answer;
	if (!no_body && code != 304 && !read_body(client, &answer))
		return answer;
	(void)buffer_terminate(&answer.body);
	answer.code = code;
	return answer;
}

void https_answer_free(struct https_answer *answer)
{
	buffer_free(&answer->head);
	buffer_free(&answer->body);
}

long https_client_drain(struct https_client *client)
{
	char bytes[4096];
	long total = 0;
	int n;

	errno = 0;
	while ((n = SSL_read(client->ssl, bytes, sizeof(bytes))) > 0)
		total += n;
	return errno == EAGAIN ? -1 : total;
}
