/* What kube-apiserver sends of metadata, in Kubernetes' protobuf, packed by protobuf-c: an oracle
 * for our own reading. Everything here fails the running cmocka test when it goes wrong. */
#ifndef HARNESS_KUBE_OBJECTS_H
#define HARNESS_KUBE_OBJECTS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KUBE_OBJECTS_MOST_PAIRS 400

/* NULL = the field is not there. */
struct kube_object {
	const char *namespace, *name, *uid, *resource_version;
	/* {key, value, key, value, …, NULL} */
	const char *const *labels, *const *annotations;
	size_t managed_fields; /* bytes of them */
};

/* Appends a PartialObjectMetadata, bare. */
void kube_objects_put(struct buffer *out, const struct kube_object *object);

/* Appends "k8s\0" and an Unknown around `raw`. */
void kube_objects_put_envelope(struct buffer *out, const char *api_version, const char *kind,
	const void *raw, size_t size);

/* Appends a whole PartialObjectMetadataList in its envelope. `continue_token` may be NULL. */
void kube_objects_put_list(struct buffer *out, const struct kube_object *objects, size_t count,
	const char *resource_version, const char *continue_token);

/* Appends one frame of a watch: its length, and "ADDED", … with the object. */
void kube_objects_put_event(struct buffer *out, const char *type, const struct kube_object *object);

/* A BOOKMARK; `end` is the one that ends the initial events. */
void kube_objects_put_bookmark(struct buffer *out, const char *resource_version, bool end);

/* An ERROR frame with a Status. */
void kube_objects_put_error(struct buffer *out, int code, const char *reason, const char *message);

/* A frame around these bytes. */
void kube_objects_put_frame(struct buffer *out, const void *event, size_t size);

#endif
