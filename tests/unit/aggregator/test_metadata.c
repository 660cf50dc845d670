/* aggregator/kube/metadata: from what kube-apiserver says to what the store knows, in a thread. */
#include "aggregator/kube/metadata.h"

#include "base/clock.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/kube_objects.h"
#include "tests/harness/wait.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

struct world {
	struct kube_double *server;
	struct kube_feed *pods, *nodes;
	struct telemetry *telemetry;
	struct store *store;
	struct kube_config config;
	struct metadata *metadata;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->pods = kube_feed_new("application/vnd.kubernetes.protobuf;stream=watch");
	world->nodes = kube_feed_new("application/vnd.kubernetes.protobuf;stream=watch");
	kube_double_on(world->server, "/api/v1/pods", kube_feed_serve, world->pods);
	kube_double_on(world->server, "/api/v1/nodes", kube_feed_serve, world->nodes);
	world->telemetry = telemetry_new();
	const struct store_options options = {.expiry_ns = 15 * NS_PER_SECOND,
		.max_nodes = 2,
		.max_pods = 100,
		.metadata = true,
		.telemetry = world->telemetry};

	world->store = store_new(&options, &err);
	assert_non_null(world->store);
	world->config = kube_double_config(world->server);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	metadata_stop(world->metadata);
	kube_double_stop(world->server);
	kube_feed_free(world->pods);
	kube_feed_free(world->nodes);
	store_free(world->store);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static void start(struct world *world, const char *node_selector)
{
	const struct metadata_options options = {.config = &world->config,
		.node_selector = node_selector,
		.store = world->store,
		.telemetry = world->telemetry};
	struct error err;

	world->metadata = metadata_start(&options, &err);
	if (!world->metadata)
		fail_msg("%s", err.message);
}

static void push(struct kube_feed *feed, const char *type, const struct kube_object *object)
{
	struct buffer bytes = {0};

	kube_objects_put_event(&bytes, type, object);
	kube_feed_push(feed, bytes.data, bytes.length);
	buffer_free(&bytes);
}

static void push_end(struct kube_feed *feed)
{
	struct buffer bytes = {0};

	kube_objects_put_bookmark(&bytes, "10", true);
	kube_feed_push(feed, bytes.data, bytes.length);
	buffer_free(&bytes);
}

static void push_node(struct world *world, const char *type, const char *name)
{
	const struct kube_object node = {.name = name, .uid = name, .resource_version = "1"};

	push(world->nodes, type, &node);
}

static void push_pod(struct world *world, const char *type, const char *name, const char *uid)
{
	static const char *const labels[] = {"app", "web", NULL};
	const struct kube_object pod = {.namespace = "default",
		.name = name,
		.uid = uid,
		.resource_version = "1",
		.labels = labels};

	push(world->pods, type, &pod);
}

#define AWAIT(condition)                                      \
	do {                                                  \
		uint64_t until = wait_now_ms() + PATIENCE_MS; \
		while (!(condition)) {                        \
			assert_true(wait_now_ms() < until);   \
			wait_ms(5);                           \
		}                                             \
	} while (0)

static void tells_the_store(void **state)
{
	struct world *world = *state;
	char *request;

	start(world, "pool in (a)");
	push_node(world, "ADDED", "n1");
	push_pod(world, "ADDED", "p1", "u1");
	push_pod(world, "ADDED", "p2", "u2");
	AWAIT(store_known_nodes(world->store) == 1 && store_has_pod(world->store, "u2"));
	assert_false(metadata_pods_synced(world->metadata));
	assert_false(metadata_nodes_synced(world->metadata));
	push_end(world->nodes);
	AWAIT(metadata_nodes_synced(world->metadata));
	assert_false(metadata_pods_synced(world->metadata));
	push_end(world->pods);
	AWAIT(metadata_pods_synced(world->metadata));
	push_pod(world, "DELETED", "p1", "u1");
	AWAIT(!store_has_pod(world->store, "u1"));
	assert_true(store_has_pod(world->store, "u2"));
	/* Of nodes that are too many one is not known, and the others go on. */
	push_node(world, "ADDED", "n2");
	push_node(world, "ADDED", "n3");
	push_node(world, "DELETED", "n1");
	push_pod(world, "ADDED", "p3", "u3");
	AWAIT(store_has_pod(world->store, "u3") && store_known_nodes(world->store) == 1);
	request = kube_double_request(world->server, "/api/v1/pods", 0);
	assert_non_null(strstr(request, "fieldSelector=status.phase%3DRunning"));
	free(request);
	request = kube_double_request(world->server, "/api/v1/nodes", 0);
	assert_non_null(strstr(request, "labelSelector=pool%20in%20%28a%29"));
	free(request);
}

static void asks_for_all_nodes_without_a_selector(void **state)
{
	struct world *world = *state;
	char *request;

	start(world, "");
	assert_true(kube_double_await(world->server, "/api/v1/nodes", 1, PATIENCE_MS));
	request = kube_double_request(world->server, "/api/v1/nodes", 0);
	assert_null(strstr(request, "Selector"));
	free(request);
}

/* --- work ------------------------------------------------------------------------------------- */

struct work {
	_Atomic unsigned *count;
	_Atomic bool done, with_client;
	unsigned order;
	char thread[16];
};

static void do_work(void *context, struct kube_client *client)
{
	struct work *work = context;

	work->order = atomic_fetch_add(work->count, 1);
	(void)pthread_getname_np(pthread_self(), work->thread, sizeof(work->thread));
	work->with_client = client != NULL;
	work->done = true;
}

static void runs_work_in_order(void **state)
{
	static struct work work[100];
	static _Atomic unsigned count;
	struct world *world = *state;

	memset(work, 0, sizeof(work));
	count = 0;
	start(world, "");
	for (unsigned i = 0; i < 100; i++) {
		work[i].count = &count;
		assert_int_equal(metadata_post(world->metadata, do_work, &work[i]), 0);
	}
	AWAIT(work[99].done);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(work[i].order, i);
		assert_true(work[i].with_client);
		assert_string_equal(work[i].thread, "kube");
	}
}

static void block(void *context, struct kube_client *client)
{
	_Atomic bool *go = context;

	(void)client;
	while (!*go)
		wait_ms(1);
}

static void *open_later(void *context)
{
	_Atomic bool *go = context;

	wait_ms(200);
	*go = true;
	return NULL;
}

/* Posts while the thread is busy, and stops. */
static void stop_with_work(struct world *world, struct work *work)
{
	static _Atomic bool go;
	pthread_t opener;

	go = false;
	start(world, "");
	assert_int_equal(metadata_post(world->metadata, block, &go), 0);
	wait_ms(50); /* it is in it */
	assert_int_equal(metadata_post(world->metadata, do_work, work), 0);
	assert_int_equal(pthread_create(&opener, NULL, open_later, &go), 0);
	metadata_stop(world->metadata);
	world->metadata = NULL;
	assert_int_equal(pthread_join(opener, NULL), 0);
}

/* It is run without a client, unless this thread came so late that the other had time for it. */
static void leaves_no_work_behind(void **state)
{
	static struct work work;
	static _Atomic unsigned count;
	struct world *world = *state;
	unsigned stops = 0;

	do {
		memset(&work, 0, sizeof(work));
		work.count = &count;
		stop_with_work(world, &work);
		assert_true(work.done);
		assert_int_equal(count, ++stops);
	} while (work.with_client && stops < 20);
	assert_false(work.with_client);
}

struct poster {
	struct world *world;
	struct work work[50];
	pthread_t thread;
};

static void *post_all(void *context)
{
	struct poster *poster = context;

	for (size_t i = 0; i < 50; i++)
		(void)metadata_post(poster->world->metadata, do_work, &poster->work[i]);
	return NULL;
}

static void takes_work_from_many_threads(void **state)
{
	static struct poster posters[4];
	static _Atomic unsigned count;
	struct world *world = *state;

	memset(posters, 0, sizeof(posters));
	count = 0;
	start(world, "");
	for (size_t i = 0; i < 4; i++) {
		posters[i].world = world;
		for (size_t j = 0; j < 50; j++)
			posters[i].work[j].count = &count;
		assert_int_equal(
			pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
	AWAIT(count == 200);
}

static void says_what_is_missing(void **state)
{
	struct world *world = *state;
	char missing[] = "/nonexistent/token";
	struct kube_config config = world->config;
	const struct metadata_options options = {.config = &config,
		.node_selector = "",
		.store = world->store,
		.telemetry = world->telemetry};
	struct error err;

	config.token_file = missing;
	assert_null(metadata_start(&options, &err));
	assert_non_null(strstr(err.message, missing));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tells_the_store, setup, teardown),
		cmocka_unit_test_setup_teardown(
			asks_for_all_nodes_without_a_selector, setup, teardown),
		cmocka_unit_test_setup_teardown(runs_work_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(leaves_no_work_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_work_from_many_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_is_missing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
