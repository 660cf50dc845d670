/* The JSON of an API server, into rows. Nothing of it is believed: what is missing or of another
 * type is left out, what is no such list at all is an error. */
#ifndef TOP_ANSWER_H
#define TOP_ANSWER_H

#include "base/error.h"
#include "top/table.h"

#include <stddef.h>

#define ANSWER_MAX_BYTES (64U << 20)

/* APIGroup of metrics.k8s.io: "v1" where it is served, else "v1beta1". NULL: neither. */
const char *answer_version(const void *body, size_t size);

/* APIResourceList of custom.metrics.k8s.io: which columns there are for each kind. 0 or -EINVAL. */
int answer_offer(
	const void *body, size_t size, column_set ret_offer[KIND_COUNT], struct error *err);

/* NodeMetricsList or PodMetricsList: the rows that there are, with CPU and memory (of a pod the sum
 * of its containers), and one more point of CPU. 0 or -EINVAL; then the table is as it was. */
int answer_list(
	const void *body, size_t size, enum kind kind, struct table *table, struct error *err);

/* MetricValueList: one column of rows that are there. `namespace` as for table_clear(). */
int answer_values(const void *body, size_t size, enum column column, const char *namespace,
	struct table *table, struct error *err);

#endif
