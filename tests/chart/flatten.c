/* Prints YAML (and JSON, which is YAML) one scalar a line, so that a shell can look things up:
 *
 *   tests/chart/flatten FILE...       "-" is standard input
 *
 *   Deployment/tacho-aggregator spec.template.spec.containers[0].args[1]=--secure-port=10250
 *   metadata.annotations["tacho/made"]=1        of a document that is no object of Kubernetes
 *
 * Each document is checked: what is no YAML, or has a key twice, ends it with status 1. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define PATH_MAX_BYTES 4096 /* far beyond any object of ours: longer is an error */

struct place {
	yaml_document_t *document;
	char object[512]; /* "Kind/name ", or "" */
	char path[PATH_MAX_BYTES];
};

static const char *text(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *member(yaml_document_t *document, const yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		pair < map->data.mapping.pairs.top; pair++)
		if (strcmp(text(yaml_document_get_node(document, pair->key)), key) == 0)
			return yaml_document_get_node(document, pair->value);
	return NULL;
}

static void print(const struct place *place, const char *value)
{
	(void)printf("%s%s=", place->object, place->path);
	for (const char *c = value; *c; c++)
		if (*c == '\n')
			(void)fputs("\\n", stdout);
		else
			(void)putchar(*c);
	(void)putchar('\n');
}

/* Appends to the path, and says how long it was. -1: there is no room. */
static long descend(struct place *place, const char *before, const char *key, const char *behind)
{
	size_t length = strlen(place->path), room = sizeof(place->path) - length;
	int written = snprintf(place->path + length, room, "%s%s%s", before, key, behind);

	return written < 0 || (size_t)written >= room ? -1 : (long)length;
}

static bool is_plain(const char *key)
{
	return *key && key[strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789_$-")] == '\0';
}

static bool walk(struct place *place, const yaml_node_t *node);

static bool walk_pair(struct place *place, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *value = yaml_document_get_node(place->document, pair->value);
	const char *key = text(yaml_document_get_node(place->document, pair->key));
	long before;
	bool good;

	for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair; other++)
		if (strcmp(text(yaml_document_get_node(place->document, other->key)), key) == 0) {
			(void)fprintf(
				stderr, "%s%s has \"%s\" twice\n", place->object, place->path, key);
			return false;
		}
	before = is_plain(key) ? descend(place, *place->path ? "." : "", key, "")
			       : descend(place, "[\"", key, "\"]");
	if (before < 0)
		return false;
	good = walk(place, value);
	place->path[before] = '\0';
	return good;
}

static bool walk_map(struct place *place, const yaml_node_t *map)
{
	bool good = true;

	if (map->data.mapping.pairs.start == map->data.mapping.pairs.top)
		print(place, "{}");
	for (const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		good && pair < map->data.mapping.pairs.top; pair++)
		good = walk_pair(place, map, pair);
	return good;
}

static bool walk_list(struct place *place, const yaml_node_t *list)
{
	const yaml_node_item_t *first = list->data.sequence.items.start;
	bool good = true;

	if (first == list->data.sequence.items.top)
		print(place, "[]");
	for (const yaml_node_item_t *item = first; good && item < list->data.sequence.items.top;
		item++) {
		char index[24];
		long before;

		(void)snprintf(index, sizeof(index), "%td", item - first);
		before = descend(place, "[", index, "]");
		good = before >= 0 && walk(place, yaml_document_get_node(place->document, *item));
		if (before >= 0)
			place->path[before] = '\0';
	}
	return good;
}

static bool walk(struct place *place, const yaml_node_t *node)
{
	if (!node)
		return false;
	if (node->type == YAML_MAPPING_NODE)
		return walk_map(place, node);
	if (node->type == YAML_SEQUENCE_NODE)
		return walk_list(place, node);
	print(place, text(node));
	return true;
}

static bool flatten(yaml_document_t *document)
{
	struct place place = {.document = document};
	yaml_node_t *root = yaml_document_get_root_node(document);
	yaml_node_t *metadata = member(document, root, "metadata");
	const char *kind = text(member(document, root, "kind"));

	if (*kind && metadata)
		(void)snprintf(place.object, sizeof(place.object), "%s/%s ", kind,
			text(member(document, metadata, "name")));
	return walk(&place, root);
}

static bool flatten_file(FILE *file, const char *name)
{
	yaml_parser_t parser;
	bool good = yaml_parser_initialize(&parser) != 0;
	bool more = good;

	if (good)
		yaml_parser_set_input_file(&parser, file);
	while (more) {
		yaml_document_t document;

		if (!yaml_parser_load(&parser, &document)) {
			(void)fprintf(stderr, "%s:%zu: %s\n", name, parser.problem_mark.line + 1,
				parser.problem ? parser.problem : "no YAML");
			good = false;
			break;
		}
		more = yaml_document_get_root_node(&document) != NULL;
		if (more)
			good = flatten(&document) && good;
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return good;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;

	for (int i = 1; i < argc; i++) {
		FILE *file = strcmp(argv[i], "-") == 0 ? stdin : fopen(argv[i], "re");

		if (!file) {
			perror(argv[i]);
			good = false;
			continue;
		}
		good = flatten_file(file, argv[i]) && good;
		if (file != stdin)
			(void)fclose(file);
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
