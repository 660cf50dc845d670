#include "aggregator/api/label_selector.h"

#include "aggregator/api/label_lexer.h"
#include "aggregator/api/label_rules.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum relation { EXISTS, ABSENT, ONE_OF, NONE_OF, GREATER, LESS };

struct requirement {
	char *key;
	enum relation relation;
	char **values;
	size_t value_count;
	int64_t bound; /* of GREATER and LESS */
};

/* All in one piece of memory, the texts as well. */
struct label_selector {
	struct requirement *items;
	size_t count;
	struct label *required; /* points into the items */
	struct labels required_labels;
};

/* The parser looks one word ahead. */
struct parser {
	const char *rest;
	struct label_word word;
	struct error *err;
	/* Where the next ones go: there is room for as many as the text can have. */
	char **value, **value_end;
	char *text;
};

static void advance(struct parser *parser)
{
	parser->word = label_lexer_next(&parser->rest);
}

/* But where an relation must stand, "in" and "notin" are names like any other. */
static bool at_name(const struct parser *parser)
{
	enum label_token token = parser->word.token;

	return token == LABEL_TOKEN_IDENTIFIER || token == LABEL_TOKEN_IN ||
	       token == LABEL_TOKEN_NOT_IN;
}

static int wrong_word(const struct parser *parser, const char *expected)
{
	const struct label_word *word = &parser->word;
	int length = word->length > 256 ? 256 : (int)word->length;

	return error_set(parser->err, EINVAL, "found '%.*s'%s", length, word->text, expected);
}

static char *copy_text(struct parser *parser, const char *text, size_t size)
{
	char *copy = parser->text;

	memcpy(copy, text, size);
	copy[size] = '\0';
	parser->text += size + 1;
	return copy;
}

/* An item's values stand one behind the other: it is read to its end before the next begins. */
static void add_value(
	struct parser *parser, struct requirement *item, const char *text, size_t size)
{
	assert(parser->value < parser->value_end);
	if (item->value_count == 0)
		item->values = parser->value;
	item->values[item->value_count++] = copy_text(parser, text, size);
	parser->value++;
}

static int parse_key(struct parser *parser, struct requirement *item)
{
	item->relation = EXISTS;
	if (parser->word.token == LABEL_TOKEN_NOT) {
		item->relation = ABSENT;
		advance(parser);
	}
	if (!at_name(parser))
		return wrong_word(parser, ", expected: identifier");
	item->key = copy_text(parser, parser->word.text, parser->word.length);
	advance(parser);
	return label_rules_check_key(item->key, parser->err);
}

static int parse_operator(struct parser *parser, struct requirement *item)
{
	switch (parser->word.token) {
	case LABEL_TOKEN_IN:
	case LABEL_TOKEN_EQUALS:
	case LABEL_TOKEN_DOUBLE_EQUALS:
		item->relation = ONE_OF;
		break;
	case LABEL_TOKEN_NOT_IN:
	case LABEL_TOKEN_NOT_EQUALS:
		item->relation = NONE_OF;
		break;
	case LABEL_TOKEN_GREATER:
		item->relation = GREATER;
		break;
	case LABEL_TOKEN_LESS:
		item->relation = LESS;
		break;
	default:
		return wrong_word(parser, ", expected: in, notin, =, ==, !=, gt, lt");
	}
	return 0;
}

/* "(a,b)": an empty place, as in "(,a)" or "()", is the empty value. */
static int parse_set(struct parser *parser, struct requirement *item)
{
	if (parser->word.token != LABEL_TOKEN_OPEN)
		return wrong_word(parser, " expected: '('");
	advance(parser);
	if (!at_name(parser) && parser->word.token != LABEL_TOKEN_COMMA &&
		parser->word.token != LABEL_TOKEN_CLOSE)
		return wrong_word(parser, ", expected: ',', ')' or identifier");
	for (;;) {
		if (at_name(parser)) {
			add_value(parser, item, parser->word.text, parser->word.length);
			advance(parser);
			if (parser->word.token != LABEL_TOKEN_COMMA &&
				parser->word.token != LABEL_TOKEN_CLOSE)
				return wrong_word(parser, ", expected: ',' or ')'");
		} else if (parser->word.token == LABEL_TOKEN_COMMA ||
			   parser->word.token == LABEL_TOKEN_CLOSE) {
			add_value(parser, item, "", 0);
		} else {
			return wrong_word(parser, ", expected: ',', or identifier");
		}
		if (parser->word.token == LABEL_TOKEN_CLOSE)
			break;
		advance(parser);
	}
	advance(parser);
	return 0;
}

static int parse_value(struct parser *parser, struct requirement *item)
{
	if (parser->word.token == LABEL_TOKEN_END || parser->word.token == LABEL_TOKEN_COMMA) {
		add_value(parser, item, "", 0);
		return 0;
	}
	if (!at_name(parser))
		return wrong_word(parser, ", expected: identifier");
	add_value(parser, item, parser->word.text, parser->word.length);
	advance(parser);
	return 0;
}

static int compare_values(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* They are a set: sorted, each once. */
static void sort_values(struct requirement *item)
{
	size_t kept = 0;

	if (item->value_count < 2)
		return;
	qsort(item->values, item->value_count, sizeof(*item->values), compare_values);
	for (size_t i = 0; i < item->value_count; i++)
		if (kept == 0 || strcmp(item->values[kept - 1], item->values[i]) != 0)
			item->values[kept++] = item->values[i];
	item->value_count = kept;
}

static int check_values(struct parser *parser, struct requirement *item)
{
	int r;

	if (item->relation == GREATER || item->relation == LESS) {
		r = label_rules_check_integer(item->values[0], &item->bound, parser->err);
		if (r < 0)
			return r;
	}
	sort_values(item);
	for (size_t i = 0; i < item->value_count; i++) {
		r = label_rules_check_value(item->key, i, item->values[i], parser->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_requirement(struct parser *parser, struct requirement *item)
{
	bool set;
	int r = parse_key(parser, item);

	if (r < 0)
		return r;
	if (item->relation == ABSENT || parser->word.token == LABEL_TOKEN_END ||
		parser->word.token == LABEL_TOKEN_COMMA)
		return 0;
	r = parse_operator(parser, item);
	if (r < 0)
		return r;
	set = parser->word.token == LABEL_TOKEN_IN || parser->word.token == LABEL_TOKEN_NOT_IN;
	advance(parser);
	r = set ? parse_set(parser, item) : parse_value(parser, item);
	return r < 0 ? r : check_values(parser, item);
}

static int parse_all(struct parser *parser, struct label_selector *selector)
{
	advance(parser);
	while (parser->word.token != LABEL_TOKEN_END) {
		struct requirement *item;
		int r;

		if (!at_name(parser) && parser->word.token != LABEL_TOKEN_NOT)
			return wrong_word(parser, ", expected: !, identifier, or 'end of string'");
		if (selector->count == LABEL_SELECTOR_MAX_REQUIREMENTS)
			return error_set(parser->err, EINVAL,
				"a label selector may have at most %d requirements",
				LABEL_SELECTOR_MAX_REQUIREMENTS);
		item = &selector->items[selector->count++];
		*item = (struct requirement){0};
		r = parse_requirement(parser, item);
		if (r < 0)
			return error_context(parser->err, r, "unable to parse requirement");
		if (parser->word.token == LABEL_TOKEN_END)
			return 0;
		if (parser->word.token != LABEL_TOKEN_COMMA)
			return wrong_word(parser, ", expected: ',' or 'end of string'");
		advance(parser);
		if (!at_name(parser) && parser->word.token != LABEL_TOKEN_NOT)
			return wrong_word(parser, ", expected: identifier after ','");
	}
	return 0;
}

static int compare_labels(const void *a, const void *b)
{
	const struct label *left = a, *right = b;

	return strcmp(left->key, right->key);
}

static void gather_required(struct label_selector *selector)
{
	struct label *label = selector->required;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < selector->count; i++) {
		const struct requirement *item = &selector->items[i];

		if (item->relation == ONE_OF && item->value_count == 1)
			label[count++] = (struct label){item->key, item->values[0]};
	}
	if (count > 1)
		qsort(label, count, sizeof(*label), compare_labels);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || strcmp(label[kept - 1].key, label[i].key) != 0)
			label[kept++] = label[i];
	selector->required_labels = (struct labels){.item = label, .count = kept};
}

/* Commas stand between requirements and between the values of one: there are at most one more of
 * either. Each text but the last has a symbol or a blank behind it, where its NUL goes. */
static struct label_selector *make_room(const char *text, size_t size, struct parser *parser)
{
	size_t values = 1, items;
	struct label_selector *selector;

	for (const char *at = text; (at = strchr(at, ',')); at++)
		values++;
	items = values < LABEL_SELECTOR_MAX_REQUIREMENTS ? values : LABEL_SELECTOR_MAX_REQUIREMENTS;
	selector = malloc(sizeof(*selector) +
			  items * (sizeof(*selector->items) + sizeof(*selector->required)) +
			  values * sizeof(*parser->value) + size + 1);
	if (!selector)
		return NULL;
	selector->items = (struct requirement *)(void *)(selector + 1);
	selector->count = 0;
	selector->required = (struct label *)(void *)(selector->items + items);
	parser->value = (char **)(void *)(selector->required + items);
	parser->value_end = parser->value + values;
	parser->text = (char *)parser->value_end;
	return selector;
}

int label_selector_parse(const char *text, struct label_selector **ret_selector, struct error *err)
{
	struct parser parser = {.rest = text, .err = err};
	struct label_selector *selector;
	size_t size = strlen(text);
	int r;

	if (size > LABEL_SELECTOR_MAX_BYTES)
		return error_set(err, EINVAL, "a label selector may have at most %d bytes",
			LABEL_SELECTOR_MAX_BYTES);
	selector = make_room(text, size, &parser);
	if (!selector)
		return error_errno(err, ENOMEM, "reading the label selector");
	r = parse_all(&parser, selector);
	if (r < 0) {
		label_selector_free(selector);
		return r;
	}
	gather_required(selector);
	*ret_selector = selector;
	return 0;
}

void label_selector_free(struct label_selector *selector)
{
	free(selector);
}

const struct labels *label_selector_required(const struct label_selector *selector)
{
	return &selector->required_labels;
}

static bool has_value(const struct requirement *item, const char *value)
{
	if (item->value_count == 1)
		return strcmp(item->values[0], value) == 0;
	return bsearch(&value, item->values, item->value_count, sizeof(*item->values),
		       compare_values) != NULL;
}

static bool requirement_matches(const struct requirement *item, const char *value)
{
	int64_t number;

	switch (item->relation) {
	case EXISTS:
		return value != NULL;
	case ABSENT:
		return value == NULL;
	case ONE_OF:
		return value && has_value(item, value);
	case NONE_OF:
		return !value || !has_value(item, value);
	case GREATER:
		return value && label_rules_integer(value, &number) && number > item->bound;
	case LESS:
		return value && label_rules_integer(value, &number) && number < item->bound;
	}
	return false;
}

bool label_selector_matches(const struct label_selector *selector, const struct labels *labels)
{
	for (size_t i = 0; selector && i < selector->count; i++)
		if (!requirement_matches(
			    &selector->items[i], labels_get(labels, selector->items[i].key)))
			return false;
	return true;
}
