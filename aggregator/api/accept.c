#include "aggregator/api/accept.h"

#include <stdlib.h>
#include <string.h>

bool accept_text_is(struct accept_text text, const char *word)
{
	return text.data && text.length == strlen(word) &&
	       memcmp(text.data, word, text.length) == 0;
}

bool accept_covers(const struct accept_clause *clause, const char *subtype)
{
	bool any = accept_text_is(clause->subtype, "*");

	if (accept_text_is(clause->type, "*"))
		return any;
	return accept_text_is(clause->type, "application") &&
	       (any || accept_text_is(clause->subtype, subtype));
}

bool accept_converts(const struct accept_clause *clause)
{
	return clause->as.data || clause->group.data || clause->version.data;
}

static struct accept_text trim(const char *data, size_t length)
{
	while (length > 0 && (*data == ' ' || *data == '\t')) {
		data++;
		length--;
	}
	while (length > 0 && (data[length - 1] == ' ' || data[length - 1] == '\t'))
		length--;
	return (struct accept_text){data, length};
}

/* The piece before the next `separator`; *text moves behind it. */
static struct accept_text cut(struct accept_text *text, char separator)
{
	const char *end = memchr(text->data, separator, text->length);
	struct accept_text piece = {text->data, end ? (size_t)(end - text->data) : text->length};
	size_t used = end ? piece.length + 1 : piece.length;

	text->data += used;
	text->length -= used;
	return trim(piece.data, piece.length);
}

/* A number that can't be read is the lowest, as in Go, where a failed ParseFloat gives 0. */
static double quality(struct accept_text text)
{
	char digits[16], *end;
	double q;

	if (text.length == 0 || text.length >= sizeof(digits))
		return 0;
	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	q = strtod(digits, &end);
	return *end == '\0' && q >= 0 && q <= 1 ? q : 0;
}

static void take_parameter(struct accept_clause *clause, struct accept_text parameter)
{
	struct accept_text value = parameter, name = cut(&value, '=');

	value = trim(value.data, value.length);
	if (accept_text_is(name, "q"))
		clause->q = quality(value);
	else if (accept_text_is(name, "as"))
		clause->as = value;
	else if (accept_text_is(name, "g"))
		clause->group = value;
	else if (accept_text_is(name, "v"))
		clause->version = value;
	else if (accept_text_is(name, "stream"))
		clause->stream = value;
	else if (accept_text_is(name, "sv"))
		clause->server_version = value;
	else if (accept_text_is(name, "pretty"))
		clause->pretty = value;
}

static struct accept_clause parse_clause(struct accept_text text)
{
	struct accept_clause clause = {.q = 1};
	struct accept_text media = cut(&text, ';');

	clause.type = cut(&media, '/');
	clause.subtype = trim(media.data, media.length);
	if (accept_text_is(clause.type, "*") && clause.subtype.length == 0)
		clause.subtype = clause.type; /* "*" alone */
	while (text.length > 0)
		take_parameter(&clause, cut(&text, ';'));
	return clause;
}

static int wildcards(const struct accept_clause *clause)
{
	return accept_text_is(clause->type, "*") + accept_text_is(clause->subtype, "*");
}

static bool before(const struct accept_clause *a, const struct accept_clause *b)
{
	return a->q > b->q || (!(a->q < b->q) && wildcards(a) < wildcards(b));
}

/* Behind those that rank the same: the header's order is kept. */
static void insert(struct accept *accept, const struct accept_clause *clause)
{
	size_t at = accept->count++;

	for (; at > 0 && before(clause, &accept->clauses[at - 1]); at--)
		accept->clauses[at] = accept->clauses[at - 1];
	accept->clauses[at] = *clause;
}

void accept_parse(const char *header, struct accept *ret_accept)
{
	struct accept_text rest = {header, header ? strlen(header) : 0};

	ret_accept->count = 0;
	while (rest.length > 0 && ret_accept->count < ACCEPT_MAX_CLAUSES) {
		struct accept_text text = cut(&rest, ',');
		struct accept_clause clause;

		if (text.length == 0)
			continue;
		clause = parse_clause(text);
		insert(ret_accept, &clause);
	}
}
