#include "aggregator/ingest/tally.h"

#include "base/clock.h"

static const char *const KINDS[] = {
#define X(symbol, label) label,
	TALLY_KINDS(X)
#undef X
};

static const char *const DROPS[] = {
#define X(symbol, label) label,
	TALLY_DROPS(X)
#undef X
};

static const char *const ENDS[] = {
#define X(symbol, label) label,
	TALLY_ENDS(X)
#undef X
};

/* A sample is young when it comes; what stood in a queue, or on a node whose clock is behind, is
 * not. Bounds that are whole seconds are written as Prometheus keeps them. */
static const struct telemetry_bucket AGES[] = {
	{10 * NS_PER_MS, "0.01"},
	{50 * NS_PER_MS, "0.05"},
	{100 * NS_PER_MS, "0.1"},
	{250 * NS_PER_MS, "0.25"},
	{500 * NS_PER_MS, "0.5"},
	{NS_PER_SECOND, "1"},
	{1500 * NS_PER_MS, "1.5"},
	{2 * NS_PER_SECOND, "2"},
	{3 * NS_PER_SECOND, "3"},
	{5 * NS_PER_SECOND, "5"},
	{10 * NS_PER_SECOND, "10"},
	{30 * NS_PER_SECOND, "30"},
};

void tally_sample_age(const struct tally *tally, uint64_t timestamp_ms)
{
	uint64_t now_ns = clock_realtime_ns();

	if (timestamp_ms > now_ns / NS_PER_MS)
		telemetry_add(tally->ahead, 1);
	else
		telemetry_observe(tally->ages, now_ns - timestamp_ms * NS_PER_MS);
}

void tally_register(struct tally *tally, struct telemetry *telemetry)
{
	for (int i = 0; i < TALLY_KIND_COUNT; i++)
		tally->messages[i] = telemetry_counter(telemetry, "tacho_aggregator_messages_total",
			"Messages of agents that were taken", "kind", KINDS[i]);
	for (int i = 0; i < TALLY_DROP_COUNT; i++)
		tally->dropped[i] =
			telemetry_counter(telemetry, "tacho_aggregator_messages_dropped_total",
				"Messages of agents that were not taken", "reason", DROPS[i]);
	for (int i = 0; i < TALLY_END_COUNT; i++)
		tally->ended[i] =
			telemetry_counter(telemetry, "tacho_aggregator_connections_closed_total",
				"Connections of agents that ended", "reason", ENDS[i]);
	tally->received_bytes =
		telemetry_counter(telemetry, "tacho_aggregator_received_bytes_total",
			"Bytes of the messages of agents, without framing and TLS", NULL, NULL);
	tally->opened = telemetry_counter(telemetry, "tacho_aggregator_connections_opened_total",
		"Connections of agents that finished the handshake", NULL, NULL);
	tally->connections = telemetry_gauge(
		telemetry, "tacho_aggregator_connections", "Connections of agents", NULL, NULL);
	tally->ages = telemetry_histogram(telemetry, "tacho_aggregator_sample_age_seconds",
		"How old samples were when they came, by their nodes' clocks and ours", NULL, NULL,
		AGES, sizeof(AGES) / sizeof(AGES[0]));
	tally->ahead = telemetry_counter(telemetry, "tacho_aggregator_samples_ahead_total",
		"Samples whose node's clock is ahead of ours, which have no age", NULL, NULL);
	tally->handshakes_cut =
		telemetry_counter(telemetry, "tacho_aggregator_handshakes_cut_total",
			"Sockets that were shut because they did not finish the handshake in time",
			NULL, NULL);
	tally->held_bytes = telemetry_gauge(telemetry, "tacho_aggregator_held_catalog_bytes",
		"Bytes of catalogs that are kept until their agents' tokens are reviewed", NULL,
		NULL);
	tally->reloads =
		telemetry_counter(telemetry, "tacho_aggregator_agent_certificate_reloads_total",
			"How often the certificate of the agents' port was renewed", NULL, NULL);
	tally->stale_certificates = telemetry_gauge(telemetry,
		"tacho_aggregator_agent_certificate_stale",
		"Listeners for agents whose new certificate files can't be used", NULL, NULL);
}
