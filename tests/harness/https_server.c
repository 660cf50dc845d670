#include "tests/harness/https_server.h"

#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct https_server {
	struct event_base *base;
	struct api *api;
	struct event *stop;
	int stop_pipe[2];
	pthread_t thread;
	char folder[64], cert[80], key[80];
	uint16_t port;
};

static void must(int fine, const char *what)
{
	if (fine)
		return;
	(void)fprintf(stderr, "https_server: %s failed\n", what);
	abort();
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(cert, extension, -1), "adding an extension");
	X509_EXTENSION_free(extension);
}

void https_server_write_cert(const char *cert_file, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name;
	FILE *file;

	must(key && cert, "making a key");
	(void)X509_set_version(cert, X509_VERSION_3);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	(void)X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	(void)X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	(void)X509_set_issuer_name(cert, name);
	add_extension(cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(cert, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
	must(X509_sign(cert, key, EVP_sha256()) > 0, "signing");
	file = fopen(cert_file, "w");
	must(file && PEM_write_X509(file, cert), "writing the certificate");
	(void)fclose(file);
	file = fopen(key_file, "w");
	must(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), "writing the key");
	(void)fclose(file);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void stop(evutil_socket_t fd, short events, void *context)
{
	struct https_server *server = context;

	(void)fd;
	(void)events;
	api_stop(server->api);
	(void)event_base_loopexit(server->base, NULL);
}

static void *run(void *context)
{
	struct https_server *server = context;

	(void)event_base_dispatch(server->base);
	return NULL;
}

static void start_api(struct https_server *server, struct store *store, struct telemetry *telemetry,
	const struct api_options *wanted)
{
	struct api_options options = wanted ? *wanted : (struct api_options){.core_api = true};
	struct error err;

	options.bind_address = "127.0.0.1";
	options.port = 0;
	options.cert_file = server->cert;
	options.key_file = server->key;
	options.token = HTTPS_SERVER_TOKEN;
	options.store = store;
	options.telemetry = telemetry;
	server->api = api_start(&options, server->base, &err);
	must(server->api != NULL, server->api ? "" : err.message);
	server->port = api_port(server->api);
}

struct https_server *https_server_start(
	struct store *store, struct telemetry *telemetry, const struct api_options *options)
{
	struct https_server *server = calloc(1, sizeof(*server));

	must(server != NULL, "starting");
	(void)signal(SIGPIPE, SIG_IGN);
	(void)snprintf(server->folder, sizeof(server->folder), "/tmp/tacho-test-XXXXXX");
	must(mkdtemp(server->folder) != NULL, "making a folder");
	(void)snprintf(server->cert, sizeof(server->cert), "%s/tls.crt", server->folder);
	(void)snprintf(server->key, sizeof(server->key), "%s/tls.key", server->folder);
	https_server_write_cert(server->cert, server->key);
	server->base = event_base_new();
	must(server->base && pipe(server->stop_pipe) == 0, "making a loop");
	start_api(server, store, telemetry, options);
	server->stop = event_new(server->base, server->stop_pipe[0], EV_READ, stop, server);
	must(server->stop && event_add(server->stop, NULL) == 0, "making an event");
	must(pthread_create(&server->thread, NULL, run, server) == 0, "starting a thread");
	return server;
}

void https_server_stop(struct https_server *server)
{
	must(write(server->stop_pipe[1], "x", 1) == 1, "stopping");
	(void)pthread_join(server->thread, NULL);
	event_free(server->stop);
	event_base_free(server->base);
	(void)close(server->stop_pipe[0]);
	(void)close(server->stop_pipe[1]);
	(void)unlink(server->cert);
	(void)unlink(server->key);
	(void)rmdir(server->folder);
	free(server);
}

uint16_t https_server_port(const struct https_server *server)
{
	return server->port;
}

const char *https_server_cert(const struct https_server *server)
{
	return server->cert;
}
