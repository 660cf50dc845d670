/* tests/bench/scale/fleet: the figures, the world that lines make, and lines that are wrong. */
#include "agent/credential.h"
#include "proto/bounds.h"
#include "tests/bench/scale/fleet_figures.h"
#include "tests/bench/scale/fleet_lines.h"
#include "tests/bench/scale/fleet_wheel.h"
#include "tests/bench/scale/fleet_world.h"
#include "tests/harness/pki.h"
#include "tests/harness/process.h"
#include "tests/harness/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- figures ---------------------------------------------------------------------------------- */

/* Reckoned by another program, from README.md's formulas. */
static void shows_the_figures_of_the_formula(void **state)
{
	static const uint64_t TIME_MS = 1795336794558;
	const struct {
		uint64_t hash, is, cpu, memory;
	} rows[] = {
		{fleet_container_hash("default", "web-0", 0), 12982989619658155272ULL, 3273794558,
			407224320},
		{fleet_container_hash("default", "web-0", 1), 12982990719169783483ULL, 3484794558,
			424001536},
		{fleet_container_hash("kube-system", "coredns-abc", 12), 5551535176162604887ULL,
			888794558, 64249856},
		{fleet_node_hash("node-00001"), 16145737864894045476ULL, 1477794558, 789274624},
		{fleet_node_hash("a"), 16617483014300846949ULL, 2950794558, 683814912},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rows[i].hash, rows[i].is);
		assert_int_equal(fleet_cpu_nanocores(rows[i].hash, TIME_MS), rows[i].cpu);
		assert_int_equal(fleet_memory_bytes(rows[i].hash), rows[i].memory);
	}
}

static void shows_only_what_is_wanted(void **state)
{
	static const metric_set ALL = METRIC_BIT(METRIC_COUNT) - 1;
	struct figures figures;

	(void)state;
	fleet_figures(METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_NODE_CPU_USAGE),
		METRIC_SCOPE_CONTAINER, 7, 1234567, &figures);
	assert_int_equal(figures.present, METRIC_BIT(METRIC_CPU_USAGE));
	assert_int_equal(figures.value[METRIC_CPU_USAGE], 8 * 1000000 + 234567);
	assert_int_equal(figures.window_ms, FLEET_WINDOW_MS);
	for (int scope = METRIC_SCOPE_CONTAINER; scope <= METRIC_SCOPE_NODE; scope++) {
		metric_set of_scope = 0;

		for (int metric = 0; metric < METRIC_COUNT; metric++)
			if ((int)metric_info((enum metric)metric)->scope == scope &&
				metric != METRIC_IO_LATENCY) /* hardly a kernel tells it */
				of_scope |= METRIC_BIT(metric);
		fleet_figures(ALL, (enum metric_scope)scope, 7, 0, &figures);
		assert_int_equal(figures.present, of_scope);
	}
}

/* --- the world -------------------------------------------------------------------------------- */

static int take(
	struct world *world, const char *line, struct world_node **ret_node, struct error *err)
{
	static char text[WORLD_MAX_LINE + 100];

	(void)snprintf(text, sizeof(text), "%s", line);
	return world_take(world, text, strlen(text), ret_node, err);
}

static struct world_node *taken(struct world *world, const char *line)
{
	struct world_node *node = NULL;
	struct error err = {{0}};

	assert_int_equal(take(world, line, &node, &err), WORLD_CHANGED);
	assert_string_equal(err.message, "");
	return node;
}

static void takes_what_lines_tell(void **state)
{
	struct world *world = world_new(0);
	struct world_node *node = taken(world, "node n1 secret");
	uint64_t revision = node->revision, credential = node->credential;
	struct world_node *other;
	struct error err;

	(void)state;
	assert_int_not_equal(revision, 0);
	assert_int_not_equal(credential, 0);
	(void)taken(world, "pod n1 shop web-1 bbb 2");
	(void)taken(world, "pod n1 shop web-0 aaa 1");
	(void)taken(world, "pod n1 shop web-2 ccc 3");
	assert_int_not_equal(node->revision, revision);
	assert_int_equal(node->pod_count, 3);
	assert_int_equal(node->rows, 6);
	assert_string_equal(node->pods[0]->name, "web-0");
	assert_string_equal(node->pods[2]->namespace, "shop");
	assert_int_equal(node->pods[1]->hash[1], fleet_container_hash("shop", "web-1", 1));
	revision = node->revision;
	(void)taken(world, "gone n1 bbb");
	assert_int_not_equal(node->revision, revision);
	assert_string_equal(node->pods[1]->uid, "ccc");
	assert_int_equal(node->rows, 4);
	(void)taken(world, "token n1 other");
	assert_int_not_equal(node->credential, credential);
	assert_string_equal(node->token, "other");
	(void)taken(world, "leave n1");
	assert_true(node->left);
	assert_int_equal(world_count(world).nodes + world_count(world).pods, 0);
	assert_int_equal(world_count(world).containers, 0);
	assert_ptr_equal(taken(world, "node n1 third"), node);
	assert_int_equal(node->pod_count, 0);
	assert_int_equal(world_nodes(world), 1);
	assert_int_equal(take(world, "run", &other, &err), WORLD_RUN);
	assert_int_equal(take(world, "quit", &other, &err), WORLD_QUIT);
	world_free(world);
}

static void refuses_what_is_wrong(void **state)
{
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"", "no word"},
		{"nod n2 x", "\"nod\" is no word"},
		{"RUN", "no word"},
		{"run now", "want \"run\""},
		{" run", "no word"},
		{"node n2", "want \"node NAME TOKEN\""},
		{"node n2 ", "want \"node NAME TOKEN\""},
		{"node  n2", "want \"node NAME TOKEN\""},
		{"node n2 x y", "want \"node NAME TOKEN\""},
		{"node n1 x", "already"},
		{"node N2 x", "no name of a node"},
		{"token n2 x", "no node \"n2\""},
		{"leave n2", "no node \"n2\""},
		{"pod n2 shop web uid-1 1", "no node \"n2\""},
		{"pod n1 shop web uid-1", "want \"pod NODE"},
		{"pod n1 shop web uid-1 1 2 3 4 5 6", "want \"pod NODE"},
		{"pod n1 shop web uid-0 1", "has a pod uid-0 already"},
		{"pod n1 shop.a web uid-1 1", "no namespace"},
		{"pod n1 shop -web uid-1 1", "no name of a pod"},
		{"pod n1 shop web UID 1", "no uid"},
		{"pod n1 shop web uid-1 0", "want 1 to 64"},
		{"pod n1 shop web uid-1 65", "want 1 to 64"},
		{"pod n1 shop web uid-1 -1", "want 1 to 64"},
		{"gone n1 uid-1", "no pod uid-1"},
		{"gone n2 uid-0", "no node \"n2\""},
		{"node\tn2\tx", "byte 5 (0x09)"},
		{"node n2 \x80", "byte 9 (0x80)"},
	};
	struct world *world = world_new(0);
	struct world_node *node = taken(world, "node n1 secret"), *none;

	(void)state;
	(void)taken(world, "pod n1 shop web uid-0 1");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {{0}};
		uint64_t revision = node->revision;

		if (take(world, rows[i].line, &none, &err) >= 0)
			fail_msg("\"%s\" was taken", rows[i].line);
		if (!strstr(err.message, rows[i].says))
			fail_msg("\"%s\": %s", rows[i].line, err.message);
		assert_int_equal(node->revision, revision);
		assert_int_equal(world_count(world).nodes, 1);
		assert_int_equal(world_count(world).pods, 1);
	}
	world_free(world);
}

static void has_bounds(void **state)
{
	struct world *world = world_new(0);
	struct world_node *node = taken(world, "node n1 secret"), *none;
	struct error err = {{0}};
	char *line = malloc(WORLD_MAX_LINE + 2);

	(void)state;
	for (unsigned i = 0; i < WIRE_MAX_PODS; i++) {
		char pod[100];

		(void)snprintf(pod, sizeof(pod), "pod n1 shop web-%u uid-%u 1", i, i);
		(void)taken(world, pod);
	}
	assert_true(node->catalog_size < WIRE_MAX_MESSAGE);
	assert_true(take(world, "pod n1 shop web uid 1", &none, &err) < 0);
	assert_non_null(strstr(err.message, "more than an aggregator takes"));
	assert_int_equal(node->pod_count, WIRE_MAX_PODS);

	memset(line, 'x', WORLD_MAX_LINE + 1);
	memcpy(line, "node n2 ", 8);
	line[8 + CREDENTIAL_MAX] = '\0';
	(void)taken(world, line);
	line[5] = 'm';
	line[8 + CREDENTIAL_MAX] = 'x';
	line[8 + CREDENTIAL_MAX + 1] = '\0';
	assert_true(take(world, line, &none, &err) < 0);
	assert_non_null(strstr(err.message, "a token has at most"));
	line[8 + CREDENTIAL_MAX + 1] = 'x';
	line[WORLD_MAX_LINE + 1] = '\0';
	assert_true(take(world, line, &none, &err) < 0);
	assert_non_null(strstr(err.message, "longer than"));
	assert_int_equal(world_count(world).nodes, 2);
	free(line);
	world_free(world);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Reads `text` in pieces of `piece` bytes; the error's code, or 0. Puts lines together in `out`. */
static int read_all(
	const char *text, size_t piece, struct lines *lines, char *out, struct error *err)
{
	size_t length = strlen(text), line_length;
	int fds[2], r;
	char *line;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(lines_init(lines, fds[0], 10), 0);
	*out = '\0';
	do {
		size_t some = length < piece ? length : piece;

		if (some > 0)
			assert_int_equal(write(fds[1], text, some), some);
		else if (fds[1] >= 0)
			(void)close(fds[1]);
		fds[1] = some > 0 ? fds[1] : -1;
		text += some;
		length -= some;
		r = lines_read(lines, err);
		while (r == 0 && (line = lines_next(lines, &line_length))) {
			(void)strncat(out, line, line_length);
			(void)strcat(out, "|");
		}
	} while (r == 0 && !lines->ended);
	if (fds[1] >= 0)
		(void)close(fds[1]);
	(void)close(fds[0]);
	lines_free(lines);
	return r;
}

static void reads_lines_in_any_pieces(void **state)
{
	static const struct {
		const char *text, *lines, *says;
	} rows[] = {
		{"", "", ""},
		{"\n", "|", ""},
		{"a\nbc\n\nd\n", "a|bc||d|", ""},
		{"0123456789\n", "0123456789|", ""},
		{"ab\n0123456789a\n", "ab|", "line 2: longer than 10 bytes"},
		{"ab\n0123456789abcdef", "ab|", "line 2: longer than 10 bytes"},
		{"ab\nc", "ab|", "line 2: the input ends within it"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece < 20; piece++) {
			struct error err = {{0}};
			struct lines lines;
			char out[100];

			(void)read_all(rows[i].text, piece, &lines, out, &err);
			assert_string_equal(out, rows[i].lines);
			assert_string_equal(err.message, rows[i].says);
		}
}

/* The program says which line, and ends with 2; nothing listens where it would connect. */
static void ends_with_the_number_of_a_wrong_line(void **state)
{
	static const struct {
		const char *input, *says;
	} rows[] = {
		{"node n1 x\\nnode n2 y\\nfoo\\n", "line 3: \"foo\" is no word"},
		{"node n1 x\\nrun\\npod n1 a\\n", "line 3: want \"pod"},
		{"node n1 x\\n", "ended without \"run\""},
		{"node n1 x\\nrun", "line 2: the input ends within it"},
	};
	struct scratch *scratch = scratch_new();
	struct pki *pki = pki_new("ca");
	const char *ca = scratch_write(scratch, "ca.crt", pki_ca(pki));

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *errors = scratch_path(scratch, "errors");
		char command[1000], text[1000] = "";
		const char *const argv[] = {"sh", "-c", command, NULL};
		const struct process_options options = {.argv = argv, .errors = errors};
		struct process *process;
		FILE *file;

		(void)snprintf(command, sizeof(command),
			"printf '%s' | %s --url tls+tcp://127.0.0.1:1 "
			"--ca %s --server-name a",
			rows[i].input, process_program("tests/bench/scale/fleet"), ca);
		process = process_start(&options);
		assert_int_equal(process_wait(process, 30000), 2);
		(void)process_end(process);
		file = fopen(errors, "r");
		assert_non_null(file);
		(void)!fread(text, 1, sizeof(text) - 1, file);
		(void)fclose(file);
		if (!strstr(text, rows[i].says))
			fail_msg("%s: %s", rows[i].says, text);
	}
	pki_free(pki);
	scratch_free(scratch);
}

/* --- turns ------------------------------------------------------------------------------------ */

struct turns {
	unsigned count[1000];
	uint64_t last_due_ns;
};

static void take_turn(void *context, uint32_t member, uint64_t due_ns)
{
	struct turns *turns = context;

	turns->count[member]++;
	assert_true(due_ns >= turns->last_due_ns);
	turns->last_due_ns = due_ns;
}

static void gives_each_one_turn_a_period(void **state)
{
	struct wheel *wheel = wheel_new(1000, 0);
	struct turns turns = {.last_due_ns = 0};
	unsigned most = 0, before = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(wheel_add(wheel), 0);
	for (uint64_t ms = 10; ms <= 3000; ms += 10) {
		unsigned sum = 0;

		assert_int_equal(wheel_advance(wheel, ms * 1000000, take_turn, &turns), 0);
		for (unsigned i = 0; i < 1000; i++)
			sum += turns.count[i];
		most = sum - before > most ? sum - before : most;
		before = sum;
	}
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(turns.count[i], 3);
	assert_true(most <= 15); /* ten are even */
	/* two and a half periods later: one period is made up for, no more */
	assert_int_equal(wheel_advance(wheel, 5500000000, take_turn, &turns) / 10, 150);
	wheel_free(wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_figures_of_the_formula),
		cmocka_unit_test(shows_only_what_is_wanted),
		cmocka_unit_test(takes_what_lines_tell),
		cmocka_unit_test(refuses_what_is_wrong),
		cmocka_unit_test(has_bounds),
		cmocka_unit_test(reads_lines_in_any_pieces),
		cmocka_unit_test(ends_with_the_number_of_a_wrong_line),
		cmocka_unit_test(gives_each_one_turn_a_period),
	};

	return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
