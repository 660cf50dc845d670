#include "aggregator/kube/kube_request.h"

#include <stdlib.h>
#include <string.h>

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

bool kube_request_copy(struct kube_request *copy, const struct kube_request *request)
{
	void *body = request->size ? malloc(request->size) : NULL;

	*copy = *request;
	copy->method = strdup(request->method);
	copy->target = strdup(request->target);
	copy->accept = copy_or_null(request->accept);
	copy->content_type = copy_or_null(request->content_type);
	if (body)
		memcpy(body, request->body, request->size);
	copy->body = body;
	return copy->method && copy->target && !copy->accept == !request->accept &&
	       !copy->content_type == !request->content_type && !body == !request->size;
}

static void free_text(const char *text)
{
	union {
		const char *in;
		char *out;
	} ours = {text};

	free(ours.out);
}

void kube_request_free(struct kube_request *copy)
{
	union {
		const void *in;
		void *out;
	} body = {copy->body};

	free_text(copy->method);
	free_text(copy->target);
	free_text(copy->accept);
	free_text(copy->content_type);
	if (body.out)
		explicit_bzero(body.out, copy->size);
	free(body.out);
}
