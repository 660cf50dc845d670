#include "tests/harness/toy_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Words in memory of its own, cut into texts. */
struct cut_words {
	char text[2048];
	struct label label[TOY_MOST_LABELS];
	struct labels labels;
};

static char *cut(char *text, char at)
{
	char *found = strchr(text, at);

	if (!found)
		return text + strlen(text);
	*found = '\0';
	return found + 1;
}

/* Returns the first word; the others become labels. */
static char *cut_labels(struct cut_words *words, const char *from)
{
	char *word, *more, *rest;

	assert_true(strlen(from) < sizeof(words->text));
	strcpy(words->text, from);
	words->labels = (struct labels){.item = words->label};
	rest = cut(words->text, ' ');
	for (word = strtok_r(rest, " ", &more); word; word = strtok_r(NULL, " ", &more)) {
		struct label *label = &words->label[words->labels.count++];

		assert_true(words->labels.count <= TOY_MOST_LABELS);
		label->value = cut(word, '=');
		label->key = word;
	}
	return words->text;
}

int toy_metadata_setup(void **state)
{
	struct store_options options = toy_options();

	options.metadata = true;
	options.max_pods = TOY_MOST_KNOWN_PODS;
	return toy_setup_with(state, options);
}

int toy_try_pod(struct toy_store *toy, const char *words)
{
	struct store_pod_metadata pod;
	struct cut_words copy;
	char *uid, *name, *cgroup_uid;

	pod.namespace = cut_labels(&copy, words);
	uid = cut(copy.text, '@');
	name = cut(copy.text, '/');
	cgroup_uid = cut(uid, ':');
	pod.name = name;
	pod.uid = uid;
	pod.cgroup_uid = *cgroup_uid ? cgroup_uid : uid;
	pod.labels = &copy.labels;
	memset(&toy->err, 0, sizeof(toy->err));
	return store_put_pod(toy->store, &pod, &toy->err);
}

void toy_put_pod(struct toy_store *toy, const char *words)
{
	if (toy_try_pod(toy, words) != 0)
		fail_msg("\"%s\": %s", words, toy->err.message);
}

void toy_remove_pod(struct toy_store *toy, const char *words)
{
	struct cut_words copy;
	char *uid, *name;

	(void)cut_labels(&copy, words);
	uid = cut(copy.text, '@');
	name = cut(copy.text, '/');
	store_remove_pod(toy->store, copy.text, name, uid);
}

int toy_try_node(struct toy_store *toy, const char *words)
{
	struct cut_words copy;
	const char *name = cut_labels(&copy, words);

	memset(&toy->err, 0, sizeof(toy->err));
	return store_put_node(toy->store, name, &copy.labels, &toy->err);
}

void toy_put_node(struct toy_store *toy, const char *words)
{
	if (toy_try_node(toy, words) != 0)
		fail_msg("\"%s\": %s", words, toy->err.message);
}

void toy_give_node(
	struct toy_store *toy, const char *node, const char *words, size_t rows, uint64_t first)
{
	toy_put_node(toy, node);
	toy_give_catalog(toy, node, 1, words);
	toy_give_sample(toy, node, 1, rows, first);
}

/* --- what is served --------------------------------------------------------------------------- */

static void say_labels(struct toy_words *words, const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		words->length += (size_t)snprintf(words->text + words->length,
			sizeof(words->text) - words->length, "%s=%s ", labels->item[i].key,
			labels->item[i].value);
	assert_true(words->length < sizeof(words->text));
}

static bool say_pod_labels(void *words, const struct store_pod_view *pod)
{
	say_labels(words, pod->labels);
	return true;
}

static bool say_node_labels(void *words, const struct store_node_view *node)
{
	say_labels(words, node->labels);
	return true;
}

void toy_expect_pod_labels(
	struct toy_store *toy, const char *namespace, const char *name, const char *expected)
{
	struct toy_words words = {0};

	assert_true(store_get_pod(toy->store, namespace, name, say_pod_labels, &words));
	assert_string_equal(words.text, expected);
}

void toy_expect_node_labels(struct toy_store *toy, const char *name, const char *expected)
{
	struct toy_words words = {0};

	assert_true(store_get_node(toy->store, name, say_node_labels, &words));
	assert_string_equal(words.text, expected);
}

static bool say_pod_name(void *context, const struct store_pod_view *pod)
{
	struct toy_words *words = context;

	words->length += (size_t)snprintf(
		words->text + words->length, sizeof(words->text) - words->length, "%s ", pod->name);
	assert_true(words->length < sizeof(words->text));
	return true;
}

void toy_expect_having(
	struct toy_store *toy, const char *namespace, const char *having, const char *expected)
{
	struct store_cursor cursor = {0};
	struct toy_words words = {0};
	struct cut_words copy;
	char with_name[1024];

	(void)snprintf(with_name, sizeof(with_name), "x %s", having);
	(void)cut_labels(&copy, with_name);
	assert_int_equal(store_visit_pods(toy->store, namespace, &copy.labels, &cursor, SIZE_MAX,
				 say_pod_name, &words),
		0);
	assert_true(cursor.finished);
	store_cursor_free(&cursor);
	assert_string_equal(words.text, expected);
}
