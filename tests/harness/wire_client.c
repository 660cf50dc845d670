#include "tests/harness/wire_client.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_S 60

/* The greeting of an SP endpoint: its own protocol's number at the end. */
static const uint8_t PUSH_GREETING[] = {0, 'S', 'P', 0, 0, 0x50, 0, 0};
static const uint8_t PULL_GREETING[] = {0, 'S', 'P', 0, 0, 0x51, 0, 0};

struct wire_client {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl; /* NULL: local */
};

static ssize_t read_some(struct wire_client *client, void *data, size_t size)
{
	return client->ssl ? SSL_read(client->ssl, data, (int)size) : read(client->fd, data, size);
}

void wire_client_send_bytes(struct wire_client *client, const void *data, size_t size)
{
	size_t written = 0;

	if (!client->ssl)
		assert_int_equal(send(client->fd, data, size, MSG_NOSIGNAL), size);
	else
		assert_int_equal(SSL_write_ex(client->ssl, data, size, &written), 1);
}

static void greet(struct wire_client *client)
{
	uint8_t greeting[sizeof(PULL_GREETING)];
	size_t length = 0;

	wire_client_send_bytes(client, PUSH_GREETING, sizeof(PUSH_GREETING));
	while (length < sizeof(greeting)) {
		ssize_t n = read_some(client, greeting + length, sizeof(greeting) - length);

		assert_true(n > 0);
		length += (size_t)n;
	}
	assert_memory_equal(greeting, PULL_GREETING, sizeof(greeting));
}

static struct wire_client *connect_to(const struct sockaddr *address, socklen_t size)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct wire_client *client = calloc(1, sizeof(*client));

	assert_non_null(client);
	(void)signal(SIGPIPE, SIG_IGN); /* who is hung up on fails, and does not end */
	client->fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(client->fd >= 0);
	(void)setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(client->fd, address, size), 0);
	return client;
}

/* As far as TCP. */
static struct wire_client *prepare_tls(uint16_t port, const char *ca_file)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct wire_client *client = connect_to((const struct sockaddr *)&address, sizeof(address));

	client->ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_load_verify_locations(client->ctx, ca_file, NULL), 1);
	client->ssl = SSL_new(client->ctx);
	SSL_set_verify(client->ssl, SSL_VERIFY_PEER, NULL);
	assert_int_equal(SSL_set1_host(client->ssl, "aggregator"), 1);
	assert_int_equal(SSL_set_fd(client->ssl, client->fd), 1);
	return client;
}

struct wire_client *wire_client_tls(uint16_t port, const char *ca_file)
{
	struct wire_client *client = prepare_tls(port, ca_file);

	assert_int_equal(SSL_connect(client->ssl), 1);
	greet(client);
	return client;
}

bool wire_client_is_refused(uint16_t port, const char *ca_file)
{
	struct wire_client *client = prepare_tls(port, ca_file);
	char byte;
	int n = SSL_connect(client->ssl);
	bool cut;

	if (n == 1)
		n = SSL_write(client->ssl, PUSH_GREETING, sizeof(PUSH_GREETING));
	while (n > 0)
		n = SSL_read(client->ssl, &byte, 1);
	cut = SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ;
	wire_client_free(client);
	return cut;
}

struct wire_client *wire_client_local(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct wire_client *client;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	client = connect_to((const struct sockaddr *)&address, sizeof(address));
	greet(client);
	return client;
}

void wire_client_free(struct wire_client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->ctx);
	(void)close(client->fd);
	free(client);
}

bool wire_client_hung_up(struct wire_client *client)
{
	char byte;
	ssize_t n = read_some(client, &byte, 1);

	if (client->ssl)
		return n <= 0 && SSL_get_error(client->ssl, (int)n) != SSL_ERROR_WANT_READ;
	return n == 0;
}

/* What is sent while corked arrives in one piece, whoever the scheduler favours. */
static void cork(struct wire_client *client, int on)
{
	if (client->ssl)
		(void)setsockopt(client->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

void wire_client_send(struct wire_client *client, const void *data, size_t size)
{
	static const uint8_t LOCAL_MESSAGE = 1;
	uint64_t length = htobe64(size);

	cork(client, 1);
	if (!client->ssl)
		wire_client_send_bytes(client, &LOCAL_MESSAGE, sizeof(LOCAL_MESSAGE));
	wire_client_send_bytes(client, &length, sizeof(length));
	if (size > 0)
		wire_client_send_bytes(client, data, size);
	cork(client, 0);
}

static void send_message(struct wire_client *client, const Tacho__V1__Message *message)
{
	size_t size = tacho__v1__message__get_packed_size(message);
	uint8_t *data = malloc(size + 1);

	assert_non_null(data);
	wire_client_send(client, data, tacho__v1__message__pack(message, data));
	free(data);
}

void wire_client_send_hello(struct wire_client *client, const char *node, const char *secret)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	char name[512], credential[512];

	(void)snprintf(name, sizeof(name), "%s", node);
	(void)snprintf(credential, sizeof(credential), "%s", secret);
	hello.node = name;
	hello.credential.data = (uint8_t *)credential;
	hello.credential.len = strlen(credential);
	hello.interval_ms = 1000;
	message.kind_case = TACHO__V1__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	send_message(client, &message);
}

void wire_client_send_catalog(struct wire_client *client, uint64_t revision, size_t containers)
{
	static char namespace[] = "shop", name[] = "web", uid[] = "uid-of-web";
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Node node = TACHO__V1__NODE__INIT;
	Tacho__V1__Pod pod = TACHO__V1__POD__INIT, *pods[] = {&pod};
	Tacho__V1__Container *rows = calloc(containers, sizeof(*rows));
	Tacho__V1__Container **pointers = calloc(containers, sizeof(Tacho__V1__Container *));
	char(*names)[24] = calloc(containers, sizeof(*names));

	assert_true(rows && pointers && names);
	for (size_t i = 0; i < containers; i++) {
		tacho__v1__container__init(&rows[i]);
		(void)snprintf(names[i], sizeof(names[i]), "c%zu", i);
		rows[i].name = rows[i].id = names[i];
		pointers[i] = &rows[i];
	}
	pod.namespace_ = namespace;
	pod.name = name;
	pod.uid = uid;
	pod.n_containers = containers;
	pod.containers = pointers;
	catalog.revision = revision;
	catalog.node = &node;
	catalog.n_pods = 1;
	catalog.pods = pods;
	message.kind_case = TACHO__V1__MESSAGE__KIND_CATALOG;
	message.catalog = &catalog;
	send_message(client, &message);
	free(rows);
	free(pointers);
	free(names);
}

void wire_client_send_sample(
	struct wire_client *client, uint64_t revision, size_t rows, uint64_t value)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column cpu = TACHO__V1__COLUMN__INIT, memory = TACHO__V1__COLUMN__INIT;
	Tacho__V1__Column *columns[] = {&cpu, &memory};
	uint64_t *values = calloc(rows + 1, sizeof(*values));

	assert_non_null(values);
	for (size_t i = 0; i < rows; i++)
		values[i] = value + 1; /* as the wire has it: 0 is no figure */
	cpu.metric = 1;
	memory.metric = 5;
	cpu.n_values = memory.n_values = rows;
	cpu.values = memory.values = values;
	sample.revision = revision;
	sample.timestamp_ms = 1000;
	sample.window_ms = 15000;
	sample.n_columns = 2;
	sample.columns = columns;
	message.kind_case = TACHO__V1__MESSAGE__KIND_SAMPLE;
	message.sample = &sample;
	send_message(client, &message);
	free(values);
}
