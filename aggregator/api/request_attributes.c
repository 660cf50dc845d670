#include "aggregator/api/request_attributes.h"

#include "aggregator/api/list_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Prefix, group, version, special verb, "namespaces", its name, resource, name, subresource; what
 * stands behind is not looked at. */
#define MAX_PARTS 10

/* Of the path, between its slashes; some may be empty. */
struct parts {
	const char *part[MAX_PARTS];
	size_t count;
};

/* In lower case, as for what is no resource. */
static const char *method_name(enum request_method method)
{
	static const char *const NAMES[] = {
		[REQUEST_GET] = "get",
		[REQUEST_HEAD] = "head",
		[REQUEST_POST] = "post",
		[REQUEST_PUT] = "put",
		[REQUEST_PATCH] = "patch",
		[REQUEST_DELETE] = "delete",
		[REQUEST_OPTIONS] = "options",
		[REQUEST_TRACE] = "trace",
		[REQUEST_CONNECT] = "connect",
		[REQUEST_OTHER] = "",
	};

	return NAMES[method];
}

static const char *resource_verb(enum request_method method)
{
	switch (method) {
	case REQUEST_GET:
	case REQUEST_HEAD:
		return "get";
	case REQUEST_POST:
		return "create";
	case REQUEST_PUT:
		return "update";
	case REQUEST_PATCH:
		return "patch";
	case REQUEST_DELETE:
		return "delete";
	default:
		return "";
	}
}

/* Cuts `path` up in place. Slashes at both ends mean nothing, between two there is an empty part.
 */
static struct parts split(char *path)
{
	struct parts parts = {0};
	size_t length;

	path += strspn(path, "/");
	length = strlen(path);
	while (length > 0 && path[length - 1] == '/')
		path[--length] = '\0';
	while (length > 0 && path && parts.count < MAX_PARTS)
		parts.part[parts.count++] = strsep(&path, "/");
	return parts;
}

static void drop(struct parts *parts, size_t count)
{
	parts->count -= count;
	memmove(parts->part, parts->part + count, parts->count * sizeof(parts->part[0]));
}

/* Takes prefix, group and version off. False when the path names no resource. */
static bool take_version(struct parts *parts, struct access_attributes *is)
{
	bool core;

	if (parts->count < 3)
		return false;
	core = strcmp(parts->part[0], "api") == 0;
	if (!core && (strcmp(parts->part[0], "apis") != 0 || parts->count < 4))
		return false;
	is->group = core ? "" : parts->part[1];
	is->version = parts->part[core ? 1 : 2];
	drop(parts, core ? 2 : 3);
	return true;
}

/* The verb stands in the path or is the method's. -EINVAL when nothing follows it. */
static int take_verb(struct parts *parts, enum request_method method, struct access_attributes *is)
{
	const char *first = parts->part[0];

	is->verb = resource_verb(method);
	if (strcmp(first, "watch") != 0 && strcmp(first, "proxy") != 0)
		return 0;
	if (parts->count < 2)
		return -EINVAL;
	is->verb = first;
	drop(parts, 1);
	return 0;
}

static void take_object(struct parts *parts, struct access_attributes *is)
{
	is->namespace = "";
	if (strcmp(parts->part[0], "namespaces") == 0 && parts->count > 1) {
		is->namespace = parts->part[1];
		/* /namespaces/x/status is the namespace's, anything else stands in it */
		if (parts->count > 2 && strcmp(parts->part[2], "status") != 0 &&
			strcmp(parts->part[2], "finalize") != 0)
			drop(parts, 2);
	}
	is->resource = parts->part[0];
	is->name = parts->count > 1 ? parts->part[1] : "";
	is->subresource = parts->count > 2 && strcmp(is->verb, "proxy") != 0 ? parts->part[2] : "";
}

/* Kubernetes' IsValidPathSegmentName. */
static bool is_name(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%");
}

/* What is not of one object is of many. */
static void refine_verb(const struct request *request, struct request_attributes *attributes)
{
	struct access_attributes *is = &attributes->is;

	if (*is->name)
		return;
	if (strcmp(is->verb, "delete") == 0) {
		is->verb = "deletecollection";
	} else if (strcmp(is->verb, "get") == 0) {
		is->verb = request_query_bool(request, "watch") ? "watch" : "list";
		attributes->field_name = list_options_name(request);
		if (attributes->field_name && is_name(attributes->field_name))
			is->name = attributes->field_name;
	}
}

int request_attributes_make(const struct request *request, const struct user *user,
	struct request_attributes *ret_attributes, struct error *err)
{
	struct request_attributes attributes = {
		.is = {.user = user, .verb = method_name(request->method), .path = request->path}};
	struct parts parts;

	attributes.path = strdup(request->path);
	if (!attributes.path)
		return error_errno(err, ENOMEM, "reading the request URL");
	parts = split(attributes.path);
	if (take_version(&parts, &attributes.is)) {
		attributes.is.resource_request = true;
		if (take_verb(&parts, request->method, &attributes.is) < 0) {
			free(attributes.path);
			return error_set(err, EINVAL,
				"unable to determine kind and namespace from url, %.200s",
				request->path);
		}
		take_object(&parts, &attributes.is);
		refine_verb(request, &attributes);
	}
	*ret_attributes = attributes;
	return 0;
}

void request_attributes_free(struct request_attributes *attributes)
{
	free(attributes->path);
	free(attributes->field_name);
	*attributes = (struct request_attributes){0};
}
