#include "aggregator/api/field_selector.h"

#include "base/utf8.h"
#include "base/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 16384
#define MAX_TERMS 256

struct term {
	bool by_namespace; /* metadata.namespace, or else metadata.name */
	bool negated;
	char *value;
};

struct field_selector {
	struct term *items;
	size_t count;
};

/* The length of the term at the start of `text`: up to a comma that no backslash is before. */
static size_t term_length(const char *text)
{
	size_t i = 0;

	for (; text[i] && text[i] != ','; i++)
		if (text[i] == '\\' && text[i + 1])
			i++;
	return i;
}

static int bad_escape(struct error *err, const char *at)
{
	size_t size = at[1] ? utf8_character(at + 1, strlen(at + 1)) : 0;

	return error_set(err, EINVAL, "invalid field selector: invalid escape sequence: \\%.*s",
		(int)size, at + 1);
}

static int unescape(const char *text, char *to, struct error *err)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '=')
			return error_set(err, EINVAL,
				"invalid field selector: unescaped character in value: %d", *text);
		if (*text == '\\') {
			if (!text[1] || !strchr("\\,=", text[1]))
				return bad_escape(err, text);
			text++;
		}
		*to++ = *text;
	}
	*to = '\0';
	return 0;
}

static int unknown_field(const char *field, struct error *err)
{
	struct buffer quoted = {0};
	const char *text;
	int r;

	utf8_append_quoted(&quoted, field);
	text = buffer_terminate(&quoted);
	r = error_set(err, EINVAL,
		"%.200s is not a known field selector: only \"metadata.name\", "
		"\"metadata.namespace\"",
		text ? text : "");
	buffer_free(&quoted);
	return r;
}

/* `text` is one term and is cut up. `whole` is for messages. */
static int parse_term(char *text, const char *whole, struct term *ret_term, struct error *err)
{
	char *relation = strpbrk(text, "=!"), *value;
	bool negated;
	int r;

	while (relation && *relation == '!' && relation[1] != '=')
		relation = strpbrk(relation + 1, "=!");
	if (!relation)
		return error_set(err, EINVAL,
			"invalid selector: '%.200s'; can't understand '%.200s'", whole, text);
	negated = *relation == '!';
	value = relation + (negated || relation[1] == '=' ? 2 : 1);
	*relation = '\0';
	r = unescape(value, value, err);
	if (r < 0)
		return r;
	if (strcmp(text, "metadata.name") != 0 && strcmp(text, "metadata.namespace") != 0)
		return unknown_field(text, err);
	value = strdup(value);
	if (!value)
		return error_errno(err, ENOMEM, "reading the field selector");
	*ret_term = (struct term){strcmp(text, "metadata.namespace") == 0, negated, value};
	return 0;
}

static int add_term(
	struct field_selector *selector, const char *text, const char *whole, struct error *err)
{
	struct term *grown = realloc(selector->items, (selector->count + 1) * sizeof(*grown));
	char *copy;
	int r;

	if (!grown)
		return error_errno(err, ENOMEM, "reading the field selector");
	selector->items = grown;
	copy = strndup(text, term_length(text));
	if (!copy)
		return error_errno(err, ENOMEM, "reading the field selector");
	r = parse_term(copy, whole, &grown[selector->count], err);
	if (r == 0)
		selector->count++;
	free(copy);
	return r;
}

int field_selector_parse(const char *text, struct field_selector **ret_selector, struct error *err)
{
	struct field_selector *selector;
	const char *at = text;
	int r = 0;

	if (strlen(text) > MAX_BYTES)
		return error_set(
			err, EINVAL, "a field selector may have at most %d bytes", MAX_BYTES);
	selector = calloc(1, sizeof(*selector));
	if (!selector)
		return error_errno(err, ENOMEM, "reading the field selector");
	while (r == 0 && *at) {
		size_t length = term_length(at);

		if (selector->count == MAX_TERMS)
			r = error_set(err, EINVAL, "a field selector may have at most %d terms",
				MAX_TERMS);
		else if (length > 0) /* an empty term is none */
			r = add_term(selector, at, text, err);
		at += length + (at[length] == ',');
	}
	if (r < 0) {
		field_selector_free(selector);
		return r;
	}
	*ret_selector = selector;
	return 0;
}

void field_selector_free(struct field_selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->count; i++)
		free(selector->items[i].value);
	free(selector->items);
	free(selector);
}

bool field_selector_matches(
	const struct field_selector *selector, const char *namespace, const char *name)
{
	for (size_t i = 0; selector && i < selector->count; i++) {
		const struct term *term = &selector->items[i];
		const char *value = term->by_namespace ? namespace : name;

		if ((strcmp(value, term->value) == 0) == term->negated)
			return false;
	}
	return true;
}

const char *field_selector_name(const struct field_selector *selector)
{
	for (size_t i = 0; selector && i < selector->count; i++)
		if (!selector->items[i].by_namespace && !selector->items[i].negated)
			return selector->items[i].value;
	return NULL;
}
