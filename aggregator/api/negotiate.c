#include "aggregator/api/negotiate.h"

#include "aggregator/api/accept.h"

#include <stddef.h>

static const struct {
	const char *subtype;
	enum media media;
} SERVED[] = {
	/* what a wildcard gets comes first */
	{"json", MEDIA_JSON},
	{"vnd.kubernetes.protobuf", MEDIA_PROTOBUF},
};

#define SERVED_COUNT (sizeof(SERVED) / sizeof(SERVED[0]))

/* The parameters that every endpoint treats alike. */
static bool parameters_are_known(const struct accept_clause *clause)
{
	if (clause->stream.data && !accept_text_is(clause->stream, "watch"))
		return false;
	return clause->server_version.length == 0;
}

/* What as, g and v ask for; false when it is not served. */
static bool form_of(
	const struct accept_clause *clause, bool list, struct representation *representation)
{
	representation->form = FORM_OBJECT;
	representation->meta_v1beta1 = false;
	if (!accept_converts(clause))
		return true;
	if (!accept_text_is(clause->group, "meta.k8s.io"))
		return false;
	if (accept_text_is(clause->version, "v1beta1"))
		representation->meta_v1beta1 = true;
	else if (!accept_text_is(clause->version, "v1"))
		return false;
	if (accept_text_is(clause->as, "Table")) {
		representation->form = FORM_TABLE;
		return representation->media == MEDIA_JSON;
	}
	representation->form = FORM_METADATA;
	return accept_text_is(
		clause->as, list ? "PartialObjectMetadataList" : "PartialObjectMetadata");
}

enum negotiate_result negotiate_resource(
	const char *accept, bool list, struct representation *ret_representation)
{
	struct accept parsed;
	bool known_type = false;

	accept_parse(accept, &parsed);
	if (parsed.count == 0) {
		*ret_representation = (struct representation){.media = MEDIA_JSON};
		return NEGOTIATE_OK;
	}
	for (size_t i = 0; i < parsed.count * SERVED_COUNT; i++) {
		const struct accept_clause *clause = &parsed.clauses[i / SERVED_COUNT];
		struct representation found = {.media = SERVED[i % SERVED_COUNT].media};

		if (!accept_covers(clause, SERVED[i % SERVED_COUNT].subtype))
			continue;
		known_type = true;
		if (parameters_are_known(clause) && form_of(clause, list, &found)) {
			found.pretty = accept_text_is(clause->pretty, "1");
			*ret_representation = found;
			return NEGOTIATE_OK;
		}
	}
	return known_type ? NEGOTIATE_UNKNOWN_FORM : NEGOTIATE_UNKNOWN_TYPE;
}

bool negotiate_plain_json(const char *accept)
{
	struct accept parsed;

	accept_parse(accept, &parsed);
	for (size_t i = 0; i < parsed.count; i++)
		if (accept_covers(&parsed.clauses[i], "json") &&
			parameters_are_known(&parsed.clauses[i]) &&
			!accept_converts(&parsed.clauses[i]))
			return true;
	return parsed.count == 0;
}

enum negotiate_result negotiate_object(
	const char *accept, struct representation *ret_representation)
{
	struct accept parsed;
	bool known_type = false;

	accept_parse(accept, &parsed);
	if (parsed.count == 0) {
		*ret_representation = (struct representation){.media = MEDIA_JSON};
		return NEGOTIATE_OK;
	}
	for (size_t i = 0; i < parsed.count * SERVED_COUNT; i++) {
		const struct accept_clause *clause = &parsed.clauses[i / SERVED_COUNT];

		if (!accept_covers(clause, SERVED[i % SERVED_COUNT].subtype))
			continue;
		known_type = true;
		if (!parameters_are_known(clause) || accept_converts(clause))
			continue;
		*ret_representation =
			(struct representation){.media = SERVED[i % SERVED_COUNT].media,
				.pretty = accept_text_is(clause->pretty, "1")};
		return NEGOTIATE_OK;
	}
	return known_type ? NEGOTIATE_UNKNOWN_FORM : NEGOTIATE_UNKNOWN_TYPE;
}

struct representation negotiate_error(const char *accept)
{
	struct representation found;

	if (negotiate_object(accept, &found) == NEGOTIATE_OK)
		return found;
	return (struct representation){.media = MEDIA_JSON, .pretty = true};
}
