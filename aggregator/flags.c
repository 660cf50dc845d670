#include "aggregator/flags.h"

#include "aggregator/api/api.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/flags_ignored.h"
#include "aggregator/flags_ipv6.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SPECS  192
#define MAX_TTL_NS (600 * NS_PER_SECOND)

/* What is only looked at while flags are checked. */
struct raw {
	const char *tls_min_version, *agent_service_account;
	const char *listen; /* NULL: the default */
	const char *authentication_kubeconfig, *authorization_kubeconfig;
};

/* --- the table -------------------------------------------------------------------------------- */

struct table {
	struct option_spec spec[MAX_SPECS];
	size_t count;
};

static void add(struct table *table, const struct option_spec *specs, size_t count)
{
	for (size_t i = 0; i < count && table->count < MAX_SPECS; i++)
		table->spec[table->count++] = specs[i];
}

static void add_api(struct table *table, struct flags *flags, struct raw *raw)
{
	const struct option_spec specs[] = {
		{"standalone", OPTION_SWITCH, {.on = &flags->standalone},
			.help = "Without Kubernetes: serve also what kubectl reads of the core API, let in who has the token, and make what is missing of certificate, token and secret."},
		{.type = OPTION_HEADING, .help = "The API"},
		{"bind-address", OPTION_STRING, {.string = &flags->bind_address}, "ADDRESS",
			"Where the API listens. Without it: every IPv4 address; with --standalone loopback."},
		{"secure-port", OPTION_NUMBER, {.number = &flags->secure_port}, "PORT",
			"Port of the API; 0 takes a free one.", .max = 65535},
		{"cert-dir", OPTION_STRING, {.string = &flags->cert_dir}, "FOLDER",
			"Where a self-made certificate is kept (ca.crt, tls.crt, tls.key); with --standalone also token and secret, unless they have files of their own."},
		{"tls-cert-file", OPTION_STRING, {.string = &flags->cert_file}, "FILE",
			"PEM certificate of API and agents' port; with --tls-private-key-file, instead of a self-made one. Read again when it changes."},
		{"tls-private-key-file", OPTION_STRING, {.string = &flags->key_file}, "FILE",
			"PEM key of --tls-cert-file."},
		{"tls-min-version", OPTION_STRING, {.string = &raw->tls_min_version}, "VERSION",
			"VersionTLS12 or VersionTLS13. The agents' port speaks 1.3 alone."},
		{"max-connections", OPTION_NUMBER, {.number = &flags->max_connections}, "N",
			"Clients that may be connected at a time; the longest idle one makes room, else more are refused.",
			.min = 1, .max = 1000000},
		{"max-requests-inflight", OPTION_NUMBER, {.number = &flags->max_requests}, "N",
			"Requests that may be under way at a time; more are answered with 429.",
			.min = 1, .max = 1000000},
		{"serving-threads", OPTION_NUMBER, {.number = &flags->serving_threads}, "N",
			"Threads that answer the API's clients. Without it: as many as there are CPUs for them, 4 at most.",
			.min = 1, .max = API_MAX_SERVING_THREADS},
		{"shutdown-delay-duration", OPTION_DURATION, {.number = &flags->shutdown_delay_ns},
			"DURATION",
			"How long is served on after SIGTERM, while /readyz says that it ends. Then requests that are under way are answered.",
			.max = 600 * NS_PER_SECOND},
		{"custom-metrics", OPTION_SWITCH, {.on = &flags->custom_metrics},
			.help = "Serve custom.metrics.k8s.io too; on unless --custom-metrics=false."},
		{"token-file", OPTION_STRING, {.string = &flags->token_file}, "FILE",
			"With --standalone: the bearer token that clients must have. Needed to listen elsewhere than on loopback; made in --cert-dir otherwise."},
		{"write-kubeconfig", OPTION_STRING, {.string = &flags->write_kubeconfig}, "FILE",
			"With --standalone: write a kubeconfig for this server, once it listens (mode 0600)."},
	};

	add(table, specs, sizeof(specs) / sizeof(specs[0]));
}

static void add_kubernetes(struct table *table, struct flags *flags, struct raw *raw)
{
	const struct option_spec specs[] = {
		{.type = OPTION_HEADING, .help = "Kubernetes"},
		{"kubeconfig", OPTION_STRING, {.string = &flags->kubeconfig}, "FILE",
			"How kube-apiserver is reached. Without it: as a pod, by its service account."},
		{"authentication-kubeconfig", OPTION_STRING,
			{.string = &raw->authentication_kubeconfig}, "FILE",
			"The same file as --kubeconfig, or instead of it."},
		{"authorization-kubeconfig", OPTION_STRING,
			{.string = &raw->authorization_kubeconfig}, "FILE",
			"The same file as --kubeconfig, or instead of it."},
		{"node-selector", OPTION_STRING, {.string = &flags->node_selector}, "LABELS",
			"Only nodes with these labels are served, and the pods on them."},
		{"l", OPTION_STRING, {.string = &flags->node_selector}, "LABELS",
			"The same as --node-selector."},
		{"max-pods", OPTION_NUMBER, {.number = &flags->max_pods}, "N",
			"Pods that are kept in mind; more are not served.", .min = 1,
			.max = 10000000},
		{.type = OPTION_HEADING,
			.help = "Who is let in (what is not given is read from the ConfigMap kube-system/extension-apiserver-authentication)"},
		{"client-ca-file", OPTION_STRING, {.string = &flags->client_ca_file}, "FILE",
			"PEM CAs of client certificates. Read again when it changes."},
		{"requestheader-client-ca-file", OPTION_STRING,
			{.string = &flags->requestheader_ca_file}, "FILE",
			"PEM CAs of the front proxy's certificate. Read again when it changes."},
		{"requestheader-allowed-names", OPTION_LIST, {.list = &flags->allowed_names},
			"NAMES",
			"Common names that the front proxy's certificate may have; none: any."},
		{"requestheader-username-headers", OPTION_LIST, {.list = &flags->username_headers},
			"NAMES", "Headers that carry the user's name."},
		{"requestheader-uid-headers", OPTION_LIST, {.list = &flags->uid_headers}, "NAMES",
			"Headers that carry the user's uid."},
		{"requestheader-group-headers", OPTION_LIST, {.list = &flags->group_headers},
			"NAMES", "Headers that carry the user's groups."},
		{"requestheader-extra-headers-prefix", OPTION_LIST,
			{.list = &flags->extra_prefixes}, "PREFIXES",
			"How headers begin that carry what else is known of the user."},
		{"authorization-always-allow-paths", OPTION_LIST,
			{.list = &flags->always_allow_paths}, "PATHS",
			"What everyone may ask besides /healthz, /livez and /readyz; \"/x/*\" is all below /x/."},
		{"authentication-token-webhook-cache-ttl", OPTION_DURATION,
			{.number = &flags->token_ttl_ns}, "DURATION",
			"How long kube-apiserver's word on a token is kept.", .min = NS_PER_SECOND,
			.max = MAX_TTL_NS},
		{"authorization-webhook-cache-authorized-ttl", OPTION_DURATION,
			{.number = &flags->allow_ttl_ns}, "DURATION",
			"How long a permission is kept.", .min = NS_PER_SECOND, .max = MAX_TTL_NS},
		{"authorization-webhook-cache-unauthorized-ttl", OPTION_DURATION,
			{.number = &flags->deny_ttl_ns}, "DURATION", "How long a refusal is kept.",
			.min = NS_PER_SECOND, .max = MAX_TTL_NS},
	};

	add(table, specs, sizeof(specs) / sizeof(specs[0]));
}

static void add_agents(struct table *table, struct flags *flags, struct raw *raw)
{
	const struct option_spec specs[] = {
		{.type = OPTION_HEADING, .help = "The agents"},
		{"listen", OPTION_STRING, {.string = &raw->listen}, "URLS",
			"Where agents connect: tls+tcp://ADDRESS:PORT (* = every address) or ipc:///PATH, several parted by commas. Without it: tls+tcp://*:4460; with --standalone tls+tcp://127.0.0.1:4460."},
		{"agent-service-account", OPTION_STRING, {.string = &raw->agent_service_account},
			"NAMESPACE/NAME", "The service account that an agent's token must be of."},
		{"agent-audience", OPTION_STRING, {.string = &flags->agent_audience}, "NAME",
			"The audience that an agent's token must be for."},
		{"agent-tls-cert-file", OPTION_STRING, {.string = &flags->agent_cert_file}, "FILE",
			"PEM certificate of the agents' port. Without it: that of the API. Read again when it changes."},
		{"agent-tls-private-key-file", OPTION_STRING, {.string = &flags->agent_key_file},
			"FILE", "PEM key of --agent-tls-cert-file."},
		{"agent-secret-file", OPTION_STRING, {.string = &flags->secret_file}, "FILE",
			"With --standalone: the secret that an agent must show; made when it is not there. Empty: agent.secret in --cert-dir."},
		{"insecure-transport", OPTION_SWITCH, {.on = &flags->insecure},
			.help = "Allows tcp://ADDRESS:PORT: neither credentials nor figures are protected."},
		{"max-nodes", OPTION_NUMBER, {.number = &flags->max_nodes}, "N",
			"Nodes that may report; more are refused.", .min = 1, .max = 100000},
		{"expiry", OPTION_DURATION, {.number = &flags->expiry_ns}, "DURATION",
			"A node that has said nothing for so long is not served any more.",
			.min = 2 * NS_PER_SECOND, .max = 600 * NS_PER_SECOND},
		{.type = OPTION_HEADING,
			.help = "Other (flags of metrics-server that have no meaning here are taken, too: a line in the log says why)"},
		{"log-level", OPTION_CHOICE, {.choice = &flags->log_level},
			.help = "What is logged.", .choices = "error|warn|info|debug"},
		{"version", OPTION_SWITCH, {.on = &flags->version}, .help = "Print the version."},
		{"help", OPTION_SWITCH, {.on = &flags->help}, .help = "Print this."},
	};

	add(table, specs, sizeof(specs) / sizeof(specs[0]));
}

/* --- what one flag alone can't say ------------------------------------------------------------ */

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

static int check_tls(struct flags *flags, const struct raw *raw, struct error *err)
{
	if (!*flags->cert_file != !*flags->key_file)
		return error_set(
			err, EINVAL, "--tls-cert-file and --tls-private-key-file go together");
	if (!*flags->agent_cert_file != !*flags->agent_key_file)
		return error_set(err, EINVAL,
			"--agent-tls-cert-file and --agent-tls-private-key-file go together");
	if (strcmp(raw->tls_min_version, "VersionTLS12") == 0)
		flags->tls_min_version = TLS1_2_VERSION;
	else if (strcmp(raw->tls_min_version, "VersionTLS13") == 0)
		flags->tls_min_version = TLS1_3_VERSION;
	else
		return error_set(err, EINVAL,
			"--tls-min-version: \"%s\" is neither VersionTLS12 nor VersionTLS13",
			raw->tls_min_version);
	return 0;
}

static int take_kubeconfig(
	struct flags *flags, const char *name, const char *file, struct error *err)
{
	if (!*file || strcmp(flags->kubeconfig, file) == 0)
		return 0;
	if (*flags->kubeconfig)
		return error_set(err, EINVAL,
			"%s=%s: one kubeconfig serves for everything, and that is %s", name, file,
			flags->kubeconfig);
	flags->kubeconfig = file;
	return 0;
}

/* "NAMESPACE/NAME" to the name by which Kubernetes knows it as a user. */
static int take_service_account(struct flags *flags, const char *account, struct error *err)
{
	const char *slash = strchr(account, '/');
	int length;

	if (!*account)
		return error_set(err, EINVAL,
			"--agent-service-account is missing: whose tokens are believed to be "
			"agents'; --standalone runs without Kubernetes");
	if (!slash || slash == account || !slash[1] || strchr(slash + 1, '/'))
		return error_set(err, EINVAL,
			"--agent-service-account: \"%s\" is not NAMESPACE/NAME", account);
	length = snprintf(flags->agent_user, sizeof(flags->agent_user),
		"system:serviceaccount:%.*s:%s", (int)(slash - account), account, slash + 1);
	if (length < 0 || (size_t)length >= sizeof(flags->agent_user))
		return error_set(err, EINVAL, "--agent-service-account is too long");
	return 0;
}

/* kube-apiserver would say no to each list, for as long as we run. */
static int check_node_selector(const struct flags *flags, struct error *err)
{
	struct label_selector *selector = NULL;
	int r = label_selector_parse(flags->node_selector, &selector, err);

	label_selector_free(selector);
	return r < 0 ? error_context(err, r, "--node-selector") : 0;
}

static int check_cluster(struct flags *flags, const struct raw *raw, struct error *err)
{
	int r;

	if (*flags->token_file || *flags->write_kubeconfig || *flags->secret_file)
		return error_set(err, EINVAL,
			"%s needs --standalone: in a cluster Kubernetes says who is let in",
			*flags->token_file         ? "--token-file"
			: *flags->write_kubeconfig ? "--write-kubeconfig"
						   : "--agent-secret-file");
	if (!*flags->agent_audience)
		return error_set(err, EINVAL, "--agent-audience is empty");
	r = take_kubeconfig(
		flags, "--authentication-kubeconfig", raw->authentication_kubeconfig, err);
	if (r == 0)
		r = take_kubeconfig(
			flags, "--authorization-kubeconfig", raw->authorization_kubeconfig, err);
	if (r == 0)
		r = take_service_account(flags, raw->agent_service_account, err);
	if (r == 0)
		r = check_node_selector(flags, err);
	if (!*flags->bind_address)
		flags->bind_address = "0.0.0.0";
	return r;
}

static int check_standalone(struct flags *flags, struct error *err)
{
	if (*flags->kubeconfig)
		return error_set(
			err, EINVAL, "--kubeconfig and --standalone: with Kubernetes or without?");
	if (!*flags->bind_address)
		flags->bind_address = "127.0.0.1";
	if (!is_loopback(flags->bind_address) && !*flags->token_file)
		return error_set(err, EINVAL,
			"--bind-address=%s is not a loopback address: without authentication configured "
			"(--token-file) the API is served on loopback only",
			flags->bind_address);
	return 0;
}

static int take_listen(struct flags *flags, const char *listen, struct error *err)
{
	if (!listen)
		listen = flags->standalone ? "tls+tcp://127.0.0.1:4460" : "tls+tcp://*:4460";
	if (string_list_add_parts(&flags->listen, listen) < 0)
		return error_errno(err, ENOMEM, "reading --listen");
	if (flags->listen.count == 0)
		return error_set(err, EINVAL, "--listen names no address");
	if (flags->listen.count > FLAGS_MAX_LISTEN)
		return error_set(
			err, EINVAL, "--listen has more than %d addresses", FLAGS_MAX_LISTEN);
	return 0;
}

static int check(struct flags *flags, const struct raw *raw, struct error *err)
{
	int r = check_tls(flags, raw, err);

	if (r == 0)
		r = flags->standalone ? check_standalone(flags, err)
				      : check_cluster(flags, raw, err);
	if (r == 0)
		r = take_listen(flags, raw->listen, err);
	return r < 0 ? r : flags_do_without_ipv6(&flags->bind_address, &flags->listen, err);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void set_defaults(struct flags *flags, struct raw *raw)
{
	*flags = (struct flags){
		.bind_address = "",
		.cert_dir = "tacho.local.config",
		.cert_file = "",
		.key_file = "",
		.token_file = "",
		.write_kubeconfig = "",
		.kubeconfig = "",
		.node_selector = "",
		.client_ca_file = "",
		.requestheader_ca_file = "",
		.secret_file = "",
		.agent_audience = "tacho-aggregator",
		.agent_cert_file = "",
		.agent_key_file = "",
		.custom_metrics = true,
		.secure_port = 4443,
		.max_connections = 4096,
		.max_requests = 400,
		.token_ttl_ns = 10 * NS_PER_SECOND,
		.allow_ttl_ns = 10 * NS_PER_SECOND,
		.deny_ttl_ns = 10 * NS_PER_SECOND,
		.max_pods = 300000,
		.max_nodes = 10000,
		.expiry_ns = 15 * NS_PER_SECOND,
		.log_level = LOG_LEVEL_INFO,
	};
	*raw = (struct raw){.tls_min_version = "VersionTLS12",
		.agent_service_account = "",
		.authentication_kubeconfig = "",
		.authorization_kubeconfig = ""};
}

int flags_parse(struct flags *ret_flags, int argc, char **argv, struct error *err)
{
	struct table table = {.count = 0};
	struct raw raw;
	int r;

	set_defaults(ret_flags, &raw);
	add_api(&table, ret_flags, &raw);
	add_kubernetes(&table, ret_flags, &raw);
	add_agents(&table, ret_flags, &raw);
	add(&table, FLAGS_IGNORED, FLAGS_IGNORED_COUNT);
	r = options_parse(table.spec, table.count, argc, argv, err);
	if (r == 0 && ret_flags->help) {
		(void)printf("tacho-aggregator takes the figures of every tacho-agent and serves "
			     "metrics.k8s.io.\n\n");
		options_print(table.spec, table.count, stdout);
	}
	if (r == 0 && !ret_flags->help && !ret_flags->version)
		r = check(ret_flags, &raw, err);
	if (r < 0)
		flags_free(ret_flags);
	return r;
}

void flags_free(struct flags *flags)
{
	string_list_free(&flags->username_headers);
	string_list_free(&flags->uid_headers);
	string_list_free(&flags->group_headers);
	string_list_free(&flags->extra_prefixes);
	string_list_free(&flags->allowed_names);
	string_list_free(&flags->always_allow_paths);
	string_list_free(&flags->listen);
}
