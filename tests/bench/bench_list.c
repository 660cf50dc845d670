/* How fast lists are written: 5000 nodes with 30 pods of 2 containers, every form, without HTTP.
 *
 *   bench_list [NODES [PODS [CONTAINERS]]] */
#include "aggregator/api/listing.h"
#include "base/clock.h"
#include "tests/harness/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 5 /* the best one is told */

static const struct {
	const char *name;
	enum listing_resource resource;
	struct representation as;
	enum listing_include include;
} FORMS[] = {
	{"pods, JSON", LISTING_PODS, {.media = MEDIA_JSON}, LISTING_INCLUDE_METADATA},
	{"pods, protobuf", LISTING_PODS, {.media = MEDIA_PROTOBUF}, LISTING_INCLUDE_METADATA},
	{"pods, Table", LISTING_PODS, {.form = FORM_TABLE}, LISTING_INCLUDE_METADATA},
	{"pods, Table of objects", LISTING_PODS, {.form = FORM_TABLE}, LISTING_INCLUDE_OBJECT},
	{"pods, indented JSON", LISTING_PODS, {.pretty = true}, LISTING_INCLUDE_METADATA},
	{"pods, metadata", LISTING_PODS, {.form = FORM_METADATA}, LISTING_INCLUDE_METADATA},
	{"pods, metadata, protobuf", LISTING_PODS, {.media = MEDIA_PROTOBUF, .form = FORM_METADATA},
		LISTING_INCLUDE_METADATA},
	{"nodes, JSON", LISTING_NODES, {.media = MEDIA_JSON}, LISTING_INCLUDE_METADATA},
	{"nodes, protobuf", LISTING_NODES, {.media = MEDIA_PROTOBUF}, LISTING_INCLUDE_METADATA},
};

struct result {
	uint64_t bytes;
	uint64_t cpu_ns;   /* of this thread: others may be on the machine */
	uint64_t first_ns; /* to the first page with an item in it */
	uint64_t call_ns;  /* the longest call: no hold of the store is longer */
};

static uint64_t cpu_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

static struct result run(struct store *store, size_t form)
{
	const struct listing_options options = {
		.store = store,
		.resource = FORMS[form].resource,
		.version = "v1beta1",
		.as = FORMS[form].as,
		.include = FORMS[form].include,
		.now_realtime_ns = clock_realtime_ns(),
	};
	struct listing *listing = listing_new(&options);
	struct buffer page = {0};
	struct result result = {0};
	enum listing_state state;
	uint64_t start_ns = clock_monotonic_ns(), before_ns = start_ns, now_ns;
	uint64_t cpu_before_ns = cpu_ns();

	do {
		buffer_clear(&page);
		state = listing_next(listing, &page);
		now_ns = clock_monotonic_ns();
		if (page.length >= 1024 && !result.first_ns)
			result.first_ns = now_ns - start_ns;
		if (now_ns - before_ns > result.call_ns)
			result.call_ns = now_ns - before_ns;
		before_ns = now_ns;
		result.bytes += page.length;
	} while (state == LISTING_MORE);
	result.cpu_ns = cpu_ns() - cpu_before_ns;
	if (state != LISTING_END) {
		(void)fprintf(stderr, "bench_list: the listing failed\n");
		exit(1);
	}
	listing_free(listing);
	buffer_free(&page);
	return result;
}

static uint32_t argument(int argc, char **argv, int i, uint32_t otherwise)
{
	return i < argc ? (uint32_t)strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const struct cluster_shape shape = {
		.nodes = argument(argc, argv, 1, 5000),
		.pods = argument(argc, argv, 2, 30),
		.containers = argument(argc, argv, 3, 2),
		.namespaces = 100,
	};
	struct telemetry *telemetry = telemetry_new();
	struct store *store = cluster_store(telemetry);

	cluster_fill(store, &shape);
	(void)printf(
		"%u nodes x %u pods x %u containers\n", shape.nodes, shape.pods, shape.containers);
	(void)printf("%-26s %12s %10s %14s %16s\n", "", "bytes", "MB/s", "first page ms",
		"longest call ms");
	for (size_t form = 0; form < sizeof(FORMS) / sizeof(FORMS[0]); form++) {
		struct result best = run(store, form);

		for (int round = 1; round < ROUNDS; round++) {
			struct result result = run(store, form);

			if (result.cpu_ns < best.cpu_ns)
				best = result;
		}
		(void)printf("%-26s %12llu %10.0f %14.3f %16.3f\n", FORMS[form].name,
			(unsigned long long)best.bytes,
			(double)best.bytes * 1e3 / (double)best.cpu_ns, (double)best.first_ns / 1e6,
			(double)best.call_ns / 1e6);
	}
	store_free(store);
	telemetry_free(telemetry);
	return 0;
}
