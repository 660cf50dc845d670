#include "tests/harness/guarded_api.h"

#include "base/buffer.h"
#include "tests/harness/cluster.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKENS   "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCESSES "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define CONFIGS  "/api/v1/namespaces/kube-system/configmaps"
#define JSON     "application/json"

#define TOKEN_ANSWER \
	"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\",\"status\":"
#define ACCESS_ANSWER \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\",\"status\":"

#define HOLD_STEP_MS 10

struct guarded_api {
	struct guarded_options options;
	struct pki *proxy, *client, *other;
	struct scratch *scratch;
	struct pki_pair front_proxy;
	const char *proxy_file, *client_file;
	struct kube_double *kube;
	struct kube_client *kube_client;
	struct telemetry *telemetry;
	struct store *store;
	struct https_server *server;
	_Atomic int tokens, accesses; /* enum guarded_reviews */
	atomic_bool allow;
	pthread_mutex_t lock; /* guards what is below */
	char *last_access, *last_token;
	char *published;
	unsigned version;
};

/* --- kube-apiserver's side, in its threads ---------------------------------------------------- */

/* False when there is nothing to answer any more. */
static bool may_answer(struct kube_exchange *exchange, _Atomic int *reviews)
{
	while (atomic_load(reviews) == GUARDED_HOLDS)
		if (!kube_exchange_wait(exchange, HOLD_STEP_MS))
			return false;
	if (atomic_load(reviews) == GUARDED_ERRS) {
		(void)kube_exchange_reply_status(exchange, 500, "InternalError", "etcd is away");
		return false;
	}
	return true;
}

static json_t *spec_of(struct kube_exchange *exchange)
{
	size_t size;
	const char *body = kube_exchange_body(exchange, &size);
	json_t *review = json_loadb(body, size, 0, NULL);
	json_t *spec = json_incref(json_object_get(review, "spec"));

	json_decref(review);
	return spec;
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static void remember(struct guarded_api *api, char **where, struct buffer *what)
{
	(void)pthread_mutex_lock(&api->lock);
	free(*where);
	*where = buffer_terminate(what) ? what->data : NULL;
	(void)pthread_mutex_unlock(&api->lock);
}

static void review_token(struct kube_exchange *exchange, void *context)
{
	struct guarded_api *api = context;
	json_t *spec = spec_of(exchange), *audiences = json_object_get(spec, "audiences");
	const char *token = text(spec, "token");
	const char *answer = TOKEN_ANSWER "{\"user\":{},\"error\":\"who is that\"}}";
	struct buffer asked = {0};

	buffer_append_string(&asked, "");
	for (size_t i = 0; i < json_array_size(audiences); i++)
		buffer_append_string(&asked, json_string_value(json_array_get(audiences, i)));
	remember(api, &api->last_token, &asked);
	if (strcmp(token, GUARDED_TOKEN) == 0)
		answer = TOKEN_ANSWER
			"{\"authenticated\":true,\"user\":{\"username\":\"tom\","
			"\"uid\":\"7\",\"groups\":[\"dev\"],\"extra\":{\"k\":[\"v\"]}}}}";
	if (strcmp(token, GUARDED_MASTER_TOKEN) == 0)
		answer = TOKEN_ANSWER "{\"authenticated\":true,\"user\":{\"username\":\"root\","
				      "\"groups\":[\"system:masters\"]}}}";
	json_decref(spec);
	if (may_answer(exchange, &api->tokens))
		(void)kube_exchange_reply_text(exchange, 201, JSON, answer);
}

static void describe_extra(const char *key, json_t *values, struct buffer *out)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		buffer_printf(out, "%s=%s;", key, json_string_value(json_array_get(values, i)));
}

static void describe_user(json_t *spec, struct buffer *out)
{
	json_t *groups = json_object_get(spec, "groups"), *extra = json_object_get(spec, "extra");

	buffer_printf(out, "%s|%s|", text(spec, "user"), text(spec, "uid"));
	for (size_t i = 0; i < json_array_size(groups); i++)
		buffer_printf(
			out, "%s%s", i ? "," : "", json_string_value(json_array_get(groups, i)));
	buffer_append_char(out, '|');
	for (void *at = json_object_iter(extra); at; at = json_object_iter_next(extra, at))
		describe_extra(json_object_iter_key(at), json_object_iter_value(at), out);
	buffer_append_char(out, '|');
}

static void describe_access(json_t *spec, struct buffer *out)
{
	const json_t *path = json_object_get(spec, "nonResourceAttributes"),
		     *is = json_object_get(spec, "resourceAttributes");

	describe_user(spec, out);
	if (path)
		buffer_printf(out, "%s %s", text(path, "verb"), text(path, "path"));
	else
		buffer_printf(out, "%s %s %s/%s %s/%s %s", text(is, "verb"), text(is, "namespace"),
			text(is, "group"), text(is, "version"), text(is, "resource"),
			text(is, "subresource"), text(is, "name"));
}

static void review_access(struct kube_exchange *exchange, void *context)
{
	struct guarded_api *api = context;
	json_t *spec = spec_of(exchange);
	struct buffer asked = {0};

	describe_access(spec, &asked);
	remember(api, &api->last_access, &asked);
	json_decref(spec);
	if (may_answer(exchange, &api->accesses))
		(void)kube_exchange_reply_text(exchange, 201, JSON,
			atomic_load(&api->allow) ? ACCESS_ANSWER "{\"allowed\":true}}"
						 : ACCESS_ANSWER "{\"allowed\":false}}");
}

/* The ConfigMap as it is now, as an event if `type` is one; NULL when it is not newer. Free it. */
static char *config_map(struct guarded_api *api, const char *type, unsigned *version)
{
	char *text_of = NULL;
	int r = 0;

	(void)pthread_mutex_lock(&api->lock);
	if (api->published && api->version > *version) {
		r = asprintf(&text_of,
			"%s%s%s{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":"
			"\"extension-apiserver-authentication\",\"namespace\":\"kube-system\","
			"\"resourceVersion\":\"%u\"},\"data\":%s}%s",
			type ? "{\"type\":\"" : "", type ? type : "", type ? "\",\"object\":" : "",
			api->version, api->published, type ? "}\n" : "");
		*version = api->version;
	}
	(void)pthread_mutex_unlock(&api->lock);
	return r < 0 ? NULL : text_of;
}

static void watch_config(struct kube_exchange *exchange, struct guarded_api *api, unsigned version)
{
	bool here = kube_exchange_begin(exchange, 200, JSON);

	while (here) {
		char *event = config_map(api, "MODIFIED", &version);

		here = event ? kube_exchange_send_text(exchange, event)
			     : kube_exchange_wait(exchange, HOLD_STEP_MS);
		free(event);
	}
}

static void serve_config(struct kube_exchange *exchange, void *context)
{
	struct guarded_api *api = context;
	const char *from = strstr(kube_exchange_query(exchange), "resourceVersion=");
	unsigned version = 0;
	char *object, *list = NULL;

	if (kube_exchange_asks(exchange, "watch=true")) {
		watch_config(exchange, api,
			from ? (unsigned)strtoul(from + strlen("resourceVersion="), NULL, 10) : 0);
		return;
	}
	object = config_map(api, NULL, &version);
	if (asprintf(&list,
		    "{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{"
		    "\"resourceVersion\":\"%u\"},\"items\":[%s]}",
		    version, object ? object : "") > 0)
		(void)kube_exchange_reply_text(exchange, 200, JSON, list);
	free(object);
	free(list);
}

/* --- the API's side --------------------------------------------------------------------------- */

static struct access *make_access(void *context, struct event_base *base)
{
	struct guarded_api *api = context;
	struct kube_config config = kube_double_config(api->kube);
	const struct kube_client_options client = {
		.config = &config, .base = base, .telemetry = api->telemetry};
	struct access_options options = api->options.access;
	struct access *access;
	struct error err;

	api->kube_client = kube_client_new(&client, &err);
	if (!api->kube_client)
		fail_msg("%s", err.message);
	options.client = api->kube_client;
	options.base = base;
	options.telemetry = api->telemetry;
	if (!api->options.config_map || api->options.own_proxy_ca)
		options.requestheader_ca_file = api->proxy_file;
	if (!api->options.config_map)
		options.client_ca_file = api->options.one_ca ? api->proxy_file : api->client_file;
	access = access_new(&options, &err);
	if (!access)
		fail_msg("%s", err.message);
	return access;
}

static void stop_client(void *context)
{
	struct guarded_api *api = context;

	kube_client_free(api->kube_client);
}

static struct store *small_store(struct telemetry *telemetry)
{
	const struct cluster_shape shape = {
		.nodes = 2, .pods = 3, .containers = 1, .namespaces = 1, .seed = 1};
	struct store *store = cluster_store(telemetry);

	cluster_fill(store, &shape);
	return store;
}

struct guarded_api *guarded_start(const struct guarded_options *options)
{
	struct guarded_api *api = calloc(1, sizeof(*api));
	struct https_server_access access = {make_access, stop_client, api};
	const struct pki_client front_proxy = {.common_name = "front-proxy-client"};

	assert_non_null(api);
	if (options)
		api->options = *options;
	(void)pthread_mutex_init(&api->lock, NULL);
	api->proxy = pki_new("front-proxy-ca");
	api->client = pki_new("kubernetes-ca");
	api->other = pki_new("front-proxy-ca");
	api->front_proxy = pki_issue_client(api->proxy, &front_proxy);
	api->scratch = scratch_new();
	api->proxy_file = scratch_write(api->scratch, "proxy.crt", pki_ca(api->proxy));
	api->client_file = scratch_write(api->scratch, "client.crt", pki_ca(api->client));
	api->kube = kube_double_start(NULL);
	kube_double_on(api->kube, TOKENS, review_token, api);
	kube_double_on(api->kube, ACCESSES, review_access, api);
	kube_double_on(api->kube, CONFIGS, serve_config, api);
	api->telemetry = telemetry_new();
	api->store = api->options.store ? api->options.store : small_store(api->telemetry);
	api->server =
		https_server_start_with(api->store, api->telemetry, &api->options.api, &access);
	return api;
}

void guarded_stop(struct guarded_api *api)
{
	if (!api)
		return;
	https_server_stop(api->server);
	kube_double_stop(api->kube);
	store_free(api->store);
	telemetry_free(api->telemetry);
	scratch_free(api->scratch);
	pki_pair_free(&api->front_proxy);
	pki_free(api->proxy);
	pki_free(api->client);
	pki_free(api->other);
	free(api->last_access);
	free(api->last_token);
	free(api->published);
	(void)pthread_mutex_destroy(&api->lock);
	free(api);
}

const struct pki *guarded_proxy_ca(const struct guarded_api *api)
{
	return api->proxy;
}

const struct pki_pair *guarded_front_proxy(const struct guarded_api *api)
{
	return &api->front_proxy;
}

const struct pki *guarded_client_ca(const struct guarded_api *api)
{
	return api->client;
}

const struct pki *guarded_other_ca(const struct guarded_api *api)
{
	return api->other;
}

/* Renamed into place, as a mounted ConfigMap is. */
void guarded_replace_proxy_ca(struct guarded_api *api, const char *pem)
{
	const char *new = scratch_write(api->scratch, "proxy.new", pem);

	assert_int_equal(rename(new, api->proxy_file), 0);
}

struct https_server *guarded_server(const struct guarded_api *api)
{
	return api->server;
}

struct telemetry *guarded_telemetry(const struct guarded_api *api)
{
	return api->telemetry;
}

struct kube_double *guarded_kube(const struct guarded_api *api)
{
	return api->kube;
}

uint16_t guarded_port(const struct guarded_api *api)
{
	return https_server_port(api->server);
}

const char *guarded_server_ca(const struct guarded_api *api)
{
	return https_server_ca(api->server);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct https *guarded_connect(const struct guarded_api *api, const struct pki_pair *certificate)
{
	struct https *connection = https_open_as(https_server_port(api->server),
		https_server_ca(api->server), certificate ? certificate->cert : NULL,
		certificate ? certificate->key : NULL);

	assert_non_null(connection);
	return connection;
}

struct https_response guarded_ask_on(
	struct https *connection, const char *method, const char *target, const char *headers)
{
	char request[40000];
	int length = snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n",
		method, target, headers);

	assert_true(length > 0 && (size_t)length < sizeof(request));
	assert_true(https_send(connection, request, (size_t)length));
	return strcmp(method, "HEAD") == 0 ? https_receive_head(connection, 30000)
					   : https_receive(connection, 30000);
}

struct https_response guarded_ask(const struct guarded_api *api, const struct pki_pair *certificate,
	const char *method, const char *target, const char *headers)
{
	struct https *connection = guarded_connect(api, certificate);
	struct https_response answer = guarded_ask_on(connection, method, target, headers);

	https_close(connection);
	return answer;
}

int guarded_code(const struct guarded_api *api, const struct pki_pair *certificate,
	const char *target, const char *headers)
{
	struct https_response answer = guarded_ask(api, certificate, "GET", target, headers);
	int code = answer.status;

	https_response_free(&answer);
	return code;
}

void guarded_set_tokens(struct guarded_api *api, enum guarded_reviews reviews)
{
	atomic_store(&api->tokens, reviews);
}

void guarded_set_accesses(struct guarded_api *api, enum guarded_reviews reviews)
{
	atomic_store(&api->accesses, reviews);
}

void guarded_publish(struct guarded_api *api, const char *data)
{
	(void)pthread_mutex_lock(&api->lock);
	free(api->published);
	api->published = strdup(data);
	api->version++;
	(void)pthread_mutex_unlock(&api->lock);
	assert_non_null(api->published);
}

void guarded_stop_kube(struct guarded_api *api)
{
	kube_double_stop(api->kube);
	api->kube = NULL;
}

void guarded_allow(struct guarded_api *api, bool allow)
{
	atomic_store(&api->allow, allow);
}

unsigned guarded_token_reviews(const struct guarded_api *api)
{
	return kube_double_count(api->kube, TOKENS);
}

unsigned guarded_access_reviews(const struct guarded_api *api)
{
	return kube_double_count(api->kube, ACCESSES);
}

static char *copy_of(struct guarded_api *api, char *const *text_of)
{
	char *copy;

	(void)pthread_mutex_lock(&api->lock);
	copy = strdup(*text_of ? *text_of : "");
	(void)pthread_mutex_unlock(&api->lock);
	assert_non_null(copy);
	return copy;
}

char *guarded_last_access(struct guarded_api *api)
{
	return copy_of(api, &api->last_access);
}

char *guarded_last_token(struct guarded_api *api)
{
	return copy_of(api, &api->last_token);
}

struct awaited {
	struct telemetry_series *series;
	uint64_t value;
};

static bool is_reached(void *context)
{
	const struct awaited *awaited = context;

	return telemetry_get(awaited->series) == awaited->value;
}

void guarded_await(const struct guarded_api *api, const char *name, uint64_t value)
{
	struct awaited awaited = {telemetry_gauge(api->telemetry, name, "", NULL, NULL), value};

	if (!wait_until(is_reached, &awaited, 60000))
		fail_msg("%s is %llu", name, (unsigned long long)telemetry_get(awaited.series));
}

uint64_t guarded_figure(
	const struct guarded_api *api, const char *name, const char *label, const char *value)
{
	return telemetry_get(telemetry_counter(api->telemetry, name, "", label, value));
}
