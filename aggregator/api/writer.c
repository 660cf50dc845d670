#include "aggregator/api/writer.h"

#include "base/clock.h"

#include <string.h>

static const struct writer_ops *ops_of(const struct representation *as)
{
	switch (as->form) {
	case FORM_TABLE:
		return &table_writer;
	case FORM_METADATA:
		return as->media == MEDIA_PROTOBUF ? &metadata_protobuf_writer
						   : &metadata_json_writer;
	case FORM_OBJECT:
		break;
	}
	return as->media == MEDIA_PROTOBUF ? &protobuf_writer : &json_writer;
}

void writer_init(struct writer *writer, const struct listing_options *options)
{
	bool v1 = strcmp(options->version, "v1") == 0;

	*writer = (struct writer){
		.ops = ops_of(&options->as),
		.list = options->name == NULL,
		.api_version = v1 ? "metrics.k8s.io/v1" : "metrics.k8s.io/v1beta1",
		.kind = options->resource == LISTING_NODES ? "NodeMetrics" : "PodMetrics",
		.meta_version = options->as.meta_v1beta1 ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1",
		.meta_v1beta1 = options->as.meta_v1beta1,
		.include = options->include,
		.creation_seconds = options->now_realtime_ns / NS_PER_SECOND,
	};
	if (options->custom) {
		writer->ops = options->as.media == MEDIA_PROTOBUF ? &custom_protobuf_writer
								  : &custom_json_writer;
		writer->custom = *options->custom;
	}
	(void)time_text_put_rfc3339(writer->creation, writer->creation_seconds);
}

void writer_forget(struct writer *writer)
{
	label_text_forget(&writer->labels);
}

void writer_append_labels(struct writer *writer, const struct labels *labels,
	void (*write)(const struct labels *labels, struct buffer *out), struct buffer *out)
{
	size_t begin = out->length;

	if (labels->count == 0 || label_text_append(&writer->labels, labels, out))
		return;
	write(labels, out);
	label_text_keep(&writer->labels, labels, out, begin);
}
