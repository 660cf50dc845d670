/* The JSON of metadata and of metrics objects: what the JSON, Table and metadata forms are made
 * of. */
#ifndef API_JSON_OBJECT_H
#define API_JSON_OBJECT_H

#include "aggregator/api/writer.h"

/* Appends `"kind":"<kind>","apiVersion":"<api_version>"`. */
void json_object_type(const char *kind, const char *api_version, struct buffer *out);

/* Appends `"metadata":{…}`: name, namespace, creationTimestamp, labels; what is empty is left
 * out. */
void json_object_metadata(struct writer *writer, const struct object *object, struct buffer *out);

/* Appends `"metadata":{…},"timestamp":…,"window":…,"usage":{…}`, or `"containers":[…]` for a
 * pod: a metrics object without its type and braces. */
void json_object_metrics(struct writer *writer, const struct object *object, struct buffer *out);

#endif
