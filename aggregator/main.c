/* tacho-aggregator: flags, then the parts, then the loop. */
#include "aggregator/access/access.h"
#include "aggregator/api/api.h"
#include "aggregator/ingest/ingest.h"
#include "aggregator/standalone/standalone.h"
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "base/telemetry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

#define MAX_LISTEN 8 /* URLs in --listen */

struct flags {
	const char *bind_address, *listen, *cert_dir, *cert_file, *key_file;
	const char *secret_file, *token_file, *kubeconfig;
	uint64_t secure_port, expiry_ns, max_nodes, max_connections;
	int log_level;
	bool standalone, insecure, help, version;
	char *listen_copy; /* that `urls` points into */
	const char *urls[MAX_LISTEN];
	size_t url_count;
};

/* --- flags ------------------------------------------------------------------------------------ */

static int parse_flags(struct flags *flags, int argc, char **argv, struct error *err)
{
	const struct option_spec specs[] = {
		{"standalone", OPTION_SWITCH, {.on = &flags->standalone},
			.help = "Without Kubernetes: serve also what kubectl reads of the core API, let in who has the token, and make what is missing of certificate, token and secret."},
		{.type = OPTION_HEADING, .help = "The API"},
		{"bind-address", OPTION_STRING, {.string = &flags->bind_address}, "ADDRESS",
			"Where the API listens."},
		{"secure-port", OPTION_NUMBER, {.number = &flags->secure_port}, "PORT",
			"Port of the API; 0 takes a free one.", .max = 65535},
		{"cert-dir", OPTION_STRING, {.string = &flags->cert_dir}, "FOLDER",
			"Where a self-made certificate is kept (ca.crt, tls.crt, tls.key), and token and secret unless they have files of their own."},
		{"tls-cert-file", OPTION_STRING, {.string = &flags->cert_file}, "FILE",
			"PEM certificate of API and agents' port; with --tls-private-key-file, instead of a self-made one."},
		{"tls-private-key-file", OPTION_STRING, {.string = &flags->key_file}, "FILE",
			"PEM key of --tls-cert-file."},
		{"token-file", OPTION_STRING, {.string = &flags->token_file}, "FILE",
			"The bearer token that clients must have. Needed to listen elsewhere than on loopback; made in --cert-dir otherwise."},
		{"write-kubeconfig", OPTION_STRING, {.string = &flags->kubeconfig}, "FILE",
			"Write a kubeconfig for this server, once it listens (mode 0600)."},
		{"max-connections", OPTION_NUMBER, {.number = &flags->max_connections}, "N",
			"Clients that may be connected at a time; more are refused.", .min = 1,
			.max = 1000000},
		{.type = OPTION_HEADING, .help = "The agents"},
		{"listen", OPTION_STRING, {.string = &flags->listen}, "URLS",
			"Where agents connect: tls+tcp://ADDRESS:PORT or ipc:///PATH, several parted by commas."},
		{"agent-secret-file", OPTION_STRING, {.string = &flags->secret_file}, "FILE",
			"The secret that an agent must show; made when it is not there. Empty: agent.secret in --cert-dir."},
		{"insecure-transport", OPTION_SWITCH, {.on = &flags->insecure},
			.help = "Allows tcp://ADDRESS:PORT: neither secret nor figures are protected."},
		{"max-nodes", OPTION_NUMBER, {.number = &flags->max_nodes}, "N",
			"Nodes that may report; more are refused.", .min = 1, .max = 100000},
		{"expiry", OPTION_DURATION, {.number = &flags->expiry_ns}, "DURATION",
			"A node that has said nothing for so long is not served any more.",
			.min = 2 * NS_PER_SECOND, .max = 600 * NS_PER_SECOND},
		{.type = OPTION_HEADING, .help = "Other"},
		{"log-level", OPTION_CHOICE, {.choice = &flags->log_level},
			.help = "What is logged.", .choices = "error|warn|info|debug"},
		{"version", OPTION_SWITCH, {.on = &flags->version}, .help = "Print the version."},
		{"help", OPTION_SWITCH, {.on = &flags->help}, .help = "Print this."},
	};
	size_t count = sizeof(specs) / sizeof(specs[0]);
	int r = options_parse(specs, count, argc, argv, err);

	if (r == 0 && flags->help) {
		(void)printf("tacho-aggregator takes the figures of every tacho-agent and serves "
			     "metrics.k8s.io.\n\n");
		options_print(specs, count, stdout);
	}
	return r;
}

static bool is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return false;
}

static int split_listen(struct flags *flags, struct error *err)
{
	char *rest;

	flags->listen_copy = strdup(flags->listen);
	if (!flags->listen_copy)
		return error_errno(err, ENOMEM, "reading --listen");
	for (char *url = strtok_r(flags->listen_copy, ",", &rest); url;
		url = strtok_r(NULL, ",", &rest)) {
		if (flags->url_count == MAX_LISTEN)
			return error_set(
				err, EINVAL, "--listen has more than %d addresses", MAX_LISTEN);
		flags->urls[flags->url_count++] = url;
	}
	if (flags->url_count == 0)
		return error_set(err, EINVAL, "--listen names no address");
	return 0;
}

/* What one flag alone can't say. */
static int check_flags(struct flags *flags, struct error *err)
{
	if (!flags->standalone)
		return error_set(err, EINVAL,
			"--standalone is missing: this version has no authentication by Kubernetes yet");
	if (!is_loopback(flags->bind_address) && !*flags->token_file)
		return error_set(err, EINVAL,
			"--bind-address=%s is not a loopback address: without authentication configured "
			"(--token-file) the API is served on loopback only",
			flags->bind_address);
	if (!*flags->cert_file != !*flags->key_file)
		return error_set(
			err, EINVAL, "--tls-cert-file and --tls-private-key-file go together");
	return split_listen(flags, err);
}

/* --- the run ---------------------------------------------------------------------------------- */

struct parts {
	struct telemetry *telemetry;
	struct standalone *standalone;
	struct store *store;
	struct ingest *ingest;
	struct event_base *base;
	struct access *access;
	struct api *api;
};

static int open_store(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct store_options options = {
		.expiry_ns = flags->expiry_ns,
		.max_nodes = (uint32_t)flags->max_nodes,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET),
		.telemetry = parts->telemetry,
	};

	parts->store = store_new(&options, err);
	return parts->store ? 0 : -EINVAL;
}

static int open_api(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct access_options access = {
		.token = standalone_token(parts->standalone),
		.telemetry = parts->telemetry,
	};
	struct api_options options = {
		.bind_address = flags->bind_address,
		.port = (uint16_t)flags->secure_port,
		.cert_file = standalone_cert_file(parts->standalone),
		.key_file = standalone_key_file(parts->standalone),
		.core_api = true,
		.max_connections = (uint32_t)flags->max_connections,
		.store = parts->store,
		.telemetry = parts->telemetry,
	};

	parts->base = event_base_new();
	if (!parts->base)
		return error_errno(err, ENOMEM, "starting the event loop");
	parts->access = access_new(&access, err);
	if (!parts->access)
		return -EINVAL;
	options.access = parts->access;
	parts->api = api_start(&options, parts->base, err);
	return parts->api ? 0 : -EINVAL;
}

static int open_ingest(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct ingest_options options = {
		.urls = flags->urls,
		.url_count = flags->url_count,
		.insecure = flags->insecure,
		.cert_file = standalone_cert_file(parts->standalone),
		.key_file = standalone_key_file(parts->standalone),
		.secret = standalone_secret(parts->standalone),
		.secret_size = strlen(standalone_secret(parts->standalone)),
		.silence_ns = flags->expiry_ns,
		/* an agent that comes back can have its old connection still open */
		.max_connections = (uint32_t)flags->max_nodes * 2,
		.store = parts->store,
		.telemetry = parts->telemetry,
	};

	parts->ingest = ingest_start(&options, err);
	return parts->ingest ? 0 : -EINVAL;
}

static int open_parts(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct standalone_options standalone = {
		.folder = flags->cert_dir,
		.cert_file = flags->cert_file,
		.key_file = flags->key_file,
		.token_file = flags->token_file,
		.secret_file = flags->secret_file,
	};
	int r;

	parts->telemetry = telemetry_new();
	if (!parts->telemetry)
		return error_errno(err, ENOMEM, "starting");
	parts->standalone = standalone_open(&standalone, err);
	if (!parts->standalone)
		return -EINVAL;
	r = open_store(flags, parts, err);
	if (r == 0)
		r = open_api(flags, parts, err);
	if (r == 0)
		r = open_ingest(flags, parts, err);
	if (r == 0 && *flags->kubeconfig)
		r = standalone_write_kubeconfig(parts->standalone, flags->kubeconfig,
			flags->bind_address, api_port(parts->api), err);
	return r;
}

static void close_parts(struct parts *parts)
{
	if (parts->ingest)
		ingest_stop(parts->ingest);
	if (parts->api)
		api_stop(parts->api);
	access_free(parts->access);
	if (parts->base)
		event_base_free(parts->base);
	store_free(parts->store);
	standalone_close(parts->standalone);
	telemetry_free(parts->telemetry);
}

static void stop(evutil_socket_t fd, short what, void *context)
{
	(void)what;
	log_info("%s: leaving", fd == SIGINT ? "SIGINT" : "SIGTERM");
	(void)event_base_loopbreak(context);
}

static int run_loop(struct parts *parts, struct error *err)
{
	struct event *on_term = evsignal_new(parts->base, SIGTERM, stop, parts->base);
	struct event *on_int = evsignal_new(parts->base, SIGINT, stop, parts->base);
	int r = 0;

	if (!on_term || !on_int || event_add(on_term, NULL) < 0 || event_add(on_int, NULL) < 0 ||
		event_base_dispatch(parts->base) < 0)
		r = error_set(err, ENOMEM, "running the event loop failed");
	if (on_term)
		event_free(on_term);
	if (on_int)
		event_free(on_int);
	return r;
}

int main(int argc, char **argv)
{
	struct flags flags = {
		.bind_address = "127.0.0.1",
		.listen = "tls+tcp://127.0.0.1:4460",
		.cert_dir = "tacho.local.config",
		.cert_file = "",
		.key_file = "",
		.secret_file = "",
		.token_file = "",
		.kubeconfig = "",
		.secure_port = 4443,
		.expiry_ns = 15 * NS_PER_SECOND,
		.max_nodes = 10000,
		.max_connections = 4096,
		.log_level = LOG_LEVEL_INFO,
	};
	struct parts parts = {0};
	struct error err;
	int r = parse_flags(&flags, argc, argv, &err);

	if (r == 0 && flags.version && !flags.help)
		(void)puts("tacho-aggregator " TACHO_VERSION);
	if (r == 0 && (flags.help || flags.version))
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (r == 0)
		r = check_flags(&flags, &err);
	if (r < 0) {
		(void)fprintf(stderr, "tacho-aggregator: %s\n", err.message);
		free(flags.listen_copy);
		return EXIT_USAGE;
	}
	file_hold_standard();
	log_set_level((enum log_level)flags.log_level);
	/* a client that closes is an error code, not the end */
	(void)signal(SIGPIPE, SIG_IGN);
	r = open_parts(&flags, &parts, &err);
	if (r == 0) {
		log_info("tacho-aggregator " TACHO_VERSION
			 " serves https://%s:%u, takes agents on %s",
			flags.bind_address, api_port(parts.api), flags.listen);
		r = run_loop(&parts, &err);
	}
	if (r < 0)
		log_error("%s", err.message);
	close_parts(&parts);
	free(flags.listen_copy);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
