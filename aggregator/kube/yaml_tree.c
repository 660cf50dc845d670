#include "aggregator/kube/yaml_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
	yaml_parser_t parser;
	struct yaml_node *root, *open; /* the collection that is being filled; NULL at the top */
	char *key;                     /* read, and waits for its value */
	size_t depth, nodes;
	struct error *err;
};

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void free_node(struct yaml_node *node)
{
	wipe(node->text);
	free(node->key);
	free(node);
}

/* Without recursion: upwards again over the parents. */
void yaml_tree_free(struct yaml_node *root)
{
	struct yaml_node *node = root;

	while (node) {
		struct yaml_node *parent = node->parent;

		if (node->first) {
			struct yaml_node *child = node->first;

			node->first = child->next;
			node = child;
			continue;
		}
		free_node(node);
		node = parent;
	}
}

const struct yaml_node *yaml_tree_get(const struct yaml_node *mapping, const char *key)
{
	if (!mapping || mapping->kind != YAML_MAPPING)
		return NULL;
	for (const struct yaml_node *node = mapping->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return node->kind == YAML_NULL ? NULL : node;
	return NULL;
}

static int refuse(struct builder *builder, const yaml_event_t *event, const char *why)
{
	return error_set(builder->err, EINVAL, "line %zu: %s", event->start_mark.line + 1, why);
}

static bool has_key(const struct yaml_node *mapping, const char *key)
{
	for (const struct yaml_node *node = mapping->first; node; node = node->next)
		if (strcmp(node->key, key) == 0)
			return true;
	return false;
}

static char *scalar_text(struct builder *builder, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	char *text;

	if (memchr(value, '\0', length)) {
		(void)refuse(builder, event, "a NUL in a text");
		return NULL;
	}
	text = strndup(value, length);
	if (!text)
		(void)error_errno(builder->err, ENOMEM, "line %zu", event->start_mark.line + 1);
	return text;
}

static int take_key(struct builder *builder, const yaml_event_t *event)
{
	char *key;

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(builder, event, "a key that is no text");
	if (builder->open->count >= YAML_TREE_MAX_KEYS)
		return refuse(builder, event, "too many keys");
	key = scalar_text(builder, event);
	if (!key)
		return -EINVAL;
	if (has_key(builder->open, key)) {
		free(key);
		return refuse(builder, event, "a key for the second time");
	}
	builder->key = key;
	return 0;
}

static struct yaml_node *add_node(
	struct builder *builder, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node, *open = builder->open;

	if (++builder->nodes > YAML_TREE_MAX_NODES) {
		(void)refuse(builder, event, "too many values");
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		(void)error_errno(builder->err, ENOMEM, "line %zu", event->start_mark.line + 1);
		return NULL;
	}
	node->kind = kind;
	node->line = event->start_mark.line + 1;
	node->parent = open;
	node->key = builder->key;
	builder->key = NULL;
	if (!open)
		builder->root = node;
	else if (open->last)
		open->last->next = node;
	else
		open->first = node;
	if (open) {
		open->last = node;
		open->count++;
	}
	return node;
}

static bool is_null(const yaml_event_t *event)
{
	static const char *const NULLS[] = {"", "~", "null", "Null", "NULL"};

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(NULLS) / sizeof(NULLS[0]); i++)
		if (strcmp((const char *)event->data.scalar.value, NULLS[i]) == 0)
			return true;
	return false;
}

static int take_scalar(struct builder *builder, const yaml_event_t *event)
{
	struct yaml_node *node = add_node(builder, event, YAML_SCALAR);

	if (!node)
		return -EINVAL;
	if (is_null(event)) {
		node->kind = YAML_NULL;
		return 0;
	}
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = scalar_text(builder, event);
	return node->text ? 0 : -EINVAL;
}

static int open_collection(struct builder *builder, const yaml_event_t *event, enum yaml_kind kind)
{
	struct yaml_node *node;

	if (++builder->depth > YAML_TREE_MAX_DEPTH)
		return refuse(builder, event, "nested too deeply");
	node = add_node(builder, event, kind);
	if (!node)
		return -EINVAL;
	builder->open = node;
	return 0;
}

static int take(struct builder *builder, const yaml_event_t *event)
{
	bool ends = event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;

	if (builder->open && builder->open->kind == YAML_MAPPING && !builder->key && !ends)
		return take_key(builder, event);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return take_scalar(builder, event);
	case YAML_MAPPING_START_EVENT:
		return open_collection(builder, event, YAML_MAPPING);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(builder, event, YAML_SEQUENCE);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		builder->open = builder->open->parent;
		builder->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(builder, event, "an alias (*name), which is not supported");
	default:
		return 0;
	}
}

/* One event. 1 at the end of the stream. */
static int step(struct builder *builder)
{
	yaml_event_t event;
	int r;

	if (!yaml_parser_parse(&builder->parser, &event))
		return error_set(builder->err, EINVAL, "line %zu: %s",
			builder->parser.problem_mark.line + 1,
			builder->parser.problem ? builder->parser.problem : "not YAML");
	if (event.type == YAML_STREAM_END_EVENT)
		r = 1;
	else if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT)
		r = 0;
	else if (event.type == YAML_DOCUMENT_START_EVENT)
		r = builder->root ? refuse(builder, &event, "a second document") : 0;
	else
		r = take(builder, &event);
	yaml_event_delete(&event);
	return r;
}

struct yaml_node *yaml_tree_parse(const void *data, size_t size, struct error *err)
{
	struct builder builder = {.err = err};
	int r = 0;

	if (!yaml_parser_initialize(&builder.parser)) {
		(void)error_errno(err, ENOMEM, "reading YAML");
		return NULL;
	}
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, data ? data : (const void *)"", size);
	while (r == 0)
		r = step(&builder);
	yaml_parser_delete(&builder.parser);
	free(builder.key);
	if (r > 0 && !builder.root) {
		builder.root = calloc(1, sizeof(*builder.root)); /* YAML_NULL */
		if (!builder.root)
			(void)error_errno(err, ENOMEM, "reading YAML");
	}
	if (r < 0) {
		yaml_tree_free(builder.root);
		builder.root = NULL;
	}
	return builder.root;
}
