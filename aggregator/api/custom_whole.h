/* One figure of one thing, as a list of custom.metrics.k8s.io with one item: of a pod or a node, or
 * of many pods together, which are a namespace's or a workload's. They are walked over a short hold
 * of the store at a time, as for a list. */
#ifndef API_CUSTOM_WHOLE_H
#define API_CUSTOM_WHOLE_H

#include "aggregator/api/custom_metric.h"
#include "aggregator/api/label_selector.h"
#include "aggregator/api/listing_options.h"
#include "aggregator/api/workload.h"
#include "base/buffer.h"

enum custom_thing {
	CUSTOM_NODE,
	CUSTOM_POD,
	CUSTOM_NAMESPACE,
	CUSTOM_WORKLOAD,
};

struct custom_whole_options {
	struct store *store;
	struct custom_metric metric;
	enum custom_thing thing;
	enum workload_kind workload;
	const char *namespace; /* NULL for a node */
	const char *name;      /* of a namespace it is the same */
	/* Which of the namespace's pods; taken over. NULL: all of them, or those that bear the
	 * workload's name. */
	struct label_selector *labels;
	struct representation as;
};

struct custom_whole;

/* Copies the strings. NULL when memory is short (then the selector is freed too). */
struct custom_whole *custom_whole_new(const struct custom_whole_options *options);
void custom_whole_free(struct custom_whole *whole);

/* Goes on for some milliseconds at most. LISTING_END: all is appended to `out`; LISTING_NOT_FOUND:
 * nobody has the figure. */
enum listing_state custom_whole_next(struct custom_whole *whole, struct buffer *out);

/* What was asked for, for who says that it is not there. */
const char *custom_whole_name(const struct custom_whole *whole);

#endif
