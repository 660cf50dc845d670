/* How often it was asked who asks, and whether they may, and what came of it. */
#ifndef ACCESS_ACCESS_TALLY_H
#define ACCESS_ACCESS_TALLY_H

#include "base/telemetry.h"

/* Ways to be let in. */
enum access_method {
	METHOD_FRONT_PROXY,
	METHOD_CERTIFICATE,
	METHOD_TOKEN,
	METHOD_ANONYMOUS,
	METHOD_STATIC_TOKEN,
	METHODS
};

/* Why someone was not. */
enum access_fault {
	FAULT_CERTIFICATE, /* is not believed */
	FAULT_TOKEN,       /* is nobody's */
	FAULT_REVIEW,      /* there was no answer from kube-apiserver */
	FAULT_BUSY,
	FAULTS
};

enum access_decision {
	DECISION_MASTERS,
	DECISION_OPEN_PATH,
	DECISION_ALLOWED,
	DECISION_DENIED,
	DECISION_FAILED,
	DECISION_BUSY,
	DECISIONS
};

struct access_tally {
	struct telemetry_series *let_in[METHODS], *faults[FAULTS], *decisions[DECISIONS];
};

void access_tally_register(struct access_tally *tally, struct telemetry *telemetry);

#endif
