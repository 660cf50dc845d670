/* Which form of an answer the client wants: content negotiation as k8s.io/apiserver does it. Pure
 * functions on strings. */
#ifndef API_NEGOTIATE_H
#define API_NEGOTIATE_H

#include <stdbool.h>

enum media {
	MEDIA_JSON,     /* application/json */
	MEDIA_PROTOBUF, /* application/vnd.kubernetes.protobuf */
};

enum form {
	FORM_OBJECT,   /* the resource's own kind */
	FORM_TABLE,    /* as=Table */
	FORM_METADATA, /* as=PartialObjectMetadata or …List */
};

struct representation {
	enum media media;
	enum form form;
	bool meta_v1beta1; /* meta.k8s.io/v1beta1 was asked for with the form */
	bool pretty;       /* indented JSON */
};

enum negotiate_result {
	NEGOTIATE_OK,
	NEGOTIATE_UNKNOWN_TYPE, /* 406, "406: Not Acceptable\n\nAvailable representations: …" */
	NEGOTIATE_UNKNOWN_FORM, /* 406, "only the following media types are accepted: …" */
};

/* For a get (`list` false) or list of metrics. `accept` may be NULL. `pretty` is what the chosen
 * clause asks for; the query and the User-Agent ask for it too (request_pretty()).
 * *ret_representation is untouched on failure. */
enum negotiate_result negotiate_resource(
	const char *accept, bool list, struct representation *ret_representation);

/* The same for what is served in both media and in no other form than its own. */
enum negotiate_result negotiate_object(
	const char *accept, struct representation *ret_representation);

/* For what is served as JSON in one form only: true when a clause takes that. */
bool negotiate_plain_json(const char *accept);

/* For an error: clauses with as, g or v are skipped; when none is left, indented JSON. Always
 * succeeds. */
struct representation negotiate_error(const char *accept);

#endif
