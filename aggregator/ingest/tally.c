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

static const struct telemetry_bucket AGES[] = {
	{NS_PER_MS * 10, "0.01"},
	{NS_PER_MS * 25, "0.025"},
	{NS_PER_MS * 50, "0.05"},
	{NS_PER_MS * 100, "0.1"},
	{NS_PER_MS * 250, "0.25"},
	{NS_PER_MS * 500, "0.5"},
	{NS_PER_SECOND, "1"},
	{NS_PER_MS * 2500, "2.5"},
	{NS_PER_SECOND * 5, "5"},
	{NS_PER_SECOND * 15, "15"},
};

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
	tally->ages = telemetry_histogram(telemetry, "tacho_aggregator_sample_age_seconds",
		"From the reading of the counters, by the node's clock, until the sample was taken, by "
		"ours",
		NULL, NULL, AGES, sizeof(AGES) / sizeof(AGES[0]));
	tally->opened = telemetry_counter(telemetry, "tacho_aggregator_connections_opened_total",
		"Connections of agents that finished the handshake", NULL, NULL);
	tally->connections = telemetry_gauge(
		telemetry, "tacho_aggregator_connections", "Connections of agents", NULL, NULL);
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
