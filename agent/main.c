/* tacho-agent: flags, then the parts, then the loop. */
#include "agent/agent.h"
#include "agent/bpf_cost.h"
#include "agent/credential.h"
#include "agent/export_address.h"
#include "agent/fan_out.h"
#include "agent/figures.h"
#include "agent/metric_selection.h"
#include "agent/once.h"
#include "agent/privileges.h"
#include "agent/probe.h"
#include "agent/resolver.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/node_name.h"
#include "base/options.h"
#include "base/telemetry.h"

#include <ctype.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

#define PAGE_THRESHOLD (1024 * 1024) /* bytes; left to itself malloc raises it */

struct flags {
	const char *node_name, *aggregator, *ca_file, *server_name, *secret_file, *token_file;
	const char *cgroup_root, *log_root, *metrics;
	uint64_t window_ns, interval_ns;
	int source, output, log_level;
	bool standalone, insecure, once, probe, help, version;
	struct export_flags export;
	char host_name[256];
	metric_set metric_set;
};

static int parse_flags(struct flags *flags, int argc, char **argv, struct error *err)
{
	const struct option_spec specs[] = {
		{.type = OPTION_HEADING, .help = "What is measured"},
		{"cgroup-root", OPTION_STRING, {.string = &flags->cgroup_root}, "PATH",
			"Where the kubepods cgroup stands below the root of the cgroup tree: the "
			"kubelet's --cgroup-root. Empty: it is looked for in the usual places."},
		{"log-root", OPTION_STRING, {.string = &flags->log_root}, "PATH",
			"The folder that has the kubelet's pods/ and containers/: names come from "
			"it."},
		{"metrics", OPTION_STRING, {.string = &flags->metrics}, "LIST",
			"Comma-separated names of docs/metrics.md; \"all\" for all but the run queue's, "
			"\"resource\" for CPU, working set and swap, \"run_queue\" for the waits "
			"for a CPU, which cost each switch between threads a little."},
		{"window", OPTION_DURATION, {.number = &flags->window_ns}, "DURATION",
			"Span over which rates are taken; shorter for a younger container.",
			.min = NS_PER_SECOND, .max = 60 * NS_PER_SECOND},
		{"interval", OPTION_DURATION, {.number = &flags->interval_ns}, "DURATION",
			"Time between two looks at the counters.", .min = 200 * NS_PER_MS,
			.max = 60 * NS_PER_SECOND},
		{"source", OPTION_CHOICE, {.choice = &flags->source},
			.help = "Where counters are read: one BPF pass, or the cgroups' files. "
				"auto is bpf where it loads; what bpf does not give comes from files. "
				"With files no BPF program is loaded: metrics of network, TCP and "
				"run queue are absent.",
			.choices = "auto|bpf|files"},
		{"standalone", OPTION_SWITCH, {.on = &flags->standalone},
			.help = "Without Kubernetes: where there is no kubepods cgroup, systemd units and "
				"top-level cgroups are shown as pods."},
		{.type = OPTION_HEADING, .help = "Where it is sent"},
		{"aggregator", OPTION_STRING, {.string = &flags->aggregator}, "URL",
			"tls+tcp://HOST:PORT, or ipc:///PATH of a socket on this machine. Figures go to "
			"every address of HOST, up to 8, and follow it as it changes."},
		{"node-name", OPTION_STRING, {.string = &flags->node_name}, "NAME",
			"The name of this node."},
		{"ca-file", OPTION_STRING, {.string = &flags->ca_file}, "FILE",
			"PEM certificates that the aggregator's must be signed by."},
		{"server-name", OPTION_STRING, {.string = &flags->server_name}, "NAME",
			"The name that the aggregator's certificate must have. Empty: the URL's "
			"host."},
		{"token-file", OPTION_STRING, {.string = &flags->token_file}, "FILE",
			"The service-account token that the aggregator has reviewed by Kubernetes. Read "
			"again when it changes."},
		{"secret-file", OPTION_STRING, {.string = &flags->secret_file}, "FILE",
			"The secret that an aggregator without Kubernetes expects."},
		{"insecure-transport", OPTION_SWITCH, {.on = &flags->insecure},
			.help = "Allows tcp://HOST:PORT: neither secret nor figures are "
				"protected."},
		{.type = OPTION_HEADING, .help = "For Prometheus"},
		{"metrics-address", OPTION_STRING, {.string = &flags->export.address}, "HOST:PORT",
			"Serves /metrics there: cAdvisor's and the kubelet's names of the metrics of "
			"--metrics. HOST is an IP address, or empty for every one of this machine. "
			"Empty: no port is opened."},
		{"metrics-cert-file", OPTION_STRING, {.string = &flags->export.cert_file}, "FILE",
			"PEM certificate that /metrics is served with, by TLS; read again when it "
			"changes. Not needed on loopback."},
		{"metrics-key-file", OPTION_STRING, {.string = &flags->export.key_file}, "FILE",
			"The key of --metrics-cert-file."},
		{"metrics-client-ca-file", OPTION_STRING, {.string = &flags->export.client_ca_file},
			"FILE",
			"PEM certificates that the certificate of who asks for /metrics must be signed "
			"by."},
		{"insecure-metrics", OPTION_SWITCH, {.on = &flags->export.insecure},
			.help = "Allows --metrics-address beyond loopback without TLS, or without "
				"certificates of clients: everybody who reaches it sees every "
				"figure."},
		{.type = OPTION_HEADING, .help = "Other"},
		{"once", OPTION_SWITCH, {.on = &flags->once},
			.help = "Look for one window, print what was seen, and leave. No aggregator is "
				"needed."},
		{"probe", OPTION_SWITCH, {.on = &flags->probe},
			.help = "Watch for one window, print which signals this node can give, from "
				"which source, and what each costs, and leave. No aggregator is "
				"needed."},
		{"output", OPTION_CHOICE, {.choice = &flags->output},
			.help = "Form of --once and of --probe.", .choices = "table|json"},
		{"log-level", OPTION_CHOICE, {.choice = &flags->log_level},
			.help = "What is logged.", .choices = "error|warn|info|debug"},
		{"version", OPTION_SWITCH, {.on = &flags->version}, .help = "Print the version."},
		{"help", OPTION_SWITCH, {.on = &flags->help}, .help = "Print this."},
	};
	size_t count = sizeof(specs) / sizeof(specs[0]);
	int r = options_parse(specs, count, argc, argv, err);

	if (r == 0 && flags->help) {
		(void)printf("tacho-agent reads the counters of this node's containers each second "
			     "and pushes them to tacho-aggregator.\n");
		options_print(specs, count, stdout);
	}
	return r;
}

/* What one flag alone can't say. */
static int check_flags(struct flags *flags, struct error *err)
{
	const bool alone = flags->once || flags->probe;
	size_t root = strlen(flags->cgroup_root);

	if (flags->window_ns < flags->interval_ns)
		return error_set(err, EINVAL, "--window is shorter than --interval");
	if (root > 0 && flags->cgroup_root[0] != '/')
		return error_set(err, EINVAL, "--cgroup-root: \"%s\" does not start with /",
			flags->cgroup_root);
	if (root == 1)
		flags->cgroup_root = "";
	if (!flags->node_name || !*flags->node_name) {
		if (gethostname(flags->host_name, sizeof(flags->host_name) - 1) < 0)
			return error_errno(
				err, errno, "reading the host's name; --node-name sets it");
		/* as the kubelet does: names of Kubernetes have no capitals */
		for (char *c = flags->host_name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		flags->node_name = flags->host_name;
	}
	if (!node_name_valid(flags->node_name))
		return error_set(err, EINVAL,
			"--node-name: \"%s\" is no node name: want at most %d of a-z, 0-9, '-', '.'",
			flags->node_name, NODE_NAME_MAX);
	if (flags->once && flags->probe)
		return error_set(err, EINVAL, "--once and --probe: want one, not both");
	if (flags->probe && *flags->export.address)
		return error_set(err, EINVAL, "--probe and --metrics-address: want one, not both");
	if (!alone && !*flags->aggregator)
		return error_set(err, EINVAL,
			"--aggregator is missing: where figures are sent; --once prints them "
			"instead");
	if (!alone && !*flags->token_file && !*flags->secret_file)
		return error_set(err, EINVAL,
			"--token-file or --secret-file is missing: the aggregator believes no agent "
			"without");
	if (*flags->token_file && *flags->secret_file)
		return error_set(
			err, EINVAL, "--token-file and --secret-file: want one of them, not both");
	if (flags->once && *flags->export.address)
		return error_set(err, EINVAL, "--once and --metrics-address: want one, not both");
	if (export_flags_check(&flags->export, err) < 0)
		return -EINVAL;
	return metric_selection_parse(flags->metrics, &flags->metric_set, err);
}

static int run_once(const struct flags *flags, struct sampler *sampler, struct error *err)
{
	const struct once_options once = {
		.sampler = sampler,
		.node_name = flags->node_name,
		.metrics = flags->metric_set,
		.window_ns = flags->window_ns,
		.interval_ns = flags->interval_ns,
		.output = (enum once_output)flags->output,
	};

	return once_run(&once, stdout, err);
}

static struct credential *new_credential(
	const struct flags *flags, struct telemetry *telemetry, struct error *err)
{
	if (*flags->token_file)
		return credential_new("--token-file", flags->token_file, true, telemetry, err);
	return credential_new("--secret-file", flags->secret_file, false, telemetry, err);
}

/* What agent_run() stands on. */
struct parts {
	struct credential *credential;
	struct fan_out *fan_out;
	struct resolver *resolver;
	struct sampler *sampler;
};

static void free_parts(struct parts *parts)
{
	sampler_free(parts->sampler);
	resolver_free(parts->resolver);
	fan_out_free(parts->fan_out);
	credential_free(parts->credential);
}

/* Connecting begins here, after rights were given up: a thread keeps those it started with. */
static int make_wire(const struct flags *flags, struct telemetry *telemetry, struct parts *parts,
	struct error *err)
{
	const struct fan_out_options options = {
		.url = flags->aggregator,
		.ca_file = flags->ca_file,
		.server_name = *flags->server_name ? flags->server_name : NULL,
		.insecure = flags->insecure,
		.telemetry = telemetry,
	};
	struct resolver_options resolver = {.telemetry = telemetry};

	parts->fan_out = fan_out_new(&options, err);
	if (!parts->fan_out)
		return -EINVAL;
	resolver.host = fan_out_name(parts->fan_out, &resolver.port);
	if (!resolver.host)
		return 0;
	parts->resolver = resolver_new(&resolver, err);
	return parts->resolver ? 0 : -ENOMEM;
}

static int make_sampler(const struct flags *flags, struct telemetry *telemetry, struct parts *parts,
	struct error *err)
{
	const struct sampler_options options = {
		.cgroup_root = flags->cgroup_root,
		.log_root = flags->log_root,
		.bounded = !flags->once,
		.units = flags->standalone || flags->once,
		.source = (enum reader_source)flags->source,
		.metrics = flags->metric_set,
		.window_ns = flags->window_ns,
		.interval_ns = flags->interval_ns,
		.telemetry = telemetry,
	};

	parts->sampler = sampler_new(&options, err);
	return parts->sampler ? 0 : -EINVAL;
}

static int run_loop(const struct flags *flags, const struct parts *parts,
	struct telemetry *telemetry, struct error *err)
{
	const struct agent_options agent = {
		.sampler = parts->sampler,
		.fan_out = parts->fan_out,
		.resolver = parts->resolver,
		.credential = parts->credential,
		.export = &flags->export,
		.node_name = flags->node_name,
		.metrics = flags->metric_set,
		.interval_ns = flags->interval_ns,
		.telemetry = telemetry,
	};

	log_info("tacho-agent " TACHO_VERSION " on node %s pushes to %s", flags->node_name,
		flags->aggregator);
	return agent_run(&agent, err);
}

static bool counts_packets(const struct flags *flags)
{
	return flags->source != READER_SOURCE_FILES &&
	       (figures_fields(flags->metric_set, METRIC_SCOPE_CONTAINER) &
		       signals_network_fields()) != 0;
}

/* The kernel is asked to measure before rights are given up: that takes one more than the agent
 * has. */
static int run_probe(const struct flags *flags, struct telemetry *telemetry, struct error *err)
{
	struct probe_options options = {
		.cgroup_root = flags->cgroup_root,
		.node_name = flags->node_name,
		.window_ns = flags->window_ns,
		.interval_ns = flags->interval_ns,
		.json = flags->output == ONCE_JSON,
		.telemetry = telemetry,
	};
	struct error why;
	int fd CLOSE_FD = bpf_cost_measure(&why);
	int r;

	if (fd < 0)
		options.not_measured = why.message;
	r = privileges_drop(true, err);
	return r < 0 ? r : probe_run(&options, stdout, err);
}

static int run(const struct flags *flags, struct telemetry *telemetry, struct error *err)
{
	struct parts parts = {0};
	int r = 0;

	if (flags->probe)
		return run_probe(flags, telemetry, err);
	if (!flags->once) {
		parts.credential = new_credential(flags, telemetry, err);
		r = parts.credential ? 0 : -EINVAL;
	}
	if (r == 0)
		r = privileges_drop(counts_packets(flags), err);
	if (r == 0 && !flags->once)
		r = make_wire(flags, telemetry, &parts, err);
	if (r == 0)
		r = make_sampler(flags, telemetry, &parts, err);
	if (r == 0)
		r = flags->once ? run_once(flags, parts.sampler, err)
				: run_loop(flags, &parts, telemetry, err);
	free_parts(&parts);
	return r;
}

/* NNG starts a dozen threads, and malloc would give each a heap of its own: some MiB for nothing.
 */
static void keep_one_heap(void)
{
	(void)mallopt(M_ARENA_MAX, 1);
	/* a page of /metrics is some MiB: given back when it was sent */
	(void)mallopt(M_MMAP_THRESHOLD, PAGE_THRESHOLD);
}

int main(int argc, char **argv)
{
	struct flags flags = {
		.aggregator = "",
		.ca_file = "",
		.server_name = "",
		.secret_file = "",
		.token_file = "",
		.cgroup_root = "",
		.log_root = "/var/log",
		.metrics = "all",
		.export = {.address = "", .cert_file = "", .key_file = "", .client_ca_file = ""},
		.window_ns = 15 * NS_PER_SECOND,
		.interval_ns = NS_PER_SECOND,
		.log_level = LOG_LEVEL_INFO,
	};
	struct telemetry *telemetry;
	struct error err;
	int r = parse_flags(&flags, argc, argv, &err);

	if (r == 0 && flags.version && !flags.help)
		(void)puts("tacho-agent " TACHO_VERSION);
	if (r == 0 && (flags.help || flags.version))
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (r == 0)
		r = check_flags(&flags, &err);
	if (r < 0) {
		(void)fprintf(stderr, "tacho-agent: %s\n", err.message);
		return EXIT_USAGE;
	}
	file_hold_standard();
	log_set_level((enum log_level)flags.log_level);
	keep_one_heap();
	/* a reader that has left (`--once | head`) is an error with words, not a sudden death */
	(void)signal(SIGPIPE, SIG_IGN);
	telemetry = telemetry_new();
	if (!telemetry) {
		log_error("memory is short");
		return EXIT_FAILURE;
	}
	r = run(&flags, telemetry, &err);
	if (r < 0)
		log_error("%s", err.message);
	telemetry_free(telemetry);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
