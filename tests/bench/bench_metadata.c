/* What Kubernetes' metadata costs: memory and time for each pod, alone and joined, and what an
 * index of labels saves.
 *
 *   bench_metadata [PODS] */
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "base/telemetry.h"
#include "tests/harness/many_pods.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PODS_OF_NODE 30
#define NAMESPACES   300

static void need(bool right, const char *what)
{
	if (right)
		return;
	(void)fprintf(stderr, "bench_metadata: %s failed\n", what);
	exit(1);
}

/* Of this thread: others may be on the machine. */
static uint64_t cpu_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* --- a cluster as they are -------------------------------------------------------------------- */

static void report(struct store *store, size_t node)
{
	static const uint64_t ONES[PODS_OF_NODE] = {1};
	static char uid[PODS_OF_NODE][MANY_PODS_UID_SIZE], text[] = "server", id[] = "";
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column cpu = TACHO__V1__COLUMN__INIT, *columns[] = {&cpu};
	Tacho__V1__Pod pod[PODS_OF_NODE], *pods[PODS_OF_NODE];
	Tacho__V1__Container container = TACHO__V1__CONTAINER__INIT, *containers[] = {&container};
	char name[32];

	container.name = text;
	container.id = id;
	for (size_t i = 0; i < PODS_OF_NODE; i++) {
		tacho__v1__pod__init(&pod[i]);
		many_pods_uid(node * PODS_OF_NODE + i, uid[i]);
		pod[i].uid = uid[i];
		pod[i].n_containers = 1;
		pod[i].containers = containers;
		pods[i] = &pod[i];
	}
	catalog.revision = sample.revision = 1;
	catalog.n_pods = PODS_OF_NODE;
	catalog.pods = pods;
	cpu.metric = metric_info(METRIC_CPU_USAGE)->id;
	cpu.n_values = PODS_OF_NODE;
	cpu.values = (uint64_t *)(uintptr_t)ONES;
	sample.window_ms = 15000;
	sample.n_columns = 1;
	sample.columns = columns;
	(void)snprintf(name, sizeof(name), "node-%05zu", node);
	need(store_apply_catalog(store, name, &catalog, clock_monotonic_ns(), NULL) == 0,
		"a catalog");
	need(store_apply_sample(store, name, &sample, clock_monotonic_ns(), NULL) == 0, "a sample");
}

/* --- who waits -------------------------------------------------------------------------------- */

/* Two who take the lock all the time, as ingest and the API do: how long did one wait at most? */
struct watch {
	struct store *store;
	_Atomic bool done;
	uint64_t writer_ns, reader_ns;
};

static bool leave(void *context, const struct store_pod_view *pod)
{
	(void)context;
	(void)pod;
	return false;
}

static void *write_on(void *context)
{
	struct watch *watch = context;

	for (size_t node = 0; !atomic_load(&watch->done); node++) {
		uint64_t before_ns = clock_monotonic_ns(), ns;

		report(watch->store, node % 100);
		ns = clock_monotonic_ns() - before_ns;
		if (ns > watch->writer_ns)
			watch->writer_ns = ns;
	}
	return NULL;
}

static void *read_on(void *context)
{
	struct watch *watch = context;

	while (!atomic_load(&watch->done)) {
		uint64_t before_ns = clock_monotonic_ns(), ns;

		(void)store_get_pod(watch->store, "namespace-001", "none", leave, NULL);
		ns = clock_monotonic_ns() - before_ns;
		if (ns > watch->reader_ns)
			watch->reader_ns = ns;
	}
	return NULL;
}

static uint64_t timed(
	struct watch *watch, void (*work)(struct store *store, size_t pods), size_t pods)
{
	uint64_t before_ns;
	pthread_t thread[2];

	atomic_store(&watch->done, false);
	watch->writer_ns = watch->reader_ns = 0;
	need(pthread_create(&thread[0], NULL, write_on, watch) == 0 &&
			pthread_create(&thread[1], NULL, read_on, watch) == 0,
		"a thread");
	before_ns = cpu_ns();
	work(watch->store, pods);
	before_ns = cpu_ns() - before_ns;
	atomic_store(&watch->done, true);
	(void)pthread_join(thread[0], NULL);
	(void)pthread_join(thread[1], NULL);
	return before_ns;
}

static void list_again(struct store *store, size_t pods)
{
	store_begin_pods(store);
	for (size_t p = 0; p < pods; p++)
		many_pods_put(store, p, NAMESPACES);
	store_end_pods(store);
}

static void list_nothing(struct store *store, size_t pods)
{
	(void)pods;
	store_begin_pods(store);
	store_end_pods(store);
}

/* For comparison: what three busy threads make each other wait on this machine. */
static void leave_alone(struct store *store, size_t pods)
{
	uint64_t until_ns = clock_monotonic_ns() + NS_PER_SECOND;

	(void)store;
	(void)pods;
	while (clock_monotonic_ns() < until_ns)
		;
}

static void say(const char *what, uint64_t ns, size_t pods, const struct watch *watch)
{
	printf("%-32s ", what);
	if (pods)
		printf("%8.2f us of CPU a pod", (double)ns / 1e3 / (double)pods);
	if (watch)
		printf("%s at most %.1f ms for a catalog and a sample, %.1f ms for a get",
			pods ? ", meanwhile" : "        ", (double)watch->writer_ns / 1e6,
			(double)watch->reader_ns / 1e6);
	printf("\n");
}

int main(int argc, char **argv)
{
	size_t pods = argc > 1 ? strtoul(argv[1], NULL, 10) : 150000;
	struct store_options options = {
		.expiry_ns = UINT64_MAX / 2,
		.max_nodes = (uint32_t)(pods / PODS_OF_NODE + 1),
		.max_pods = (uint32_t)pods,
		.metadata = true,
		.required = METRIC_BIT(METRIC_CPU_USAGE),
		.telemetry = telemetry_new(),
	};
	struct store *store = store_new(&options, NULL);
	struct watch watch = {.store = store};
	size_t before = allocated(), with;
	uint64_t before_ns = cpu_ns();

	need(store != NULL, "a store");
	for (size_t p = 0; p < pods; p++)
		many_pods_put(store, p, NAMESPACES);
	say("the first list", cpu_ns() - before_ns, pods, NULL);
	with = allocated();
	printf("%-32s %8.0f bytes a pod\n", "metadata", (double)(with - before) / (double)pods);
	for (size_t node = 0; node < pods / PODS_OF_NODE; node++)
		report(store, node);
	printf("%-32s %8.0f bytes a pod more\n", "catalogs and figures, joined",
		(double)(allocated() - with) / (double)pods);
	say("nothing, for a second", timed(&watch, leave_alone, 0), 0, &watch);
	say("the same list again", timed(&watch, list_again, pods), pods, &watch);
	say("a list of nothing", timed(&watch, list_nothing, pods), pods, &watch);
	store_free(store);
	telemetry_free(options.telemetry);
	return 0;
}
