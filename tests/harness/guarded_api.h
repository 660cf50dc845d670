/* The aggregator's API as it stands in a cluster: asked over TLS with certificates or without, in
 * front of a kube-apiserver that reviews tokens and accesses as the test has it do. A failure fails
 * the running cmocka test. */
#ifndef HARNESS_GUARDED_API_H
#define HARNESS_GUARDED_API_H

#include "aggregator/access/access.h"
#include "aggregator/api/api.h"
#include "base/telemetry.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/pki.h"

#include <stdbool.h>
#include <stdint.h>

/* Tokens that the reviewer knows; of any other it says no. */
#define GUARDED_TOKEN        "token-of-tom"  /* user tom, group dev */
#define GUARDED_MASTER_TOKEN "token-of-root" /* user root, group system:masters */

struct guarded_options {
	struct api_options api;       /* deadlines, limits, conditions */
	struct access_options access; /* TTLs and lists */
	bool one_ca;                  /* clients and front proxies have the same authority */
	bool config_map;     /* both authorities come from the ConfigMap: guarded_publish() */
	bool own_proxy_ca;   /* with it: that of front proxies comes from a file all the same */
	struct store *store; /* NULL: one of a few pods; the API's from now on */
};

struct guarded_api;

/* `options` may be NULL. The names of front proxies are any unless options say otherwise. */
struct guarded_api *guarded_start(const struct guarded_options *options);
void guarded_stop(struct guarded_api *api); /* NULL is fine */

/* Authorities: of front proxies, of clients, and one that nobody knows. */
const struct pki *guarded_proxy_ca(const struct guarded_api *api);
const struct pki *guarded_client_ca(const struct guarded_api *api);
const struct pki *guarded_other_ca(const struct guarded_api *api);

/* The certificate of a front proxy that is believed; it belongs to it. */
const struct pki_pair *guarded_front_proxy(const struct guarded_api *api);

/* Puts other certificates into the file of the front proxies' authorities. */
void guarded_replace_proxy_ca(struct guarded_api *api, const char *pem);

/* What it is served by; it belongs to it. */
struct https_server *guarded_server(const struct guarded_api *api);

struct telemetry *guarded_telemetry(const struct guarded_api *api);
struct kube_double *guarded_kube(const struct guarded_api *api);

/* Where it is, for clients of another kind; the CA is a file. */
uint16_t guarded_port(const struct guarded_api *api);
const char *guarded_server_ca(const struct guarded_api *api);

/* A connection, with a certificate unless it is NULL. */
struct https *guarded_connect(const struct guarded_api *api, const struct pki_pair *certificate);

/* One request over it. `headers` are lines ended by CR LF. */
struct https_response guarded_ask_on(
	struct https *connection, const char *method, const char *target, const char *headers);
/* The same over a connection of its own. */
struct https_response guarded_ask(const struct guarded_api *api, const struct pki_pair *certificate,
	const char *method, const char *target, const char *headers);
/* The same; only the code. */
int guarded_code(const struct guarded_api *api, const struct pki_pair *certificate,
	const char *target, const char *headers);

/* --- kube-apiserver --------------------------------------------------------------------------- */

enum guarded_reviews {
	GUARDED_ANSWERS,
	GUARDED_HOLDS, /* until it answers again */
	GUARDED_ERRS,  /* 500 */
};
void guarded_set_tokens(struct guarded_api *api, enum guarded_reviews reviews);
void guarded_set_accesses(struct guarded_api *api, enum guarded_reviews reviews);

/* What kube-apiserver publishes from now on: the `data` of the ConfigMap, JSON. There is none in
 * the beginning. */
void guarded_publish(struct guarded_api *api, const char *data);

/* It does not listen any more. */
void guarded_stop_kube(struct guarded_api *api);

/* Whether accesses are allowed from now on; not, in the beginning. */
void guarded_allow(struct guarded_api *api, bool allow);

/* Reviews that arrived so far. */
unsigned guarded_token_reviews(const struct guarded_api *api);
unsigned guarded_access_reviews(const struct guarded_api *api);

/* Who and what the last access review was about: "user|uid|group,group|key=value|verb path" or
 * "…|verb namespace group/version resource/subresource name". Free it. */
char *guarded_last_access(struct guarded_api *api);

/* What the TokenReview asked for audiences, or "" . Free it. */
char *guarded_last_token(struct guarded_api *api);

/* A series; the label may be NULL. 0 when it is not there. */
uint64_t guarded_figure(
	const struct guarded_api *api, const char *name, const char *label, const char *value);
/* Waits until the one without a label is `value`; fails the test after 20 s. */
void guarded_await(const struct guarded_api *api, const char *name, uint64_t value);

#endif
