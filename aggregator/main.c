/* tacho-aggregator: flags, then the parts, then the loop. */
#include "aggregator/access/access.h"
#include "aggregator/api/api.h"
#include "aggregator/cluster/cluster.h"
#include "aggregator/flags.h"
#include "aggregator/ingest/ingest.h"
#include "aggregator/shutdown.h"
#include "aggregator/standalone/standalone.h"
#include "aggregator/store/store.h"
#include "base/file.h"
#include "base/log.h"
#include "base/telemetry.h"
#include "base/usable_cpus.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2

/* Unless --serving-threads says how many: more serve no cluster faster that we know of. */
#define MOST_SERVING_THREADS 4

struct parts {
	struct telemetry *telemetry;
	struct event_base *base;
	struct store *store;
	/* Either a cluster, or what stands in for one, with an access of its own. */
	struct cluster *cluster;
	struct standalone *standalone;
	struct access *access;
	struct api *api;
	struct ingest *ingest;
};

static bool in_cluster(const struct flags *flags)
{
	return !flags->standalone;
}

static int open_base(struct parts *parts, struct error *err)
{
	parts->telemetry = telemetry_new();
	parts->base = event_base_new();
	return parts->telemetry && parts->base ? 0 : error_errno(err, ENOMEM, "starting");
}

static int open_store(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct store_options options = {
		.expiry_ns = flags->expiry_ns,
		.max_nodes = (uint32_t)flags->max_nodes,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET),
		.read = METRIC_BIT(METRIC_MEMORY_SWAP),
		.metadata = in_cluster(flags),
		.max_pods = (uint32_t)flags->max_pods,
		.telemetry = parts->telemetry,
	};

	parts->store = store_new(&options, err);
	return parts->store ? 0 : -EINVAL;
}

static int open_cluster(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct cluster_options options = {
		.kubeconfig = flags->kubeconfig,
		.node_selector = flags->node_selector,
		.folder = flags->cert_dir,
		.cert_file = flags->cert_file,
		.key_file = flags->key_file,
		.access =
			{
				.client_ca_file = flags->client_ca_file,
				.requestheader_ca_file = flags->requestheader_ca_file,
				.username_headers = flags->username_headers,
				.uid_headers = flags->uid_headers,
				.group_headers = flags->group_headers,
				.extra_prefixes = flags->extra_prefixes,
				.allowed_names = flags->allowed_names,
				.always_allow_paths = flags->always_allow_paths,
				.token_ttl_ns = flags->token_ttl_ns,
				.allow_ttl_ns = flags->allow_ttl_ns,
				.deny_ttl_ns = flags->deny_ttl_ns,
			},
		.store = parts->store,
		.base = parts->base,
		.telemetry = parts->telemetry,
	};

	parts->cluster = cluster_open(&options, err);
	return parts->cluster ? 0 : -EINVAL;
}

static int open_standalone(const struct flags *flags, struct parts *parts, struct error *err)
{
	const struct standalone_options options = {
		.folder = flags->cert_dir,
		.cert_file = flags->cert_file,
		.key_file = flags->key_file,
		.token_file = flags->token_file,
		.secret_file = flags->secret_file,
	};
	struct access_options access = {.telemetry = parts->telemetry, .base = parts->base};

	parts->standalone = standalone_open(&options, err);
	if (!parts->standalone)
		return -EINVAL;
	access.token = standalone_token(parts->standalone);
	parts->access = access_new(&access, err);
	return parts->access ? 0 : -EINVAL;
}

static const char *cert_file(const struct parts *parts)
{
	return parts->cluster ? cluster_cert_file(parts->cluster)
			      : standalone_cert_file(parts->standalone);
}

static const char *key_file(const struct parts *parts)
{
	return parts->cluster ? cluster_key_file(parts->cluster)
			      : standalone_key_file(parts->standalone);
}

static uint32_t serving_threads(const struct flags *flags)
{
	size_t cpus;

	if (flags->serving_threads > 0)
		return (uint32_t)flags->serving_threads;
	cpus = usable_cpus(NULL);
	return cpus < MOST_SERVING_THREADS ? (uint32_t)cpus : MOST_SERVING_THREADS;
}

static int open_api(const struct flags *flags, struct parts *parts, struct error *err)
{
	struct api_options options = {
		.bind_address = flags->bind_address,
		.port = (uint16_t)flags->secure_port,
		.cert_file = cert_file(parts),
		.key_file = key_file(parts),
		.access = parts->access,
		.core_api = flags->standalone,
		.custom_metrics = flags->custom_metrics,
		.metadata = in_cluster(flags),
		.serving_threads = serving_threads(flags),
		.max_connections = (uint32_t)flags->max_connections,
		.tls_min_version = flags->tls_min_version,
		.max_requests_in_flight = (uint32_t)flags->max_requests,
		.store = parts->store,
		.telemetry = parts->telemetry,
	};

	if (parts->cluster) {
		options.access = cluster_access(parts->cluster);
		options.conditions = cluster_conditions(parts->cluster);
		options.condition_count = CLUSTER_CONDITIONS;
	}
	parts->api = api_start(&options, parts->base, err);
	return parts->api ? 0 : -EINVAL;
}

static int open_ingest(const struct flags *flags, struct parts *parts, struct error *err)
{
	struct ingest_agents agents = {
		.audience = flags->agent_audience, .service_account = flags->agent_user};
	struct ingest_options options = {
		.urls = (const char *const *)flags->listen.item,
		.url_count = flags->listen.count,
		.insecure = flags->insecure,
		.cert_file = *flags->agent_cert_file ? flags->agent_cert_file : cert_file(parts),
		.key_file = *flags->agent_key_file ? flags->agent_key_file : key_file(parts),
		.silence_ns = flags->expiry_ns,
		/* an agent that comes back can have its old connection still open */
		.max_connections = (uint32_t)flags->max_nodes * 2,
		.store = parts->store,
		.telemetry = parts->telemetry,
	};

	if (parts->cluster) {
		agents.desk = kube_desk_of(cluster_metadata(parts->cluster));
		options.agents = &agents;
	} else {
		options.secret = standalone_secret(parts->standalone);
		options.secret_size = strlen(standalone_secret(parts->standalone));
	}
	parts->ingest = ingest_start(&options, err);
	return parts->ingest ? 0 : -EINVAL;
}

static int open_parts(const struct flags *flags, struct parts *parts, struct error *err)
{
	int r = open_base(parts, err);

	if (r == 0)
		r = open_store(flags, parts, err);
	if (r == 0)
		r = in_cluster(flags) ? open_cluster(flags, parts, err)
				      : open_standalone(flags, parts, err);
	if (r == 0)
		r = open_api(flags, parts, err);
	if (r == 0)
		r = open_ingest(flags, parts, err);
	if (r == 0 && *flags->write_kubeconfig)
		r = standalone_write_kubeconfig(parts->standalone, flags->write_kubeconfig,
			flags->bind_address, api_port(parts->api), err);
	return r;
}

static void close_parts(struct parts *parts)
{
	ingest_stop(parts->ingest);
	if (parts->api)
		api_stop(parts->api);
	cluster_close(parts->cluster);
	access_free(parts->access);
	standalone_close(parts->standalone);
	store_free(parts->store);
	if (parts->base)
		event_base_free(parts->base);
	telemetry_free(parts->telemetry);
}

int main(int argc, char **argv)
{
	struct parts parts = {0};
	struct flags flags;
	struct error err;
	int r = flags_parse(&flags, argc, argv, &err);

	if (r < 0) {
		(void)fprintf(stderr, "tacho-aggregator: %s\n", err.message);
		return EXIT_USAGE;
	}
	if (flags.help || flags.version) {
		if (!flags.help)
			(void)puts("tacho-aggregator " TACHO_VERSION);
		flags_free(&flags);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	file_hold_standard();
	log_set_level((enum log_level)flags.log_level);
	/* a client that closes is an error code, not the end */
	(void)signal(SIGPIPE, SIG_IGN);
	r = open_parts(&flags, &parts, &err);
	if (r == 0) {
		log_info("tacho-aggregator " TACHO_VERSION
			 " serves https://%s:%u, serving threads: %u",
			flags.bind_address, api_port(parts.api), serving_threads(&flags));
		r = shutdown_run(parts.base, parts.api, flags.shutdown_delay_ns, &err);
	}
	if (r < 0)
		log_error("%s", err.message);
	close_parts(&parts);
	flags_free(&flags);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
