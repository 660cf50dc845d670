/* What the writers of the forms (JSON, protobuf, Table, metadata) have in common: the interface
 * through which listing.c uses them, and what stays the same through one listing.
 *
 * A writer appends to a buffer and never fails itself: the caller looks at the buffer. It holds no
 * more than this struct. */
#ifndef API_WRITER_H
#define API_WRITER_H

#include "aggregator/api/custom_metric.h"
#include "aggregator/api/label_text.h"
#include "aggregator/api/listing_options.h"
#include "aggregator/api/object.h"
#include "aggregator/api/time_text.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer;

struct writer_ops {
	/* What stands before the first item. `items_bytes` is what all items, and padding, will
	 * have: of meaning only for a list of a form with a bound. */
	void (*begin)(struct writer *writer, size_t items_bytes, struct buffer *out);
	void (*item)(struct writer *writer, const struct object *object, struct buffer *out);
	/* What stands behind the last. */
	void (*end)(struct writer *writer, struct buffer *out);
	/* The most bytes that item() can append for this object, with any figures in the place of
	 * those that it has now. NULL: the form needs no length ahead (JSON). */
	size_t (*bound)(const struct writer *writer, const struct object *object);
	/* At least the sum of bound() over pods of which this is the total. */
	size_t (*bound_of_pods)(const struct writer *writer, const struct store_totals *totals);
};

extern const struct writer_ops json_writer, protobuf_writer, table_writer, metadata_json_writer,
	metadata_protobuf_writer, custom_json_writer, custom_protobuf_writer;

struct writer {
	const struct writer_ops *ops;
	bool list;                /* else one object */
	const char *api_version;  /* "metrics.k8s.io/v1" */
	const char *kind;         /* of one object: "NodeMetrics", "PodMetrics" */
	const char *meta_version; /* "meta.k8s.io/v1" */
	bool meta_v1beta1;        /* it is "meta.k8s.io/v1beta1" */
	enum listing_include include;
	uint64_t creation_seconds;
	char creation[TIME_TEXT_RFC3339_BYTES]; /* the same as text, not terminated */
	struct time_text_cache times;
	struct label_text labels;
	uint8_t head_of_item, head_of_metadata; /* protobuf: bytes of the last one's length */
	struct custom_metric custom;            /* of meaning for custom_…_writer alone */
	bool comma; /* an item was written: the next one needs a comma in JSON */
};

/* For the options' resource, version, form and time. Keeps no pointer into them. */
void writer_init(struct writer *writer, const struct listing_options *options);

/* To be called before each hold of the store, and when something is taken out of the buffer that it
 * writes to: what was remembered of objects is forgotten. */
void writer_forget(struct writer *writer);

/* Appends an object's labels: by `write`, or a copy when those of the last one were the same. A
 * writer has one form of them. */
void writer_append_labels(struct writer *writer, const struct labels *labels,
	void (*write)(const struct labels *labels, struct buffer *out), struct buffer *out);

#endif
