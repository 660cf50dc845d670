/* Finds the handler of a path. */
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include "aggregator/api/exchange.h"
#include "base/buffer.h"

#define ROUTER_MAX_ROUTES 64
#define ROUTER_MAX_CLAIMS 4

/* Answers the exchange by one of reply.h's functions. */
typedef void (*router_handler)(void *context, struct exchange *exchange);

enum router_flag {
	ROUTER_SLASH = 1, /* a slash at the end changes nothing */
	ROUTER_HEAD = 2,  /* HEAD is served as well as GET */
	ROUTER_INDEX = 4, /* told in the list of paths */
};

struct router;

/* Without routes. NULL when memory is short. */
struct router *router_new(void);
void router_free(struct router *router);

/* Adds a route: a path, in which each part that is "*" stands for one of any name, handed on in
 * exchange->parameters. The pattern must outlive the router. The first route that matches wins. At
 * most ROUTER_MAX_ROUTES. */
void router_add(struct router *router, const char *pattern, unsigned flags, router_handler handler,
	void *context);

/* Makes an unknown path that is `prefix` or below it a 404 Status; another one is a 404 with the
 * list of paths, as everywhere in Kubernetes. At most ROUTER_MAX_CLAIMS. */
void router_claim(struct router *router, const char *prefix);

/* Answers exchange->request, which is parsed: by its handler, or with 404 or 405. */
void router_dispatch(const struct router *router, struct exchange *exchange);

/* {"paths":[…]}, indented, of the routes with ROUTER_INDEX, sorted. */
void router_write_index(const struct router *router, struct buffer *out);

#endif
