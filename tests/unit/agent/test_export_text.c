/* agent/export_text, export_head, export_snapshot: what Prometheus reads, letter by letter. */
#include "agent/export_text.h"
#include "tests/harness/export_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL_METRICS (~(metric_set)0)
#define LATER       UINT64_MAX

static struct export_world world;
static struct telemetry *telemetry;
static struct export_text *text;
static struct export_ledger *ledger;
static struct export_snapshot snapshot;

static void make(uint32_t pods, uint32_t containers, metric_set metrics)
{
	export_world_make(&world, pods, containers);
	telemetry = telemetry_new();
	text = export_text_new(metrics, "/dev/sda", telemetry);
	assert_non_null(text);
	ledger = export_ledger_new(export_text_fields(text), "/nowhere", telemetry);
	assert_non_null(ledger);
}

static int tear_down(void **state)
{
	(void)state;
	export_world_free(&world);
	export_snapshot_free(&snapshot);
	export_ledger_free(ledger);
	export_text_free(text);
	telemetry_free(telemetry);
	return 0;
}

static void look(void)
{
	struct export_look now = export_world_look(&world);

	export_ledger_add(ledger, now.roster, now.readings, now.count, 1000000000);
	assert_int_equal(
		export_snapshot_take(&snapshot, &now, ledger, export_text_fields(text)), 0);
}

/* The whole page, in steps that end after `until_ns`; the caller frees it. */
static char *page_in_steps(
	enum export_part part, enum export_format format, uint64_t until_ns, unsigned *ret_steps)
{
	struct buffer out = {0};
	unsigned steps = 1;

	export_text_begin(text, part, format);
	while (!export_text_step(text, &snapshot, until_ns, &out))
		steps++;
	assert_non_null(buffer_terminate(&out));
	if (ret_steps)
		*ret_steps = steps;
	return out.data;
}

static char *page(enum export_part part, enum export_format format)
{
	look();
	return page_in_steps(part, format, LATER, NULL);
}

static void assert_has(const char *page_text, const char *lines)
{
	if (!strstr(page_text, lines))
		fail_msg("not there: %s\nin: %s", lines, page_text);
}

static void assert_has_not(const char *page_text, const char *words)
{
	if (strstr(page_text, words))
		fail_msg("there: %s", words);
}

#define UID_0       "00000000-1111-2222-3333-444455556666"
#define ID_1        "0000000000000000000000000000000000000000000000000000000000000001"
#define APP_LASTING "container=\"app\",image=\"unknown\",namespace=\"shop\",pod=\"pod-0\""
#define APP         APP_LASTING ",id=\"/kubepods/burstable/pod" UID_0 "/" ID_1 "\",name=\"" ID_1 "\""
#define POD_NETWORK                                         \
	"container=\"\",id=\"/kubepods/burstable/pod" UID_0 \
	"\",image=\"\",interface=\"all\",name=\"\",namespace=\"shop\",pod=\"pod-0\""

static void a_page_of_text_is_exact(void **state)
{
	char *out;

	(void)state;
	make(1, 1,
		METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
			METRIC_BIT(METRIC_IO_READ_BYTES) |
			METRIC_BIT(METRIC_NETWORK_RECEIVE_BYTES) |
			METRIC_BIT(METRIC_CPU_THROTTLED_RATIO) | METRIC_BIT(METRIC_CPU_USAGE_PEAK));
	world.readings[0].value[FIELD_CPU_USAGE_NS] = 12345678900;
	world.readings[0].value[FIELD_MEMORY_USAGE_BYTES] = 5000;
	world.readings[0].value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = 1000;
	world.readings[0].value[FIELD_IO_READ_BYTES] = 4096;
	world.readings[0].value[FIELD_NETWORK_RECEIVE_BYTES] = 777;
	world.cgroups[0].created_ns = 0;
	out = page(EXPORT_CADVISOR, EXPORT_TEXT);
	assert_string_equal(out,
		"# HELP container_cpu_usage_seconds_total CPU time used\n"
		"# TYPE container_cpu_usage_seconds_total counter\n"
		"container_cpu_usage_seconds_total{cpu=\"total\"," APP "} 12.3456789\n"
		"# HELP container_memory_working_set_bytes Memory in use less inactive file "
		"cache: what the OOM killer and the kubelet look at\n"
		"# TYPE container_memory_working_set_bytes gauge\n"
		"container_memory_working_set_bytes{" APP "} 4000\n"
		"# HELP container_fs_reads_bytes_total Bytes read from block devices\n"
		"# TYPE container_fs_reads_bytes_total counter\n"
		"container_fs_reads_bytes_total{device=\"/dev/sda\"," APP "} 4096\n"
		"# HELP container_network_receive_bytes_total Bytes received by the container's "
		"sockets, with IP header\n"
		"# TYPE container_network_receive_bytes_total counter\n"
		"container_network_receive_bytes_total{" POD_NETWORK "} 777\n"
		"# HELP container_last_seen When the container was looked at, in seconds since "
		"1970\n"
		"# TYPE container_last_seen gauge\n"
		"container_last_seen{" APP "} 1700000000.5\n"
		"# HELP machine_cpu_cores CPUs of the node\n"
		"# TYPE machine_cpu_cores gauge\n"
		"machine_cpu_cores 4\n"
		"# HELP machine_memory_bytes Memory of the node\n"
		"# TYPE machine_memory_bytes gauge\n"
		"machine_memory_bytes 8589934592\n");
	free(out);
}

static void the_kubelets_resource_page_is_exact(void **state)
{
	char *out;

	(void)state;
	make(1, 2,
		METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
			METRIC_BIT(METRIC_MEMORY_SWAP) | METRIC_BIT(METRIC_NODE_CPU_USAGE) |
			METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET) |
			METRIC_BIT(METRIC_IO_READ_BYTES));
	for (int row = 0; row < 2; row++) {
		world.readings[row].value[FIELD_CPU_USAGE_NS] = 1500000000;
		world.readings[row].value[FIELD_MEMORY_USAGE_BYTES] = 100;
		world.readings[row].value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = 200;
		world.readings[row].value[FIELD_MEMORY_SWAP_BYTES] = 4;
	}
	world.node.value[FIELD_CPU_USAGE_NS] = 7;
	out = page(EXPORT_RESOURCE, EXPORT_OPENMETRICS);
	assert_has(out, "# TYPE container_cpu_usage_seconds counter\n"
			"# UNIT container_cpu_usage_seconds seconds\n"
			"container_cpu_usage_seconds_total{cpu=\"total\"," APP "} 1.5\n");
	assert_has(out, "# UNIT container_memory_working_set_bytes bytes\n"
			"container_memory_working_set_bytes{" APP "} 0\n");
	assert_has(out, "# HELP node_cpu_usage_seconds CPU time used by the whole node\n"
			"# TYPE node_cpu_usage_seconds counter\n"
			"# UNIT node_cpu_usage_seconds seconds\n"
			"node_cpu_usage_seconds_total 0.000000007\n");
	assert_has(out, "pod_cpu_usage_seconds_total{namespace=\"shop\",pod=\"pod-0\"} 3\n");
	assert_has(out, "pod_memory_working_set_bytes{namespace=\"shop\",pod=\"pod-0\"} 0\n");
	assert_has(out, "container_swap_usage_bytes{" APP "} 4\n");
	assert_has(out, "pod_swap_usage_bytes{namespace=\"shop\",pod=\"pod-0\"} 8\n");
	assert_has(out, "# TYPE resource_scrape_error gauge\nresource_scrape_error 0\n");
	assert_has(out, "\nscrape_error 0\n# EOF\n");
	assert_has_not(out, "container_fs_");
	assert_has_not(out, "container_memory_swap");
	assert_has_not(out, "machine_");
	free(out);
}

/* cAdvisor's have the label pagesize. */
static void huge_pages_are_told_by_size(void **state)
{
	char *out;

	(void)state;
	make(1, 1, METRIC_BIT(METRIC_MEMORY_HUGETLB));
	world.readings[0].value[FIELD_HUGETLB_2MB_BYTES] = 4194304;
	world.readings[0].value[FIELD_HUGETLB_1GB_BYTES] = 0;
	out = page(EXPORT_CADVISOR, EXPORT_TEXT);
	assert_has(out, "# TYPE container_hugetlb_usage_bytes gauge\n"
			"container_hugetlb_usage_bytes{pagesize=\"2MB\"," APP "} 4194304\n"
			"container_hugetlb_usage_bytes{pagesize=\"1GB\"," APP "} 0\n");
	free(out);
}

/* A kill ends the container more often than not: the next one's series is the same. */
static void oom_kills_outlive_their_container(void **state)
{
	char *out;

	(void)state;
	make(1, 3, METRIC_BIT(METRIC_OOM_EVENTS)); /* app, proxy, proxy */
	world.readings[0].value[FIELD_OOM_KILLS] = 1;
	world.readings[1].value[FIELD_OOM_KILLS] = 2;
	world.readings[2].value[FIELD_OOM_KILLS] = 3;
	out = page(EXPORT_CADVISOR, EXPORT_TEXT);
	assert_has(out, "# TYPE container_oom_events_total counter\n"
			"container_oom_events_total{" APP_LASTING "} 1\n"
			"container_oom_events_total{container=\"proxy\",image=\"unknown\","
			"namespace=\"shop\",pod=\"pod-0\"} 3\n# HELP ");
	assert_has_not(out, "} 2\n");
	free(out);
}

static void values_of_labels_are_escaped(void **state)
{
	char *out;

	(void)state;
	make(1, 1, METRIC_BIT(METRIC_PIDS));
	world.roster.pods[0].namespace = "a\"b\\c\nd";
	out = page(EXPORT_CADVISOR, EXPORT_TEXT);
	assert_has(out, ",namespace=\"a\\\"b\\\\c\\nd\",pod=\"pod-0\",id=");
	free(out);
}

static void what_was_not_read_is_absent(void **state)
{
	char *out;

	(void)state;
	make(2, 1, ALL_METRICS);
	world.readings[0].valid = FIELD_BIT(FIELD_PIDS);
	world.readings[1].valid = 0;
	world.readings[1].gone = true;
	world.node.valid = 0;
	out = page(EXPORT_ALL, EXPORT_TEXT);
	assert_has(out, "# TYPE container_threads gauge\ncontainer_threads{" APP "} 1000000009\n");
	assert_has_not(out, "pod=\"pod-1\"");
	assert_has_not(out, "container_cpu_usage_seconds_total");
	assert_has_not(out, "pod_memory_working_set_bytes");
	assert_has_not(out, "node_cpu_usage_seconds_total");
	free(out);
}

/* cAdvisor has them of containers with a limit alone. */
static void without_a_cpu_limit_there_are_no_periods(void **state)
{
	char *out;

	(void)state;
	make(2, 1, ALL_METRICS);
	world.readings[0].value[FIELD_CPU_PERIODS] = 0;
	world.readings[1].value[FIELD_CPU_PERIODS] = 5;
	out = page(EXPORT_ALL, EXPORT_TEXT);
	assert_has_not(out, "container_cpu_cfs_periods_total{" APP_LASTING);
	assert_has(out, "container_cpu_cfs_periods_total{container=\"app\",image=\"unknown\","
			"namespace=\"shop\",pod=\"pod-1\"");
	free(out);
}

static void a_pod_without_a_name_is_left_out(void **state)
{
	char *out;

	(void)state;
	make(2, 1, ALL_METRICS);
	world.roster.pods[0].name = world.roster.pods[0].namespace = "";
	out = page(EXPORT_ALL, EXPORT_TEXT);
	assert_has_not(out, "pod=\"\"");
	assert_has_not(out, UID_0);
	assert_has(out, "pod=\"pod-1\"");
	free(out);
}

/* --- the rules of the formats ----------------------------------------------------------------- */

#define MAX_FAMILIES 300

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), size = strlen(end);

	return length > size && strcmp(name + length - size, end) == 0;
}

/* The family that a sample of this name is of. */
static void cut_to_family(char *name, const char *type)
{
	static const char *const ENDS[] = {"_bucket", "_sum", "_count", "_total"};

	for (size_t i = 0; i < 4; i++)
		if (ends_in(name, ENDS[i]) &&
			(strcmp(type, "histogram") == 0 || strcmp(ENDS[i], "_total") == 0))
			name[strlen(name) - strlen(ENDS[i])] = '\0';
}

/* Each family once, with HELP and TYPE in front, and nobody else's samples between. */
static void check_families(char *out, bool openmetrics)
{
	static char seen[MAX_FAMILIES][128];
	char family[128] = "", type[32] = "", name[128];
	size_t families = 0, samples = 0;

	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		if (strcmp(line, "# EOF") == 0) {
			assert_true(openmetrics);
			assert_null(strtok(NULL, "\n"));
			break;
		}
		if (sscanf(line, "# HELP %127s", name) == 1) {
			for (size_t i = 0; i < families; i++)
				assert_string_not_equal(seen[i], name);
			assert_true(families < MAX_FAMILIES);
			assert_true(families == 0 || samples > 0);
			strcpy(seen[families++], name);
			strcpy(family, name);
			samples = 0;
		} else if (sscanf(line, "# TYPE %127s %31s", name, type) == 2) {
			assert_string_equal(name, family);
			if (openmetrics && strcmp(type, "counter") == 0)
				assert_false(ends_in(name, "_total"));
		} else if (sscanf(line, "# UNIT %127s", name) == 1) {
			assert_true(openmetrics);
			assert_string_equal(name, family);
		} else {
			assert_int_equal(sscanf(line, "%127[a-z0-9_]", name), 1);
			if (openmetrics || strcmp(type, "histogram") == 0)
				cut_to_family(name, type);
			assert_string_equal(name, family);
			samples++;
		}
	}
	assert_true(families > 40);
	assert_true(samples > 0);
}

static void both_formats_keep_their_rules(void **state)
{
	static const struct telemetry_bucket BUCKETS[] = {{1, "0.001"}};
	char *plain, *open;

	(void)state;
	make(3, 2, ALL_METRICS);
	(void)telemetry_counter(telemetry, "tacho_agent_x_total", "\"X\" it is", "why", "so");
	(void)telemetry_histogram(telemetry, "tacho_agent_y_seconds", "Y", NULL, NULL, BUCKETS, 1);
	plain = page(EXPORT_ALL, EXPORT_TEXT);
	open = page(EXPORT_ALL, EXPORT_OPENMETRICS);
	assert_has(plain, "# HELP tacho_agent_x_total \"X\" it is\n"
			  "# TYPE tacho_agent_x_total counter\n"
			  "tacho_agent_x_total{why=\"so\"} 0\n");
	assert_has(open, "# HELP tacho_agent_x \\\"X\\\" it is\n"
			 "# TYPE tacho_agent_x counter\n"
			 "tacho_agent_x_total{why=\"so\"} 0\n");
	assert_string_equal(open + strlen(open) - 6, "# EOF\n");
	check_families(plain, false);
	check_families(open, true);
	free(plain);
	free(open);
}

static void steps_make_the_same_page(void **state)
{
	char *whole, *pieces;
	unsigned steps;

	(void)state;
	make(100, 2, ALL_METRICS);
	whole = page(EXPORT_CADVISOR, EXPORT_TEXT);
	pieces = page_in_steps(EXPORT_CADVISOR, EXPORT_TEXT, 0, &steps);
	assert_true(steps > 100);
	assert_string_equal(whole, pieces);
	free(whole);
	free(pieces);
}

/* Every metric that has a Prometheus name is there by its line in proto/metrics.def alone. */
static void every_metric_with_a_name_is_there(void **state)
{
	unsigned found = 0;
	char *out, type[160];

	(void)state;
	make(1, 1, ALL_METRICS);
	out = page(EXPORT_ALL, EXPORT_TEXT);
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_info *info = metric_info((enum metric)metric);

		if (!*info->prometheus)
			continue;
		(void)snprintf(type, sizeof(type), "# TYPE %s %s\n", info->prometheus,
			info->kind == METRIC_KIND_COUNTER ? "counter" : "gauge");
		assert_has(out, type);
		found++;
	}
	assert_true(found > 25);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_page_of_text_is_exact, tear_down),
		cmocka_unit_test_teardown(the_kubelets_resource_page_is_exact, tear_down),
		cmocka_unit_test_teardown(huge_pages_are_told_by_size, tear_down),
		cmocka_unit_test_teardown(oom_kills_outlive_their_container, tear_down),
		cmocka_unit_test_teardown(values_of_labels_are_escaped, tear_down),
		cmocka_unit_test_teardown(what_was_not_read_is_absent, tear_down),
		cmocka_unit_test_teardown(without_a_cpu_limit_there_are_no_periods, tear_down),
		cmocka_unit_test_teardown(a_pod_without_a_name_is_left_out, tear_down),
		cmocka_unit_test_teardown(both_formats_keep_their_rules, tear_down),
		cmocka_unit_test_teardown(steps_make_the_same_page, tear_down),
		cmocka_unit_test_teardown(every_metric_with_a_name_is_there, tear_down),
	};

	return cmocka_run_group_tests_name("export_text", tests, NULL, NULL);
}
