/* What is counted of our calls to kube-apiserver. The clients of one program share the series. */
#ifndef KUBE_KUBE_TALLY_H
#define KUBE_KUBE_TALLY_H

#include "base/telemetry.h"

/* How calls ended that were answered. */
#define KUBE_TALLY_CODES(X) \
	X(2XX, "2xx")       \
	X(401, "401")       \
	X(403, "403")       \
	X(404, "404")       \
	X(409, "409")       \
	X(410, "410")       \
	X(429, "429")       \
	X(4XX, "4xx")       \
	X(5XX, "5xx")       \
	X(OTHER, "other")

/* Why others were not. */
#define KUBE_TALLY_FAILURES(X)  \
	X(CONNECT, "connect")   \
	X(TLS, "tls")           \
	X(TIMEOUT, "timeout")   \
	X(SILENCE, "silence")   \
	X(CUT, "cut")           \
	X(TOO_LONG, "too_long") \
	X(CONTENT, "content")   \
	X(MEMORY, "memory")     \
	X(UNKNOWN, "other")

#define X(symbol, label) KUBE_CODE_##symbol,
enum kube_code { KUBE_TALLY_CODES(X) KUBE_CODE_COUNT };
#undef X

#define X(symbol, label) KUBE_FAILURE_##symbol,
enum kube_failure { KUBE_TALLY_FAILURES(X) KUBE_FAILURE_COUNT };
#undef X

struct kube_tally {
	struct telemetry_series *answered[KUBE_CODE_COUNT];
	struct telemetry_series *failed[KUBE_FAILURE_COUNT];
	struct telemetry_series *cancelled, *under_way, *connections;
	struct telemetry_series *received_bytes, *sent_bytes; /* of bodies */
};

void kube_tally_register(struct kube_tally *tally, struct telemetry *telemetry);

/* Counts an answer by its HTTP status. */
void kube_tally_answer(const struct kube_tally *tally, long status);

#endif
