/* curl's options for one call of kube-apiserver: how it is reached, who we are, what is asked. */
#ifndef KUBE_KUBE_EASY_H
#define KUBE_KUBE_EASY_H

#include "aggregator/kube/kube_config.h"
#include "aggregator/kube/kube_credentials.h"
#include "base/error.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* The same for all calls of a client. */
struct kube_route {
	char *server;                  /* as the config has it, for messages */
	char *base;                    /* the url up to the target, with the name to verify */
	char *host_header;             /* NULL: the url's own */
	struct curl_slist *connect_to; /* NULL: the url's own */
	bool insecure;
	const char *program; /* the User-Agent, before its version; a constant, set it after init */
};

/* 0; -EINVAL with a message when the server of the config is no url, or the name no name. */
int kube_route_init(struct kube_route *route, const struct kube_config *config, struct error *err);
void kube_route_free(struct kube_route *route);

/* One call. Texts must live until kube_easy_set() returns, the body as long as the transfer. */
struct kube_easy {
	const char *method, *target, *accept, *content_type;
	const void *body;
	size_t size;
	bool streamed; /* uncompressed, in larger pieces */
};

/* Sets everything but the callbacks. *ret_headers is the transfer's and lives as long as it does;
 * free it with kube_easy_free_headers(). 0 or -ENOMEM. */
int kube_easy_set(CURL *easy, const struct kube_route *route,
	const struct kube_credentials *credentials, const struct kube_easy *wanted,
	struct curl_slist **ret_headers, unsigned *ret_token_revision);

/* Wipes them: a token is among them. */
void kube_easy_free_headers(struct curl_slist *headers);

#endif
