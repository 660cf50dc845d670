#include "agent/metric_selection.h"

#include <errno.h>
#include <string.h>

#define ALL (METRIC_COUNT == 64 ? ~(metric_set)0 : METRIC_BIT(METRIC_COUNT) - 1)

/* What costs every switch between threads is measured for who asks for it alone. */
static const metric_set RUN_QUEUE = METRIC_BIT(METRIC_CPU_RUN_QUEUE) |
				    METRIC_BIT(METRIC_CPU_RUN_QUEUE_P50) |
				    METRIC_BIT(METRIC_CPU_RUN_QUEUE_P99);

static const metric_set RESOURCE =
	METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
	METRIC_BIT(METRIC_MEMORY_SWAP) | METRIC_BIT(METRIC_NODE_CPU_USAGE) |
	METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET) | METRIC_BIT(METRIC_NODE_MEMORY_SWAP);

int metric_selection_parse(const char *text, metric_set *ret_metrics, struct error *err)
{
	metric_set metrics = 0;

	while (*text) {
		size_t length = strcspn(text, ",");
		int metric = metric_by_name(text, (uint32_t)length);

		if (metric >= 0)
			metrics |= METRIC_BIT(metric);
		else if (length == 3 && strncmp(text, "all", length) == 0)
			metrics |= ALL & ~RUN_QUEUE;
		else if (length == 8 && strncmp(text, "resource", length) == 0)
			metrics |= RESOURCE;
		else if (length == 9 && strncmp(text, "run_queue", length) == 0)
			metrics |= RUN_QUEUE;
		else
			return error_set(err, EINVAL,
				"--metrics: \"%.*s\" is not a metric: docs/metrics.md lists them; "
				"\"all\", \"resource\" and \"run_queue\" stand for several",
				(int)length, text);
		text += length;
		if (*text == ',')
			text++;
	}
	if (!metrics)
		return error_set(err, EINVAL, "--metrics names no metric");
	*ret_metrics = metrics;
	return 0;
}
