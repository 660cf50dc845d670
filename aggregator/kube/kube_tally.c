#include "aggregator/kube/kube_tally.h"

static const char *const CODES[] = {
#define X(symbol, label) label,
	KUBE_TALLY_CODES(X)
#undef X
};

static const char *const FAILURES[] = {
#define X(symbol, label) label,
	KUBE_TALLY_FAILURES(X)
#undef X
};

void kube_tally_register(struct kube_tally *tally, struct telemetry *telemetry)
{
	for (int i = 0; i < KUBE_CODE_COUNT; i++)
		tally->answered[i] = telemetry_counter(telemetry,
			"tacho_aggregator_kube_answers_total",
			"Answers of kube-apiserver to our calls, by HTTP status", "code", CODES[i]);
	for (int i = 0; i < KUBE_FAILURE_COUNT; i++)
		tally->failed[i] = telemetry_counter(telemetry,
			"tacho_aggregator_kube_failures_total",
			"Calls of kube-apiserver without a whole answer", "reason", FAILURES[i]);
	tally->cancelled = telemetry_counter(telemetry, "tacho_aggregator_kube_cancelled_total",
		"Calls of kube-apiserver whose answer was not wanted any more", NULL, NULL);
	tally->under_way = telemetry_gauge(telemetry, "tacho_aggregator_kube_calls",
		"Calls of kube-apiserver under way, watches included", NULL, NULL);
	tally->connections =
		telemetry_counter(telemetry, "tacho_aggregator_kube_connections_opened_total",
			"Connections to kube-apiserver that were opened", NULL, NULL);
	tally->received_bytes = telemetry_counter(telemetry,
		"tacho_aggregator_kube_received_bytes_total",
		"Bytes of the bodies of kube-apiserver's answers, decompressed", NULL, NULL);
	tally->sent_bytes = telemetry_counter(telemetry, "tacho_aggregator_kube_sent_bytes_total",
		"Bytes of the bodies of our calls to kube-apiserver", NULL, NULL);
}

void kube_tally_answer(const struct kube_tally *tally, long status)
{
	enum kube_code code = KUBE_CODE_OTHER;

	switch (status) {
	case 401:
		code = KUBE_CODE_401;
		break;
	case 403:
		code = KUBE_CODE_403;
		break;
	case 404:
		code = KUBE_CODE_404;
		break;
	case 409:
		code = KUBE_CODE_409;
		break;
	case 410:
		code = KUBE_CODE_410;
		break;
	case 429:
		code = KUBE_CODE_429;
		break;
	default:
		if (status / 100 == 2)
			code = KUBE_CODE_2XX;
		else if (status / 100 == 4)
			code = KUBE_CODE_4XX;
		else if (status / 100 == 5)
			code = KUBE_CODE_5XX;
	}
	telemetry_add(tally->answered[code], 1);
}
