#include "top/ask.h"

#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/kube_status.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/telemetry.h"
#include "top/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define OFFER_PERIOD_NS (60 * NS_PER_SECOND)
#define OFFER_AGAIN_NS  (5 * NS_PER_SECOND) /* when it was not told */
#define CUSTOM          "/apis/custom.metrics.k8s.io/v1beta2"

LIST_HEAD(questions, question);

struct ask {
	struct kube_client *client;
	struct telemetry *telemetry;
	char *namespace, *selector; /* percent-encoded; NULL = all */
	uint64_t timeout_ns;
	const char *version; /* of metrics.k8s.io; NULL: not known yet */
	column_set offer[KIND_COUNT];
	uint64_t offer_due_ns;      /* 0: was never asked for */
	struct error note;          /* what the server does not have */
	struct error offer_failure; /* why it is not known what the server has */
	struct error problem;       /* why a column of this round is missing */

	/* the round */
	bool under_way;
	enum kind kind;
	column_set columns;
	struct table *table;
	void (*done)(void *context, const char *failure);
	void *context;
	size_t pending; /* questions without an answer */
	struct questions questions;
};

struct question {
	LIST_ENTRY(question) entry;
	struct ask *ask;
	enum column column;
	char *namespace; /* as the server calls it; NULL: of all rows */
};

/* --- small parts ------------------------------------------------------------------------------ */

static char *encoded(const char *text)
{
	char *copy = malloc(3 * strlen(text) + 1), *to = copy;

	if (!copy)
		return NULL;
	for (; *text; text++) {
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
			    *text))
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	}
	*to = '\0';
	return copy;
}

/* Why this is no good answer, in words that say what to do. */
static void explain(const struct ask *ask, const struct kube_response *response, const char *what,
	struct error *ret_text)
{
	const char *plugin = kube_client_credentials_failure(ask->client);
	struct kube_status status = {0};
	const struct span body = {.data = response->body, .size = response->size};

	if (response->status == 0) {
		(void)error_set(ret_text, EIO, "%s", response->failure);
		return;
	}
	if (kube_status_read_json(body, &status) < 0 || !*status.message)
		(void)snprintf(status.message, sizeof(status.message), "no reason was given");
	if (response->status == 401)
		(void)error_set(ret_text, EACCES,
			"asking for %s: 401: the server does not accept the kubeconfig's credentials (%s)%s%s",
			what, status.message, *plugin ? "; " : "", plugin);
	else
		(void)error_set(ret_text, EIO, "asking for %s: %d: %s", what, response->status,
			status.message);
}

static void finish(struct ask *ask, const char *failure)
{
	ask->under_way = false;
	ask->done(ask->context, failure);
}

static int get(struct ask *ask, const char *target,
	void (*on_done)(void *, const struct kube_response *), void *context, struct error *err)
{
	const struct kube_request request = {
		.method = "GET",
		.target = target,
		.max_body = ANSWER_MAX_BYTES,
		.timeout_ns = ask->timeout_ns,
		.on_done = on_done,
		.context = context,
	};

	return kube_client_send(ask->client, &request, err) ? 0 : -ENOMEM;
}

/* The step of a round that there is nothing without. */
static void get_or_finish(
	struct ask *ask, const char *target, void (*on_done)(void *, const struct kube_response *))
{
	struct error err;

	if (get(ask, target, on_done, ask, &err) < 0)
		finish(ask, err.message);
}

/* --- the columns ------------------------------------------------------------------------------ */

static void free_question(struct question *question)
{
	LIST_REMOVE(question, entry);
	free(question->namespace);
	free(question);
}

static void on_values(void *context, const struct kube_response *response)
{
	struct question *question = context;
	struct ask *ask = question->ask;
	struct error err = {{0}};
	int r = 0;

	if (response->status == 200)
		r = answer_values(response->body, response->size, question->column,
			question->namespace, ask->table, &err);
	else if (response->status == 404) /* nobody has a figure */
		table_clear(ask->table, question->namespace, question->column);
	else {
		explain(ask, response, column_info(question->column)->name, &err);
		r = -EIO;
	}
	if (r < 0) {
		table_clear(ask->table, question->namespace, question->column);
		ask->problem = err;
	}
	free_question(question);
	if (--ask->pending == 0)
		finish(ask, NULL);
}

/* What to get; NULL when memory is short. */
static char *column_target(const struct ask *ask, const char *namespace, enum column column)
{
	char *path = namespace ? encoded(namespace) : NULL, *target = NULL;

	if ((namespace && !path) ||
		asprintf(&target, CUSTOM "%s%s%s/%%2A/%s%s%s", namespace ? "/namespaces/" : "",
			namespace ? path : "", namespace ? "/pods" : "/nodes",
			column_info(column)->metric[ask->kind],
			ask->selector ? "?labelSelector=" : "",
			ask->selector ? ask->selector : "") < 0)
		target = NULL;
	free(path);
	return target;
}

static void ask_column(struct ask *ask, const char *namespace, enum column column)
{
	char *target = column_target(ask, namespace, column);
	struct question *question = calloc(1, sizeof(*question));
	int r = target && question ? 0 : -ENOMEM;
	struct error err = {{0}};

	if (question) {
		*question = (struct question){.ask = ask, .column = column};
		LIST_INSERT_HEAD(&ask->questions, question, entry);
		question->namespace = namespace ? strdup(namespace) : NULL;
		if (namespace && !question->namespace)
			r = -ENOMEM;
	}
	if (r < 0)
		(void)error_errno(&err, ENOMEM, "asking for %s", column_info(column)->name);
	else
		r = get(ask, target, on_values, question, &err);
	free(target);
	if (r == 0) {
		ask->pending++;
		return;
	}
	ask->problem = err;
	table_clear(ask->table, namespace, column);
	if (question)
		free_question(question);
}

static void ask_columns(struct ask *ask, const char *namespace, column_set columns)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (columns & COLUMN_BIT(i))
			ask_column(ask, namespace, (enum column)i);
}

static void clear_columns(struct ask *ask, column_set columns)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (columns & COLUMN_BIT(i))
			table_clear(ask->table, NULL, (enum column)i);
}

/* The group has no request for all namespaces: each that has pods is asked by itself. False when
 * that would be too many. */
static bool ask_namespaces(struct ask *ask, column_set columns)
{
	const struct table_order by_name = {.column = -1, .ascending = true, .filter = ""};
	size_t most = ASK_MAX_QUESTIONS / (size_t)__builtin_popcount(columns), count = 0;
	struct table *table = ask->table;
	const char *before = NULL;

	if (table_sort(table, &by_name) < 0)
		return false;
	for (int pass = 0; pass < 2; pass++, before = NULL)
		for (size_t i = 0; i < table->count; i++) {
			const char *namespace = table->order[i]->namespace;

			if (before && strcmp(before, namespace) == 0)
				continue;
			before = namespace;
			if (pass == 1)
				ask_columns(ask, namespace, columns);
			else if (++count > most)
				return false;
		}
	return true;
}

static void on_list(void *context, const struct kube_response *response)
{
	struct ask *ask = context;
	column_set columns = ask->columns & ask->offer[ask->kind];
	struct error err;

	if (response->status != 200) {
		explain(ask, response, ask->kind == KIND_PODS ? "pods" : "nodes", &err);
		finish(ask, err.message);
		return;
	}
	if (answer_list(response->body, response->size, ask->kind, ask->table, &err) < 0) {
		finish(ask, err.message);
		return;
	}
	ask->pending = 0;
	ask->problem = ask->offer_failure;
	if (columns && ask->kind == KIND_NODES)
		ask_columns(ask, NULL, columns);
	else if (columns && !ask_namespaces(ask, columns)) {
		clear_columns(ask, columns);
		(void)error_set(&ask->problem, E2BIG,
			"too many namespaces to ask each for its columns: CPU and memory only without -n, or with fewer --columns");
	}
	if (ask->pending == 0)
		finish(ask, NULL);
}

static void ask_list(struct ask *ask)
{
	bool pods = ask->kind == KIND_PODS;
	char *target;

	if (asprintf(&target, "/apis/metrics.k8s.io/%s%s%s%s%s%s", ask->version,
		    pods && ask->namespace ? "/namespaces/" : "",
		    pods && ask->namespace ? ask->namespace : "", pods ? "/pods" : "/nodes",
		    ask->selector ? "?labelSelector=" : "",
		    ask->selector ? ask->selector : "") < 0) {
		finish(ask, "memory is short");
		return;
	}
	get_or_finish(ask, target, on_list);
	free(target);
}

/* --- what there is ---------------------------------------------------------------------------- */

/* What was offered before stays when this is no answer to the question. */
static void on_offer(void *context, const struct kube_response *response)
{
	struct ask *ask = context;
	bool told = response->status == 200 || response->status == 404;

	ask->offer_due_ns = clock_monotonic_ns() + (told ? OFFER_PERIOD_NS : OFFER_AGAIN_NS);
	ask->note.message[0] = '\0';
	ask->offer_failure.message[0] = '\0';
	if (!told) {
		explain(ask, response, "custom.metrics.k8s.io", &ask->offer_failure);
	} else if (response->status == 404) {
		memset(ask->offer, 0, sizeof(ask->offer));
		(void)error_set(&ask->note, ENOENT,
			"no custom.metrics.k8s.io/v1beta2 here: CPU and memory only");
	} else {
		(void)answer_offer(response->body, response->size, ask->offer, &ask->offer_failure);
	}
	ask->offer[KIND_NODES] |= COLUMN_BASIC;
	ask->offer[KIND_PODS] |= COLUMN_BASIC;
	ask_list(ask);
}

static void go_on(struct ask *ask)
{
	if (clock_monotonic_ns() >= ask->offer_due_ns)
		get_or_finish(ask, CUSTOM, on_offer);
	else
		ask_list(ask);
}

static void on_version(void *context, const struct kube_response *response)
{
	struct ask *ask = context;
	struct error err;

	if (response->status == 200) {
		ask->version = answer_version(response->body, response->size);
	} else if (response->status != 404) {
		explain(ask, response, "metrics.k8s.io", &err);
		finish(ask, err.message);
		return;
	}
	if (ask->version)
		go_on(ask);
	else
		finish(ask,
			"the Metrics API is not available: the server has no metrics.k8s.io of v1 "
			"or v1beta1 (is tacho or metrics-server installed?)");
}

/* --- the interface ---------------------------------------------------------------------------- */

int ask_round(struct ask *ask, enum kind kind, column_set columns, struct table *table,
	void (*done)(void *context, const char *failure), void *context, struct error *err)
{
	if (ask->under_way)
		return error_set(err, EBUSY, "a round is under way");
	ask->under_way = true;
	ask->kind = kind;
	ask->columns = columns & ~COLUMN_BASIC;
	ask->table = table;
	ask->done = done;
	ask->context = context;
	if (ask->version)
		go_on(ask);
	else
		get_or_finish(ask, "/apis/metrics.k8s.io", on_version);
	return 0;
}

bool ask_under_way(const struct ask *ask)
{
	return ask->under_way;
}

column_set ask_offer(const struct ask *ask, enum kind kind)
{
	return ask->offer[kind] | COLUMN_BASIC;
}

const char *ask_note(const struct ask *ask)
{
	return ask->note.message;
}

const char *ask_problem(const struct ask *ask)
{
	return ask->problem.message;
}

struct ask *ask_new(const struct ask_options *options, struct error *err)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	struct kube_client_options client = {
		.config = options->config, .base = options->base, .program = "tacho-top"};

	if (!ask) {
		(void)error_errno(err, ENOMEM, "starting");
		return NULL;
	}
	ask->timeout_ns = options->timeout_ns;
	ask->telemetry = client.telemetry = telemetry_new();
	ask->namespace = options->namespace ? encoded(options->namespace) : NULL;
	ask->selector = options->selector ? encoded(options->selector) : NULL;
	if (!ask->telemetry || (options->namespace && !ask->namespace) ||
		(options->selector && !ask->selector))
		(void)error_errno(err, ENOMEM, "starting");
	else
		ask->client = kube_client_new(&client, err);
	if (!ask->client) {
		ask_free(ask);
		return NULL;
	}
	return ask;
}

void ask_free(struct ask *ask)
{
	struct question *question;

	if (!ask)
		return;
	kube_client_free(ask->client); /* nobody answers any more */
	while ((question = LIST_FIRST(&ask->questions)))
		free_question(question);
	if (ask->telemetry)
		telemetry_free(ask->telemetry);
	free(ask->namespace);
	free(ask->selector);
	free(ask);
}
