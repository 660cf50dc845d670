#include "agent/agent.h"

#include "agent/export_device.h"
#include "agent/exporter.h"
#include "agent/watchdog.h"
#include "agent/wire.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>

/* How long may pass between two looks after connections, names and files. */
#define CARE_NS NS_PER_SECOND

/* A node that is short of memory can hold up a look for many seconds: to be ended for that would
 * make it worse. */
#define STANDSTILL_NS (60 * NS_PER_SECOND)

struct agent {
	const struct agent_options *options;
	struct event_base *base;
	struct event *timer;
	struct buffer message;
	struct exporter *exporter; /* NULL: not wanted */
	uint64_t due_ns;           /* CLOCK_MONOTONIC of the next tick */
	struct telemetry_series *ticks_late, *memory_short;
};

/* --- messages --------------------------------------------------------------------------------- */

static void send_message(struct agent *agent, enum target_message kind)
{
	int r = agent->message.failed ? -ENOMEM
				      : fan_out_send(agent->options->fan_out, kind,
						agent->message.data, agent->message.length);

	if (r == -ENOMEM)
		telemetry_add(agent->memory_short, 1);
}

static void send_hello(struct agent *agent)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	const char *bytes = credential_bytes(agent->options->credential, &hello.credential.len);

	hello.node = wire_string(agent->options->node_name);
	hello.agent_version = wire_string(TACHO_VERSION);
	hello.credential.data = (uint8_t *)wire_string(bytes);
	hello.interval_ms = (uint32_t)(agent->options->interval_ns / NS_PER_MS);
	message.kind_case = TACHO__V1__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	buffer_clear(&agent->message);
	wire_append(&message, &agent->message);
	send_message(agent, TARGET_HELLO);
}

static void send_catalog(struct agent *agent, const struct roster *roster)
{
	struct node_capacity capacity;

	sampler_capacity(agent->options->sampler, &capacity);
	buffer_clear(&agent->message);
	roster_encode(roster, &capacity, &agent->message);
	send_message(agent, TARGET_CATALOG);
}

/* Sends each aggregator what it needs to understand this tick's sample, and the sample. */
static void push_tick(struct agent *agent, const struct roster *roster, const struct sample *sample)
{
	unsigned wants = fan_out_begin(agent->options->fan_out,
		credential_version(agent->options->credential), roster->revision);

	if (wants & TARGET_HELLO)
		send_hello(agent);
	if (wants & TARGET_CATALOG)
		send_catalog(agent, roster);
	if (!(wants & TARGET_SAMPLE))
		return;
	buffer_clear(&agent->message);
	sample_encode(sample, agent->options->metrics, &agent->message);
	send_message(agent, TARGET_SAMPLE);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void take_care(struct agent *agent, uint64_t now_ns)
{
	const struct agent_options *options = agent->options;
	struct resolver_answer answer;

	watchdog_feed(options->interval_ns + STANDSTILL_NS);
	credential_refresh(options->credential, now_ns);
	fan_out_care(options->fan_out, now_ns);
	if (options->resolver && resolver_poll(options->resolver,
					 !fan_out_complete(options->fan_out), now_ns, &answer))
		fan_out_follow(options->fan_out, &answer, now_ns);
}

static void show(struct agent *agent, const struct roster *roster, const struct sample *sample)
{
	struct export_look look = {.roster = roster, .timestamp_ms = sample->timestamp_ms};
	struct sampler_raw raw;

	sampler_raw(agent->options->sampler, &raw);
	look.readings = raw.readings;
	look.count = raw.count;
	look.node = raw.node;
	sampler_capacity(agent->options->sampler, &look.capacity);
	exporter_look(agent->exporter, &look);
}

static void look(struct agent *agent)
{
	const struct roster *roster;
	const struct sample *sample;

	if (sampler_run(agent->options->sampler, &roster, &sample) == 0) {
		push_tick(agent, roster, sample);
		if (agent->exporter)
			show(agent, roster, sample);
		return;
	}
	telemetry_add(agent->memory_short, 1);
	if (agent->exporter)
		exporter_look(agent->exporter, NULL);
}

/* The next tick is one interval after the last was due, so that ticks don't drift; ticks that were
 * missed (a suspended machine, a stopped process) are not made up for. */
static void set_next_due(struct agent *agent)
{
	uint64_t now_ns = clock_monotonic_ns();

	agent->due_ns += agent->options->interval_ns;
	if (agent->due_ns <= now_ns) {
		telemetry_add(agent->ticks_late, 1);
		agent->due_ns = now_ns + agent->options->interval_ns;
	}
}

static void wake(evutil_socket_t fd, short what, void *context)
{
	struct agent *agent = context;
	uint64_t now_ns = clock_monotonic_ns(), wait_ns;
	struct timeval wait;

	(void)fd;
	(void)what;
	take_care(agent, now_ns);
	if (agent->due_ns <= now_ns) {
		look(agent);
		set_next_due(agent);
	}
	now_ns = clock_monotonic_ns();
	wait_ns = agent->due_ns > now_ns ? agent->due_ns - now_ns : 0;
	wait_ns = wait_ns < CARE_NS ? wait_ns : CARE_NS;
	wait.tv_sec = (time_t)(wait_ns / NS_PER_SECOND);
	wait.tv_usec = (suseconds_t)(wait_ns % NS_PER_SECOND / NS_PER_USEC);
	(void)event_add(agent->timer, &wait);
}

static void stop(evutil_socket_t fd, short what, void *context)
{
	struct agent *agent = context;

	(void)what;
	log_info("%s: leaving", fd == SIGINT ? "SIGINT" : "SIGTERM");
	(void)event_base_loopbreak(agent->base);
}

static void report(evutil_socket_t fd, short what, void *context)
{
	struct agent *agent = context;
	struct buffer text = {0};
	const char *line;

	(void)fd;
	(void)what;
	telemetry_render(agent->options->telemetry, &text);
	line = buffer_terminate(&text);
	while (line && *line) {
		int length = (int)strcspn(line, "\n");

		if (*line != '#')
			log_info("%.*s", length, line);
		line += length + (line[length] == '\n');
	}
	buffer_free(&text);
}

static int start_exporter(struct agent *agent, struct error *err)
{
	char device[EXPORT_DEVICE_SIZE];
	const struct exporter_options options = {
		.flags = *agent->options->export,
		.metrics = agent->options->metrics,
		.v2 = sampler_v2(agent->options->sampler),
		.device = export_device("/sys/block", device),
		.telemetry = agent->options->telemetry,
	};

	if (!*options.flags.address)
		return 0;
	agent->exporter = exporter_start(&options, agent->base, err);
	if (!agent->exporter)
		return -EINVAL;
	log_info("/metrics is served on %s by %s", options.flags.address,
		*options.flags.cert_file ? "HTTPS" : "HTTP");
	return 0;
}

int agent_run(const struct agent_options *options, struct error *err)
{
	struct agent agent = {.options = options, .due_ns = clock_monotonic_ns()};
	struct event_config *config = event_config_new();
	struct event *on_term = NULL, *on_int = NULL, *on_usr1 = NULL;
	int r = -ENOMEM;

	agent.ticks_late = telemetry_counter(options->telemetry, "tacho_agent_late_ticks_total",
		"Ticks that were due before the one before had ended", NULL, NULL);
	agent.memory_short =
		telemetry_counter(options->telemetry, "tacho_agent_out_of_memory_total",
			"Ticks without a message for want of memory", NULL, NULL);
	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		agent.base = event_base_new_with_config(config);
	if (!agent.base) {
		(void)error_set(err, ENOMEM, "starting the event loop failed");
		goto out;
	}
	agent.timer = evtimer_new(agent.base, wake, &agent);
	on_term = evsignal_new(agent.base, SIGTERM, stop, &agent);
	on_int = evsignal_new(agent.base, SIGINT, stop, &agent);
	on_usr1 = evsignal_new(agent.base, SIGUSR1, report, &agent);
	if (!agent.timer || !on_term || !on_int || !on_usr1 || event_add(on_term, NULL) < 0 ||
		event_add(on_int, NULL) < 0 || event_add(on_usr1, NULL) < 0) {
		(void)error_set(err, ENOMEM, "starting the event loop failed");
		goto out;
	}
	r = start_exporter(&agent, err);
	if (r == 0)
		r = watchdog_start(err);
	if (r < 0)
		goto out;
	wake(-1, 0, &agent);
	(void)event_base_dispatch(agent.base);
out:
	exporter_stop(agent.exporter);
	if (on_usr1)
		event_free(on_usr1);
	if (on_int)
		event_free(on_int);
	if (on_term)
		event_free(on_term);
	if (agent.timer)
		event_free(agent.timer);
	if (agent.base)
		event_base_free(agent.base);
	if (config)
		event_config_free(config);
	buffer_free(&agent.message);
	return r;
}
