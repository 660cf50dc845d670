#include "aggregator/access/access_tally.h"

#include <stddef.h>

static void register_each(struct telemetry *telemetry, struct telemetry_series **series,
	const char *const *values, size_t count, const char *const naming[3])
{
	for (size_t i = 0; i < count; i++)
		series[i] =
			telemetry_counter(telemetry, naming[0], naming[1], naming[2], values[i]);
}

void access_tally_register(struct access_tally *tally, struct telemetry *telemetry)
{
	static const char *const METHOD_NAMES[METHODS] = {
		"front_proxy", "certificate", "token", "anonymous", "static_token"};
	static const char *const FAULT_NAMES[FAULTS] = {"certificate", "token", "review", "busy"};
	static const char *const DECISION_NAMES[DECISIONS] = {
		"masters", "open_path", "allowed", "denied", "failed", "busy"};
	static const char *const LET_IN[3] = {"tacho_aggregator_authentications_total",
		"Requests whose user is known, by how.", "method"};
	static const char *const REFUSED[3] = {"tacho_aggregator_authentication_failures_total",
		"Requests whose user is not known, by what was wrong.", "reason"};
	static const char *const DECIDED[3] = {"tacho_aggregator_authorizations_total",
		"Requests by whether their user may.", "decision"};

	register_each(telemetry, tally->let_in, METHOD_NAMES, METHODS, LET_IN);
	register_each(telemetry, tally->faults, FAULT_NAMES, FAULTS, REFUSED);
	register_each(telemetry, tally->decisions, DECISION_NAMES, DECISIONS, DECIDED);
}
