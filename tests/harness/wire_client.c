#include "tests/harness/wire_client.h"

#include "base/tls_config.h"
#include "tests/harness/wait.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/transport/tls/tls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEVER_MS   (24 * 3600 * 1000)
#define PATIENCE_S 5

struct wire_client {
	nng_socket socket;
	nng_dialer dialer;
	_Atomic uint32_t pipe;
	atomic_bool connected, ended;
};

static void on_connected(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	struct wire_client *client = context;

	(void)event;
	atomic_store(&client->pipe, (uint32_t)nng_pipe_id(pipe));
	atomic_store(&client->connected, true);
}

static void on_ended(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	struct wire_client *client = context;

	(void)pipe;
	(void)event;
	atomic_store(&client->ended, true);
}

struct wire_client *wire_client_new(const char *url, const char *ca_file)
{
	struct wire_client *client = calloc(1, sizeof(*client));
	nng_tls_config *config;

	assert_non_null(client);
	assert_int_equal(nng_push0_open(&client->socket), 0);
	assert_int_equal(
		nng_socket_set_ms(client->socket, NNG_OPT_SENDTIMEO, PATIENCE_S * 1000), 0);
	(void)nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_POST, on_connected, client);
	(void)nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, on_ended, client);
	/* Of the socket: the dialer takes over its first gap when it is made. */
	assert_int_equal(nng_socket_set_ms(client->socket, NNG_OPT_RECONNMINT, NEVER_MS), 0);
	assert_int_equal(nng_socket_set_ms(client->socket, NNG_OPT_RECONNMAXT, NEVER_MS), 0);
	assert_int_equal(nng_dialer_create(&client->dialer, client->socket, url), 0);
	if (ca_file) {
		assert_int_equal(tls_config_client(ca_file, "aggregator", &config, NULL), 0);
		assert_int_equal(nng_dialer_set_ptr(client->dialer, NNG_OPT_TLS_CONFIG, config), 0);
		nng_tls_config_free(config);
	}
	assert_int_equal(nng_dialer_start(client->dialer, NNG_FLAG_NONBLOCK), 0);
	return client;
}

void wire_client_free(struct wire_client *client)
{
	nng_pipe pipe = {.id = atomic_load(&client->pipe)};

	(void)nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_POST, NULL, NULL);
	(void)nng_pipe_notify(client->socket, NNG_PIPE_EV_REM_POST, NULL, NULL);
	(void)nng_dialer_close(client->dialer); /* or it would come back */
	if (pipe.id != 0)
		(void)nng_pipe_close(pipe);
	free(client);
}

static bool is_set(void *context)
{
	return atomic_load((atomic_bool *)context);
}

bool wire_client_connected(struct wire_client *client)
{
	return wait_until(is_set, &client->connected, PATIENCE_S * 1000);
}

bool wire_client_hung_up(struct wire_client *client)
{
	return wait_until(is_set, &client->ended, PATIENCE_S * 1000);
}

void wire_client_send(struct wire_client *client, const void *data, size_t size)
{
	nng_msg *message;

	assert_int_equal(nng_msg_alloc(&message, size), 0);
	if (size > 0)
		memcpy(nng_msg_body(message), data, size);
	assert_int_equal(nng_sendmsg(client->socket, message, 0), 0);
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
