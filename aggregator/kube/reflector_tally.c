#include "aggregator/kube/reflector_tally.h"

#define NAME(name) "tacho_aggregator_metadata_" name

static const char *const ENDS[] = {
#define X(symbol, label) label,
	CALL_ENDS(X)
#undef X
};

static void register_resource(
	struct reflector_tally *tally, struct telemetry *telemetry, const char *resource)
{
	const char *label = "resource";

	tally->objects = telemetry_gauge(telemetry, NAME("objects"),
		"Objects that kube-apiserver has told of and that have not gone", label, resource);
	tally->synced = telemetry_gauge(
		telemetry, NAME("synced"), "1 once all objects were listed", label, resource);
	tally->lists = telemetry_counter(telemetry, NAME("lists_total"),
		"Lists of all objects that were begun, as a list or as the beginning of a watch",
		label, resource);
	tally->watches = telemetry_counter(
		telemetry, NAME("watches_total"), "Watches that were begun", label, resource);
	tally->events = telemetry_counter(telemetry, NAME("events_total"),
		"Objects and bookmarks that were received", label, resource);
	tally->bytes = telemetry_counter(telemetry, NAME("received_bytes_total"),
		"Bytes of lists and watches, decompressed", label, resource);
	tally->last_event = telemetry_gauge(telemetry, NAME("last_event_timestamp_seconds"),
		"When the last object or bookmark was received, since 1970", label, resource);
}

void reflector_tally_register(
	struct reflector_tally *tally, struct telemetry *telemetry, const char *resource)
{
	register_resource(tally, telemetry, resource);
	for (int i = 0; i < CALL_END_COUNT; i++)
		tally->ended[i] = telemetry_counter(telemetry, NAME("ends_total"),
			"Lists and watches that ended, by why", "reason", ENDS[i]);
	tally->left_out = telemetry_counter(telemetry, NAME("left_out_total"),
		"Objects that were not taken because they are beyond a bound", NULL, NULL);
}
