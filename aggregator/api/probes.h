/* /healthz, /livez and /readyz: named checks, together or each by itself. */
#ifndef API_PROBES_H
#define API_PROBES_H

#include "aggregator/api/request.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

/* One thing that has to be so. `check` returns NULL when it is, or the reason why not (static
 * text). It must not block, and may be called from several threads at a time. */
struct probes_check {
	const char *name;
	const char *(*check)(void *context);
	void *context;
};

/* A probe is its name ("readyz", without a slash) and its checks. */
struct probes_probe {
	const char *name;
	const struct probes_check *checks;
	size_t count;
};

/* Runs the checks but those that ?exclude= names and writes what the probe answers: `ok`, or the
 * list of checks if ?verbose is there or one failed. Reasons are withheld, for the probe is open to
 * everyone. True when all passed. */
bool probes_run(
	const struct probes_probe *probe, const struct request *request, struct buffer *out);

/* The check of that name alone, with its reason. NULL when there is none such. */
const struct probes_check *probes_find(const struct probes_probe *probe, const char *name);
bool probes_run_one(const struct probes_check *check, struct buffer *out);

#endif
