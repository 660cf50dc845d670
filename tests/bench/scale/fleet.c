/* fleet: thousands of agents in one process, for `make bench-scale`. README.md says what it reads
 * and writes. */
#include "agent/metric_selection.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "base/tls_config.h"
#include "base/tls_engine.h"
#include "tests/bench/scale/fleet_agent.h"
#include "tests/bench/scale/fleet_lines.h"
#include "tests/bench/scale/fleet_report.h"
#include "tests/bench/scale/fleet_wheel.h"
#include "tests/bench/scale/fleet_world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_USAGE 2

/* Of the main thread, over NNG's: while thousands of handshakes are under way, an agent that has
 * made its connection is to send all the same, as it would on a machine of its own. */
#define MAIN_NICE (-10)

/* How often an agent looks after its connection (agent/agent.c). */
#define CARE_MS 1000

/* A push hangs up on a handshake after 10 s; NNG does not always notice that (agent/fan_out.c). */
#define LOST_HANDSHAKE_NS (30 * NS_PER_SECOND)

struct flags {
	const char *url, *ca_file, *server_name;
	uint64_t interval_ms;
	int metrics, log_level;
	bool progress, help;
	struct endpoint endpoint;
};

struct fleet {
	struct flags flags;
	struct lines lines;
	struct world *world;
	struct tls_config *tls;
	struct fleet_wire wire;
	struct fleet_agent **agents; /* by index of their nodes */
	size_t agent_count, agent_capacity;
	struct wheel *ticks, *care;
	uint64_t looked_ns; /* after what all agents have in common */
	struct fleet_report report;
	int signals;
	bool running, quit;
	struct error *err; /* of what failed within a turn of a wheel */
	int failed;
};

/* --- flags ------------------------------------------------------------------------------------ */

static int parse_flags(struct flags *flags, int argc, char **argv, struct error *err)
{
	const struct option_spec specs[] = {
		{"url", OPTION_STRING, {.string = &flags->url}, "URL",
			"tls+tcp://127.0.0.1:PORT of an aggregator that listens on every address: each agent connects to another one of 127.0.0.0/8."},
		{"ca", OPTION_STRING, {.string = &flags->ca_file}, "FILE",
			"PEM certificates that the aggregator's must be signed by."},
		{"server-name", OPTION_STRING, {.string = &flags->server_name}, "NAME",
			"The name that the aggregator's certificate must have."},
		{"interval-ms", OPTION_NUMBER, {.number = &flags->interval_ms}, "MS",
			"Time between two samples of an agent.", .min = 200, .max = 60000},
		{"metrics", OPTION_CHOICE, {.choice = &flags->metrics}, .help = "What is sent.",
			.choices = "cpu-memory|all"},
		{"progress", OPTION_SWITCH, {.on = &flags->progress},
			.help = "A line a second for people, on standard error."},
		{"log-level", OPTION_CHOICE, {.choice = &flags->log_level},
			.help = "What the agents log.", .choices = "error|warn|info|debug"},
		{"help", OPTION_SWITCH, {.on = &flags->help}, .help = "Print this."},
	};
	size_t count = sizeof(specs) / sizeof(specs[0]);
	int r = options_parse(specs, count, argc, argv, err);

	if (r == 0 && flags->help) {
		(void)printf(
			"fleet is many agents that tell an aggregator of a world that does not "
			"exist: tests/bench/scale/README.md.\n");
		options_print(specs, count, stdout);
	}
	return r;
}

static int check_flags(struct flags *flags, struct error *err)
{
	int r;

	if (!*flags->url || !*flags->ca_file || !*flags->server_name)
		return error_set(err, EINVAL, "--url, --ca and --server-name are needed");
	r = endpoint_parse(flags->url, false, &flags->endpoint, err);
	if (r < 0)
		return error_context(err, r, "--url");
	if (flags->endpoint.kind != ENDPOINT_TLS || flags->endpoint.port == 0 ||
		strcmp(flags->endpoint.host, "127.0.0.1") != 0)
		return error_set(
			err, EINVAL, "--url: \"%s\": want tls+tcp://127.0.0.1:PORT", flags->url);
	return 0;
}

static metric_set metrics_of(const struct flags *flags)
{
	metric_set all;

	if (flags->metrics == 0)
		return METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
		       METRIC_BIT(METRIC_NODE_CPU_USAGE) |
		       METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET);
	(void)metric_selection_parse("all", &all, NULL);
	return all;
}

/* --- the agents ------------------------------------------------------------------------------- */

/* The next node's. */
static int add_agent(struct fleet *fleet, const struct world_node *node)
{
	size_t capacity = fleet->agent_capacity ? fleet->agent_capacity * 2 : 256;
	struct fleet_agent *agent, **grown;

	if (fleet->agent_count == fleet->agent_capacity) {
		grown = reallocarray(fleet->agents, capacity, sizeof(struct fleet_agent *));
		if (!grown)
			return -ENOMEM;
		fleet->agents = grown;
		fleet->agent_capacity = capacity;
	}
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	agent->node = node;
	fleet->agents[fleet->agent_count++] = agent;
	return wheel_add(fleet->ticks) < 0 || wheel_add(fleet->care) < 0 ? -ENOMEM : 0;
}

/* Makes an agent for each node that has none. It connects when the wheel comes round to it, within
 * a second: to open a thousand connections in one go would hold up the agents that there are. */
static int add_agents(struct fleet *fleet, struct error *err)
{
	while (fleet->agent_count < world_nodes(fleet->world)) {
		const struct world_node *node = world_node(fleet->world, fleet->agent_count);

		if (add_agent(fleet, node) < 0)
			return error_errno(err, ENOMEM, "adding an agent");
	}
	return 0;
}

static void take_tick(void *context, uint32_t member, uint64_t due_ns)
{
	struct fleet *fleet = context;
	uint64_t late_ns = clock_monotonic_ns() - due_ns;

	if (fleet->agents[member]->node->left)
		return;
	fleet->report.late += late_ns > FLEET_LATE_NS;
	if (late_ns > fleet->report.worst_late_ns)
		fleet->report.worst_late_ns = late_ns;
	fleet_agent_tick(fleet->agents[member], &fleet->wire, clock_realtime_ns());
}

static void take_care(void *context, uint32_t member, uint64_t due_ns)
{
	struct fleet *fleet = context;

	int r = fleet_agent_care(
		fleet->agents[member], &fleet->wire, clock_monotonic_ns(), fleet->err);

	(void)due_ns;
	if (r < 0)
		fleet->failed = r;
}

/* --- input ------------------------------------------------------------------------------------ */

static int start_running(struct fleet *fleet, struct error *err)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (fleet->running)
		return error_set(err, EINVAL, "it runs already");
	fleet->running = true;
	fleet->ticks = wheel_new((uint32_t)fleet->flags.interval_ms, now_ns);
	fleet->care = wheel_new(CARE_MS, now_ns);
	if (!fleet->ticks || !fleet->care)
		return error_errno(err, ENOMEM, "starting");
	fleet->report.run_ns = now_ns;
	fleet_report_begin(&fleet->report);
	return add_agents(fleet, err);
}

static int take_line(struct fleet *fleet, char *line, size_t length, struct error *err)
{
	struct world_node *node;
	int word = world_take(fleet->world, line, length, &node, err);

	if (word < 0)
		return word;
	fleet->report.lines++;
	fleet->quit |= word == WORLD_QUIT;
	if (word == WORLD_RUN)
		return start_running(fleet, err);
	return fleet->running ? add_agents(fleet, err) : 0;
}

/* One piece of the input. 0, or what is wrong with it. */
static int read_input(struct fleet *fleet, struct error *err)
{
	size_t length;
	char *line;
	int r = lines_read(&fleet->lines, err);

	if (r < 0)
		return r == -EAGAIN ? 0 : r;
	while (!fleet->quit && (line = lines_next(&fleet->lines, &length))) {
		r = take_line(fleet, line, length, err);
		if (r < 0)
			return error_context(
				err, r, "line %llu", (unsigned long long)fleet->lines.number);
	}
	if (fleet->lines.ended && !fleet->running && !fleet->quit)
		return error_set(err, EINVAL, "the input ended without \"run\"");
	fleet->quit |= fleet->lines.ended;
	return 0;
}

/* --- the loop --------------------------------------------------------------------------------- */

static void wait_for_something(struct fleet *fleet, struct pollfd fds[2])
{
	uint64_t now_ns = clock_monotonic_ns(), next_ns = now_ns + NS_PER_SECOND, wait_ns;
	struct timespec wait;

	if (fleet->running) {
		next_ns = wheel_next_ns(fleet->ticks);
		if (wheel_next_ns(fleet->care) < next_ns)
			next_ns = wheel_next_ns(fleet->care);
	}
	wait_ns = next_ns > now_ns ? next_ns - now_ns : 0;
	wait = (struct timespec){.tv_sec = (time_t)(wait_ns / NS_PER_SECOND),
		.tv_nsec = (long)(wait_ns % NS_PER_SECOND)};
	fds[0].revents = fds[1].revents = 0;
	(void)ppoll(fds, 2, &wait, NULL);
}

static void take_turns(struct fleet *fleet)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (now_ns - fleet->looked_ns >= NS_PER_SECOND) {
		fleet->looked_ns = now_ns;
		(void)tls_config_refresh(fleet->tls);
		(void)tls_engine_close_unfinished(LOST_HANDSHAKE_NS);
	}
	(void)wheel_advance(fleet->care, now_ns, take_care, fleet);
	fleet->report.skipped +=
		wheel_advance(fleet->ticks, clock_monotonic_ns(), take_tick, fleet);
	fleet_report_look(&fleet->report, clock_monotonic_ns());
}

/* 0, or -errno and a message; -EBADMSG for what is wrong with the input. */
static int run(struct fleet *fleet, struct error *err)
{
	struct pollfd fds[2] = {
		{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fleet->signals, .events = POLLIN}};

	fleet->err = err;
	while (!fleet->quit) {
		wait_for_something(fleet, fds);
		if (fds[1].revents)
			break;
		if (fds[0].revents && read_input(fleet, err) < 0)
			return fleet->failed < 0 ? fleet->failed : -EBADMSG;
		if (fleet->running)
			take_turns(fleet);
		if (fleet->failed < 0)
			return fleet->failed;
	}
	if (fleet->running)
		fleet_report_end(&fleet->report, clock_monotonic_ns());
	return 0;
}

/* --- start ------------------------------------------------------------------------------------ */

/* A connection each, and some. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Before the first thread is made: they inherit what is blocked. */
static int catch_signals(struct error *err)
{
	sigset_t set;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd >= 0 ? fd : error_errno(err, errno, "catching signals");
}

static int prepare(struct fleet *fleet, struct error *err)
{
	const struct flags *flags = &fleet->flags;
	int r;

	raise_limits();
	fleet->signals = catch_signals(err);
	if (fleet->signals < 0)
		return fleet->signals;
	fleet->world = world_new(clock_realtime_ns());
	fleet->wire.telemetry = telemetry_new();
	if (!fleet->world || !fleet->wire.telemetry ||
		lines_init(&fleet->lines, STDIN_FILENO, WORLD_MAX_LINE) < 0)
		return error_errno(err, ENOMEM, "starting");
	r = tls_config_client(flags->ca_file, flags->server_name, &fleet->tls, err);
	if (r < 0)
		return r;
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), MAIN_NICE); /* if we may */
	fleet->wire.port = flags->endpoint.port;
	fleet->wire.tls = tls_config_nng(fleet->tls);
	fleet->wire.metrics = metrics_of(flags);
	fleet->wire.interval_ms = (uint32_t)flags->interval_ms;
	fleet->report.out = stdout;
	fleet->report.progress = flags->progress;
	fleet->report.world = fleet->world;
	fleet->report.wire = &fleet->wire;
	return 0;
}

int main(int argc, char **argv)
{
	static struct fleet fleet = {
		.flags = {.url = "", .ca_file = "", .server_name = "", .interval_ms = 1000}};
	struct error err;
	int r = parse_flags(&fleet.flags, argc, argv, &err);

	if (r == 0 && fleet.flags.help)
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	if (r == 0)
		r = check_flags(&fleet.flags, &err);
	if (r < 0) {
		(void)fprintf(stderr, "fleet: %s\n", err.message);
		return EXIT_USAGE;
	}
	file_hold_standard();
	log_set_level((enum log_level)fleet.flags.log_level);
	r = prepare(&fleet, &err);
	if (r == 0)
		r = run(&fleet, &err);
	if (r < 0)
		(void)fprintf(stderr, "fleet: %s\n", err.message);
	(void)fflush(NULL);
	/* Like a node that loses its power: to take down thousands of connections one by one takes
	 * NNG long, and an aggregator must bear the other, too. */
	_exit(r == -EBADMSG ? EXIT_USAGE : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
