#include "tests/harness/kube_double.h"

#include "base/tls_pem.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include <cmocka.h>

#define OWN_NAMES "IP:127.0.0.1,DNS:localhost"

struct route {
	char *path;
	kube_handler handler;
	void *context;
	struct canned *canned; /* the context, when it is ours */
	struct route *prev, *next;
};

struct canned {
	int status;
	char *content_type, *body;
	struct canned *next;
};

struct record {
	char *path, *text;
	struct record *prev, *next;
};

struct connection {
	struct kube_double *server;
	pthread_t thread;
	struct kube_exchange_of of;
	bool open; /* its fd; under the lock */
	struct connection *next;
};

struct kube_double {
	pthread_mutex_t lock; /* guards all that changes below */
	SSL_CTX *tls;
	struct route *routes;
	struct canned *canned; /* all there ever were: a handler may still read one */
	struct record *records;
	struct connection *connections; /* all there ever were */
	unsigned handshakes;

	struct pki *own_pki;
	char *ca, url[64];
	const char *client_ca;
	uint16_t port;
	int listen_fd, stop_fd;
	pthread_t thread;
};

/* --- TLS -------------------------------------------------------------------------------------- */

static SSL_CTX *new_tls(const struct kube_double *server, const struct pki *pki, const char *names)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	struct pki_pair pair = pki_issue(pki, names ? names : OWN_NAMES, 3600);

	assert_non_null(tls);
	assert_int_equal(tls_pem_own(tls, pair.cert, pair.key, NULL), 0);
	pki_pair_free(&pair);
	if (server->client_ca) {
		assert_int_equal(tls_pem_trust(tls, server->client_ca, NULL), 0);
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
		(void)SSL_CTX_set_session_id_context(tls, (const unsigned char *)"double", 6);
	}
	return tls;
}

void kube_double_certify(struct kube_double *server, const struct pki *pki, const char *names)
{
	SSL_CTX *tls = new_tls(server, pki, names), *old;

	(void)pthread_mutex_lock(&server->lock);
	old = server->tls;
	server->tls = tls;
	(void)pthread_mutex_unlock(&server->lock);
	SSL_CTX_free(old);
}

/* --- routes ----------------------------------------------------------------------------------- */

static bool fits(const char *pattern, const char *path)
{
	size_t length = strlen(pattern);

	if (length > 0 && pattern[length - 1] == '*')
		return strncmp(pattern, path, length - 1) == 0;
	return strcmp(pattern, path) == 0;
}

static void set_route(struct kube_double *server, const char *path, kube_handler handler,
	void *context, struct canned *canned)
{
	struct route *route;

	(void)pthread_mutex_lock(&server->lock);
	DL_FOREACH (server->routes, route) {
		if (strcmp(route->path, path) == 0)
			break;
	}
	if (!route) {
		route = calloc(1, sizeof(*route));
		assert_non_null(route);
		route->path = strdup(path);
		assert_non_null(route->path);
		DL_APPEND(server->routes, route);
	}
	route->handler = handler;
	route->context = context;
	if (canned)
		LL_PREPEND(server->canned, canned);
	(void)pthread_mutex_unlock(&server->lock);
}

void kube_double_on(
	struct kube_double *server, const char *path, kube_handler handler, void *context)
{
	set_route(server, path, handler, context, NULL);
}

static void answer_canned(struct kube_exchange *exchange, void *context)
{
	const struct canned *canned = context;

	(void)kube_exchange_reply_text(
		exchange, canned->status, canned->content_type, canned->body);
}

void kube_double_answer(struct kube_double *server, const char *path, int status,
	const char *content_type, const char *body)
{
	struct canned *canned = calloc(1, sizeof(*canned));

	assert_non_null(canned);
	canned->status = status;
	canned->content_type = content_type ? strdup(content_type) : NULL;
	canned->body = strdup(body);
	set_route(server, path, answer_canned, canned, canned);
}

static void answer_unknown(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_reply_status(
		exchange, 404, "NotFound", "the server could not find the requested resource");
}

/* Notes the request, and finds who answers it. */
static void handle(struct kube_double *server, struct kube_exchange *exchange)
{
	const char *path = kube_exchange_path(exchange);
	struct record *record = calloc(1, sizeof(*record)), *other;
	kube_handler handler = answer_unknown;
	struct route *route;
	void *context = NULL;
	unsigned number = 0;

	if (!record)
		abort();
	record->path = strdup(path);
	record->text = strdup(kube_exchange_text(exchange));
	if (!record->path || !record->text)
		abort();
	(void)pthread_mutex_lock(&server->lock);
	DL_FOREACH (server->records, other) {
		number += strcmp(other->path, path) == 0;
	}
	DL_APPEND(server->records, record);
	DL_FOREACH (server->routes, route) {
		if (fits(route->path, path)) {
			handler = route->handler;
			context = route->context;
			break;
		}
	}
	(void)pthread_mutex_unlock(&server->lock);
	kube_exchange_set_number(exchange, number);
	handler(exchange, context);
}

/* --- connections ------------------------------------------------------------------------------ */

static void serve(struct connection *connection)
{
	struct kube_double *server = connection->server;
	struct kube_exchange *exchange;
	bool good = SSL_accept(connection->of.ssl) == 1;

	if (good) {
		(void)pthread_mutex_lock(&server->lock);
		server->handshakes++;
		(void)pthread_mutex_unlock(&server->lock);
	}
	while (good && (exchange = kube_exchange_read(&connection->of)) != NULL) {
		handle(server, exchange);
		good = kube_exchange_finish(exchange);
	}
}

static void *run_connection(void *context)
{
	struct connection *connection = context;
	struct kube_double *server = connection->server;

	serve(connection);
	(void)pthread_mutex_lock(&server->lock);
	connection->open = false;
	(void)pthread_mutex_unlock(&server->lock);
	SSL_free(connection->of.ssl);
	(void)close(connection->of.fd);
	return NULL;
}

/* The handshake happens in the connection's own thread. */
static void add_connection(struct kube_double *server, int fd, unsigned number)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	int one = 1;

	if (!connection)
		abort();
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connection->server = server;
	(void)pthread_mutex_lock(&server->lock);
	connection->of = (struct kube_exchange_of){
		.ssl = SSL_new(server->tls),
		.fd = fd,
		.stop_fd = server->stop_fd,
		.connection = number,
	};
	connection->open = true;
	LL_PREPEND(server->connections, connection);
	(void)pthread_mutex_unlock(&server->lock);
	if (!connection->of.ssl || SSL_set_fd(connection->of.ssl, fd) != 1 ||
		pthread_create(&connection->thread, NULL, run_connection, connection) != 0)
		abort();
}

static void *run(void *context)
{
	struct kube_double *server = context;
	struct pollfd fds[] = {{server->listen_fd, POLLIN, 0}, {server->stop_fd, POLLIN, 0}};
	unsigned number = 0;

	while (poll(fds, 2, -1) >= 0 && fds[1].revents == 0) {
		int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			add_connection(server, fd, number++);
	}
	return NULL;
}

void kube_double_cut(struct kube_double *server)
{
	struct connection *connection;

	(void)pthread_mutex_lock(&server->lock);
	LL_FOREACH (server->connections, connection) {
		if (connection->open)
			(void)shutdown(connection->of.fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&server->lock);
}

/* --- start and stop --------------------------------------------------------------------------- */

static void listen_on(struct kube_double *server, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int one = 1;

	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(server->listen_fd >= 0);
	assert_int_equal(
		setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server->listen_fd, 512), 0);
	assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&address, &size), 0);
	server->port = ntohs(address.sin_port);
	(void)snprintf(server->url, sizeof(server->url), "https://127.0.0.1:%u", server->port);
}

struct kube_double *kube_double_start(const struct kube_double_options *options)
{
	static const struct kube_double_options NONE;
	struct kube_double *server = calloc(1, sizeof(*server));
	const struct pki *pki;

	assert_non_null(server);
	(void)signal(SIGPIPE, SIG_IGN);
	if (!options)
		options = &NONE;
	if (!options->pki)
		server->own_pki = pki_new("kube-apiserver's authority");
	pki = options->pki ? options->pki : server->own_pki;
	server->ca = strdup(pki_ca(pki));
	server->client_ca = options->client_ca;
	server->tls = new_tls(server, pki, options->names);
	server->stop_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(server->stop_fd >= 0);
	listen_on(server, options->port);
	assert_int_equal(pthread_mutex_init(&server->lock, NULL), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
	return server;
}

static void free_lists(struct kube_double *server)
{
	struct connection *connection, *next_connection;
	struct route *route, *next_route;
	struct canned *canned, *next_canned;
	struct record *record, *next_record;

	LL_FOREACH_SAFE(server->connections, connection, next_connection)
	{
		(void)pthread_join(connection->thread, NULL);
		free(connection);
	}
	DL_FOREACH_SAFE(server->routes, route, next_route)
	{
		free(route->path);
		free(route);
	}
	LL_FOREACH_SAFE(server->canned, canned, next_canned)
	{
		free(canned->content_type);
		free(canned->body);
		free(canned);
	}
	DL_FOREACH_SAFE(server->records, record, next_record)
	{
		free(record->path);
		free(record->text);
		free(record);
	}
}

void kube_double_stop(struct kube_double *server)
{
	if (!server)
		return;
	assert_int_equal(eventfd_write(server->stop_fd, 1), 0);
	(void)pthread_join(server->thread, NULL);
	kube_double_cut(server);
	free_lists(server);
	(void)close(server->listen_fd);
	(void)close(server->stop_fd);
	(void)pthread_mutex_destroy(&server->lock);
	SSL_CTX_free(server->tls);
	pki_free(server->own_pki);
	free(server->ca);
	free(server);
}

/* --- what was asked --------------------------------------------------------------------------- */

unsigned kube_double_count(struct kube_double *server, const char *path)
{
	struct record *record;
	unsigned count = 0;

	(void)pthread_mutex_lock(&server->lock);
	DL_FOREACH (server->records, record) {
		count += strcmp(record->path, path) == 0;
	}
	(void)pthread_mutex_unlock(&server->lock);
	return count;
}

bool kube_double_await(
	struct kube_double *server, const char *path, unsigned count, unsigned timeout_ms)
{
	uint64_t until = wait_now_ms() + timeout_ms;

	while (kube_double_count(server, path) < count) {
		if (wait_now_ms() >= until)
			return false;
		wait_ms(10);
	}
	return true;
}

char *kube_double_request(struct kube_double *server, const char *path, unsigned n)
{
	struct record *record;
	char *text = NULL;

	(void)pthread_mutex_lock(&server->lock);
	DL_FOREACH (server->records, record) {
		if (strcmp(record->path, path) == 0 && n-- == 0) {
			text = strdup(record->text);
			break;
		}
	}
	(void)pthread_mutex_unlock(&server->lock);
	return text;
}

unsigned kube_double_connections(struct kube_double *server)
{
	unsigned count;

	(void)pthread_mutex_lock(&server->lock);
	count = server->handshakes;
	(void)pthread_mutex_unlock(&server->lock);
	return count;
}

uint16_t kube_double_port(const struct kube_double *server)
{
	return server->port;
}

const char *kube_double_url(const struct kube_double *server)
{
	return server->url;
}

const char *kube_double_ca(const struct kube_double *server)
{
	return server->ca;
}

struct kube_config kube_double_config(const struct kube_double *server)
{
	union {
		const char *in;
		char *out;
	} url = {server->url};

	return (struct kube_config){.server = url.out, .ca_pem = server->ca};
}
