#include "tests/harness/kube_exchange.h"

#include "base/buffer.h"
#include "tests/harness/wait.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define READ_SIZE   16384
#define MAX_HEAD    (256 * 1024)
#define MAX_HEADERS 128
#define STEP_MS     20

struct header {
	const char *name, *value;
};

struct kube_exchange {
	struct kube_exchange_of of;
	struct buffer text; /* as it came */
	size_t head_size;   /* with the empty line */
	char *head;         /* taken apart */
	const char *method, *target, *query;
	char *path;
	struct header headers[MAX_HEADERS];
	size_t header_count;
	char client[256];
	unsigned number;
	struct buffer extra; /* header lines of the answer */
	bool begun, ended, broken;
};

/* --- reading ---------------------------------------------------------------------------------- */

/* False when it is time to go. */
static bool await_bytes(const struct kube_exchange_of *of)
{
	struct pollfd fds[] = {{of->fd, POLLIN, 0}, {of->stop_fd, POLLIN, 0}};

	if (SSL_pending(of->ssl) > 0)
		return true;
	return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static bool read_more(struct kube_exchange *exchange)
{
	char *to = buffer_reserve(&exchange->text, READ_SIZE);
	int n;

	if (!to)
		abort();
	if (!await_bytes(&exchange->of))
		return false;
	n = SSL_read(exchange->of.ssl, to, READ_SIZE - 1);
	if (n <= 0)
		return false;
	exchange->text.length += (size_t)n;
	(void)buffer_terminate(&exchange->text);
	return true;
}

static bool read_head(struct kube_exchange *exchange)
{
	const char *end = NULL;

	while (!end) {
		if (exchange->text.length > MAX_HEAD || !read_more(exchange))
			return false;
		end = strstr(exchange->text.data, "\r\n\r\n");
	}
	exchange->head_size = (size_t)(end - exchange->text.data) + 4;
	exchange->head = strndup(exchange->text.data, exchange->head_size - 4);
	if (!exchange->head)
		abort();
	return true;
}

static bool split_first_line(struct kube_exchange *exchange, char *line)
{
	char *rest = NULL;

	exchange->method = strtok_r(line, " ", &rest);
	exchange->target = strtok_r(NULL, " ", &rest);
	if (!exchange->method || !exchange->target)
		return false;
	exchange->query = strchr(exchange->target, '?');
	exchange->path = strndup(exchange->target, strcspn(exchange->target, "?"));
	if (!exchange->path)
		abort();
	exchange->query = exchange->query ? exchange->query + 1 : "";
	return true;
}

static bool split_head(struct kube_exchange *exchange)
{
	char *rest = NULL, *line = strtok_r(exchange->head, "\r\n", &rest);

	if (!line || !split_first_line(exchange, line))
		return false;
	while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
		char *colon = strchr(line, ':');

		if (!colon || exchange->header_count == MAX_HEADERS)
			return false;
		*colon = '\0';
		exchange->headers[exchange->header_count++] =
			(struct header){line, colon + 1 + strspn(colon + 1, " ")};
	}
	return true;
}

static bool read_body(struct kube_exchange *exchange)
{
	const char *length = kube_exchange_header(exchange, "Content-Length");
	size_t size = exchange->head_size + (length ? strtoul(length, NULL, 10) : 0);

	while (exchange->text.length < size)
		if (!read_more(exchange))
			return false;
	return true;
}

static void read_client(struct kube_exchange *exchange)
{
	X509 *cert = SSL_get1_peer_certificate(exchange->of.ssl);

	if (cert)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
			exchange->client, (int)sizeof(exchange->client));
	X509_free(cert);
}

static void free_exchange(struct kube_exchange *exchange)
{
	buffer_free(&exchange->text);
	buffer_free(&exchange->extra);
	free(exchange->head);
	free(exchange->path);
	free(exchange);
}

struct kube_exchange *kube_exchange_read(const struct kube_exchange_of *of)
{
	struct kube_exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		abort();
	exchange->of = *of;
	if (!read_head(exchange) || !split_head(exchange) || !read_body(exchange)) {
		free_exchange(exchange);
		return NULL;
	}
	read_client(exchange);
	return exchange;
}

void kube_exchange_set_number(struct kube_exchange *exchange, unsigned number)
{
	exchange->number = number;
}

const char *kube_exchange_text(const struct kube_exchange *exchange)
{
	return exchange->text.data;
}

bool kube_exchange_finish(struct kube_exchange *exchange)
{
	bool good = exchange->ended && !exchange->broken;

	free_exchange(exchange);
	return good;
}

/* --- the request ------------------------------------------------------------------------------ */

const char *kube_exchange_method(const struct kube_exchange *exchange)
{
	return exchange->method;
}

const char *kube_exchange_target(const struct kube_exchange *exchange)
{
	return exchange->target;
}

const char *kube_exchange_path(const struct kube_exchange *exchange)
{
	return exchange->path;
}

const char *kube_exchange_query(const struct kube_exchange *exchange)
{
	return exchange->query;
}

bool kube_exchange_asks(const struct kube_exchange *exchange, const char *pair)
{
	size_t length = strlen(pair);

	for (const char *at = exchange->query; at; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, pair, length) == 0 && (at[length] == '\0' || at[length] == '&'))
			return true;
	}
	return false;
}

const char *kube_exchange_header(const struct kube_exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->header_count; i++)
		if (strcasecmp(exchange->headers[i].name, name) == 0)
			return exchange->headers[i].value;
	return NULL;
}

const char *kube_exchange_body(const struct kube_exchange *exchange, size_t *ret_size)
{
	if (ret_size)
		*ret_size = exchange->text.length - exchange->head_size;
	return exchange->text.data + exchange->head_size;
}

const char *kube_exchange_client(const struct kube_exchange *exchange)
{
	return *exchange->client ? exchange->client : NULL;
}

const char *kube_exchange_server_name(const struct kube_exchange *exchange)
{
	return SSL_get_servername(exchange->of.ssl, TLSEXT_NAMETYPE_host_name);
}

unsigned kube_exchange_number(const struct kube_exchange *exchange)
{
	return exchange->number;
}

unsigned kube_exchange_connection(const struct kube_exchange *exchange)
{
	return exchange->of.connection;
}

/* --- the answer ------------------------------------------------------------------------------- */

static bool write_all(struct kube_exchange *exchange, const void *data, size_t size)
{
	if (exchange->broken)
		return false;
	/* Blocking, and everything at once: SSL_MODE_ENABLE_PARTIAL_WRITE is off. */
	if (size > 0 && SSL_write(exchange->of.ssl, data, (int)size) <= 0)
		exchange->broken = true;
	return !exchange->broken;
}

void kube_exchange_add_header(struct kube_exchange *exchange, const char *name, const char *value)
{
	buffer_printf(&exchange->extra, "%s: %s\r\n", name, value);
}

/* `framing` says how the body's end is told. */
static bool write_head(
	struct kube_exchange *exchange, int status, const char *content_type, const char *framing)
{
	struct buffer head = {0};
	bool good;

	buffer_printf(&head, "HTTP/1.1 %d Status\r\n%s\r\n", status, framing);
	if (content_type)
		buffer_printf(&head, "Content-Type: %s\r\n", content_type);
	if (exchange->extra.length > 0)
		buffer_append(&head, exchange->extra.data, exchange->extra.length);
	buffer_append_string(&head, "\r\n");
	exchange->begun = true;
	good = write_all(exchange, head.data, head.length);
	buffer_free(&head);
	return good;
}

bool kube_exchange_reply(struct kube_exchange *exchange, int status, const char *content_type,
	const void *body, size_t size)
{
	char framing[64];

	(void)snprintf(framing, sizeof(framing), "Content-Length: %zu", size);
	exchange->ended = true;
	return write_head(exchange, status, content_type, framing) &&
	       write_all(exchange, body, size);
}

bool kube_exchange_reply_text(
	struct kube_exchange *exchange, int status, const char *content_type, const char *body)
{
	return kube_exchange_reply(exchange, status, content_type, body, strlen(body));
}

bool kube_exchange_reply_status(
	struct kube_exchange *exchange, int status, const char *reason, const char *message)
{
	char body[1024];

	(void)snprintf(body, sizeof(body),
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d}\n",
		message, reason, status);
	return kube_exchange_reply_text(exchange, status, "application/json", body);
}

bool kube_exchange_begin(struct kube_exchange *exchange, int status, const char *content_type)
{
	return write_head(exchange, status, content_type, "Transfer-Encoding: chunked");
}

bool kube_exchange_send(struct kube_exchange *exchange, const void *data, size_t size)
{
	struct buffer chunk = {0};
	bool good;

	if (size == 0)
		return !exchange->broken; /* an empty chunk would be the end */
	buffer_printf(&chunk, "%zx\r\n", size);
	buffer_append(&chunk, data, size);
	buffer_append_string(&chunk, "\r\n");
	good = write_all(exchange, chunk.data, chunk.length);
	buffer_free(&chunk);
	return good;
}

bool kube_exchange_send_text(struct kube_exchange *exchange, const char *text)
{
	return kube_exchange_send(exchange, text, strlen(text));
}

bool kube_exchange_end(struct kube_exchange *exchange)
{
	exchange->ended = true;
	return write_all(exchange, "0\r\n\r\n", 5);
}

bool kube_exchange_raw(struct kube_exchange *exchange, const void *data, size_t size)
{
	exchange->begun = true;
	return write_all(exchange, data, size);
}

/* What was written goes out before the FIN. */
void kube_exchange_cut(struct kube_exchange *exchange)
{
	exchange->broken = true;
	(void)shutdown(exchange->of.fd, SHUT_RDWR);
}

bool kube_exchange_wait(struct kube_exchange *exchange, unsigned ms)
{
	uint64_t until = wait_now_ms() + ms, now;

	while (!exchange->broken && (now = wait_now_ms()) < until) {
		struct pollfd fds[] = {
			{exchange->of.fd, POLLRDHUP, 0}, {exchange->of.stop_fd, POLLIN, 0}};
		uint64_t left = until - now;

		if (poll(fds, 2, left < STEP_MS ? (int)left : STEP_MS) > 0)
			exchange->broken = true;
	}
	return !exchange->broken;
}
