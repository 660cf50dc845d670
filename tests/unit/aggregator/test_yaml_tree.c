/* aggregator/kube/yaml_tree: what people write, what machines write, and what is beyond. */
#include "aggregator/kube/yaml_tree.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct yaml_node *parse(const char *text)
{
	struct error err;
	struct yaml_node *root = yaml_tree_parse(text, strlen(text), &err);

	if (!root)
		fail_msg("%s: %s", text, err.message);
	return root;
}

static const char *text_of(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *node = yaml_tree_get(mapping, key);

	return node && node->kind == YAML_SCALAR ? node->text : NULL;
}

static void reads_yaml(void **state)
{
	struct yaml_node *root = parse("# a comment\n"
				       "apiVersion: v1\n"
				       "list:\n"
				       "- name: a\n"
				       "  deep: {x: 1, y: [2, 3]}\n"
				       "- name: \"b\"\n"
				       "folded: >-\n"
				       "  two\n"
				       "  lines\n"
				       "nothing:\n"
				       "tilde: ~\n"
				       "word: null\n"
				       "quoted: \"null\"\n"
				       "flag: true\n");
	const struct yaml_node *list = yaml_tree_get(root, "list"), *deep;

	(void)state;
	assert_int_equal(root->kind, YAML_MAPPING);
	assert_string_equal(text_of(root, "apiVersion"), "v1");
	assert_int_equal(list->kind, YAML_SEQUENCE);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->first->line, 4);
	assert_string_equal(text_of(list->first, "name"), "a");
	deep = yaml_tree_get(list->first, "deep");
	assert_string_equal(text_of(deep, "x"), "1");
	assert_string_equal(yaml_tree_get(deep, "y")->last->text, "3");
	assert_true(yaml_tree_get(list->first->next, "name")->quoted);
	assert_string_equal(text_of(root, "folded"), "two lines");
	assert_null(yaml_tree_get(root, "nothing"));
	assert_null(yaml_tree_get(root, "tilde"));
	assert_null(yaml_tree_get(root, "word"));
	assert_string_equal(text_of(root, "quoted"), "null");
	assert_false(yaml_tree_get(root, "flag")->quoted);
	assert_null(yaml_tree_get(root, "absent"));
	assert_null(yaml_tree_get(list, "name"));
	assert_null(yaml_tree_get(NULL, "name"));
	yaml_tree_free(root);
}

static void reads_json(void **state)
{
	struct yaml_node *root = parse("{\n\t\"kind\":\"Config\",\"a\":{\"b\":[1,true,null,"
				       "{\"c\":\"x\\ny\\u00e9\\/\"}]},\n\t\"e\":[],\"f\":{}}\n");
	const struct yaml_node *b = yaml_tree_get(yaml_tree_get(root, "a"), "b");

	(void)state;
	assert_string_equal(text_of(root, "kind"), "Config");
	assert_int_equal(b->count, 4);
	assert_int_equal(b->first->next->next->kind, YAML_NULL);
	assert_string_equal(text_of(b->last, "c"), "x\ny\xc3\xa9/");
	assert_int_equal(yaml_tree_get(root, "e")->count, 0);
	assert_int_equal(yaml_tree_get(root, "f")->kind, YAML_MAPPING);
	yaml_tree_free(root);
}

static void takes_nothing_for_nothing(void **state)
{
	static const char *const TEXTS[] = {"", "\n", "# only words\n", "---\n", "---\n...\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		struct yaml_node *root = parse(TEXTS[i]);

		assert_int_equal(root->kind, YAML_NULL);
		yaml_tree_free(root);
	}
	yaml_tree_free(NULL);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} CASES[] = {
		{"a: b\na: c\n", "line 2: a key for the second time"},
		{"x: {\"a\": 1, \"a\": 2}\n", "second time"},
		{"a: &x 1\nb: *x\n", "line 2: an alias"},
		{"a: &x [*x]\n", "alias"},
		{"? [a]\n: b\n", "a key that is no text"},
		{"? {a: b}\n: c\n", "a key that is no text"},
		{"a: 1\n---\nb: 2\n", "a second document"},
		{"a: [1, 2\n", "line"},
		{"a: {b: 1\n", "line"},
		{"a:\n\t- b\n", "line 2"},
		{"a: \"open\n", "line"},
		{"a: b: c\n", "line 1"},
		{"a: \"x\\0y\"\n", "NUL"},
		{"\"a\\0b\": x\n", "NUL"},
		{"a: \xff\xfe\n", "line"},
		{"a: \x01\n", "line"},
		{"%YAML 3.0\n---\na: b\n", "line"},
		{"}", "line"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err;
		struct yaml_node *root =
			yaml_tree_parse(CASES[i].text, strlen(CASES[i].text), &err);

		if (root)
			fail_msg("taken: %s", CASES[i].text);
		if (!strstr(err.message, CASES[i].why))
			fail_msg("%s: %s", CASES[i].text, err.message);
	}
}

/* `unit` so many times. */
static struct buffer repeat(const char *before, const char *unit, size_t count, const char *after)
{
	struct buffer text = {0};

	buffer_append_string(&text, before);
	for (size_t i = 0; i < count; i++)
		buffer_append_string(&text, unit);
	buffer_append_string(&text, after);
	assert_false(text.failed);
	return text;
}

static void check_bound(struct buffer text, bool good)
{
	struct error err;
	struct yaml_node *root = yaml_tree_parse(text.data, text.length, &err);

	assert_int_equal(root != NULL, good);
	yaml_tree_free(root);
	buffer_free(&text);
}

static void is_bounded(void **state)
{
	struct buffer keys = {0};

	(void)state;
	check_bound(
		repeat("", "[", YAML_TREE_MAX_DEPTH, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), /* 32 */
		true);
	check_bound(repeat("", "[", YAML_TREE_MAX_DEPTH + 1, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"),
		false);
	check_bound(repeat("", "[", 100000, ""), false);
	check_bound(repeat("", "- ", 100000, ""), false);
	check_bound(repeat("[", "1,", YAML_TREE_MAX_NODES - 1, "]"), true);
	check_bound(repeat("[", "1,", YAML_TREE_MAX_NODES, "]"), false);
	for (int i = 0; i <= YAML_TREE_MAX_KEYS; i++) {
		buffer_printf(&keys, "k%d: 1\n", i);
		if (i + 1 == YAML_TREE_MAX_KEYS) {
			struct error err;
			struct yaml_node *root = yaml_tree_parse(keys.data, keys.length, &err);

			assert_non_null(root);
			yaml_tree_free(root);
		}
	}
	check_bound(keys, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_yaml),
		cmocka_unit_test(reads_json),
		cmocka_unit_test(takes_nothing_for_nothing),
		cmocka_unit_test(refuses),
		cmocka_unit_test(is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
