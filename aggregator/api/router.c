#include "aggregator/api/router.h"

#include "aggregator/api/json_text.h"
#include "aggregator/api/reply.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct route {
	const char *pattern;
	unsigned flags;
	router_handler handler;
	void *context;
};

struct router {
	struct route routes[ROUTER_MAX_ROUTES];
	size_t count;
	const char *claims[ROUTER_MAX_CLAIMS];
	size_t claim_count;
};

struct router *router_new(void)
{
	return calloc(1, sizeof(struct router));
}

void router_free(struct router *router)
{
	free(router);
}

void router_add(struct router *router, const char *pattern, unsigned flags, router_handler handler,
	void *context)
{
	assert(router->count < ROUTER_MAX_ROUTES);
	router->routes[router->count++] = (struct route){pattern, flags, handler, context};
}

void router_claim(struct router *router, const char *prefix)
{
	assert(router->claim_count < ROUTER_MAX_CLAIMS);
	router->claims[router->claim_count++] = prefix;
}

/* The number of the path's parts that the pattern uses up, or -1 when one differs. Whether parts of
 * the path are left over is the caller's to judge. */
static int match(const char *pattern, const struct request *request, const char **parameters)
{
	size_t part = 0, found = 0;

	while (*pattern == '/' && pattern[1]) {
		size_t length = strcspn(++pattern, "/");
		const char *text;

		if (part == request->segment_count)
			return -1;
		text = request->segments[part++];
		if (length == 1 && *pattern == '*') {
			if (parameters && found < EXCHANGE_MAX_PARAMETERS)
				parameters[found++] = text;
		} else if (strncmp(text, pattern, length) != 0 || text[length] != '\0') {
			return -1;
		}
		pattern += length;
	}
	return (int)part;
}

static bool route_matches(
	const struct route *route, const struct request *request, const char **parameters)
{
	if (request->unroutable || (request->trailing_slash && !(route->flags & ROUTER_SLASH)))
		return false;
	return match(route->pattern, request, parameters) == (int)request->segment_count;
}

static bool is_claimed(const struct router *router, const struct request *request)
{
	for (size_t i = 0; i < router->claim_count; i++)
		if (match(router->claims[i], request, NULL) >= 0)
			return true;
	return false;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void router_write_index(const struct router *router, struct buffer *out)
{
	const char *paths[ROUTER_MAX_ROUTES] = {NULL};
	size_t count = 0;

	for (size_t i = 0; i < router->count; i++)
		if (router->routes[i].flags & ROUTER_INDEX)
			paths[count++] = router->routes[i].pattern;
	qsort(paths, count, sizeof(paths[0]), compare_texts);
	buffer_append_string(out, "{\n  \"paths\": [");
	for (size_t i = 0; i < count; i++) {
		buffer_append_string(out, i > 0 ? ",\n    " : "\n    ");
		json_text_append(out, paths[i]);
	}
	buffer_append_string(out, "\n  ]\n}");
}

static void answer_unknown(const struct router *router, struct exchange *exchange)
{
	struct status status;
	struct buffer index = {0};

	if (is_claimed(router, &exchange->request)) {
		status = status_route_not_found();
		reply_status(exchange, &status);
		return;
	}
	router_write_index(router, &index);
	reply_body(exchange, 404, "application/json", &index);
	buffer_free(&index);
}

static void refuse_method(struct exchange *exchange, const struct route *route)
{
	struct status status = status_method_not_allowed();

	reply_header(exchange, "Allow", route->flags & ROUTER_HEAD ? "GET, HEAD" : "GET");
	reply_status(exchange, &status);
}

void router_dispatch(const struct router *router, struct exchange *exchange)
{
	const struct request *request = &exchange->request;

	for (size_t i = 0; i < router->count; i++) {
		const struct route *route = &router->routes[i];

		if (!route_matches(route, request, exchange->parameters))
			continue;
		if (request->method == REQUEST_GET ||
			(request->method == REQUEST_HEAD && route->flags & ROUTER_HEAD))
			route->handler(route->context, exchange);
		else
			refuse_method(exchange, route);
		return;
	}
	answer_unknown(router, exchange);
}
