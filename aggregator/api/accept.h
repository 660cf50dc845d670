/* The Accept header, split and ranked as k8s.io/apiserver does it: by q, then concrete types
 * before wildcards, then in the order of the header. */
#ifndef API_ACCEPT_H
#define API_ACCEPT_H

#include <stdbool.h>
#include <stddef.h>

#define ACCEPT_MAX_CLAUSES 32 /* what comes behind is not looked at; clients send at most six */

/* A piece of the header; not terminated. */
struct accept_text {
	const char *data; /* NULL: absent */
	size_t length;
};

struct accept_clause {
	struct accept_text type, subtype;                  /* "application", "json" */
	struct accept_text as, group, version;             /* as=, g=, v= */
	struct accept_text stream, server_version, pretty; /* stream=, sv=, pretty= */
	double q;
};

struct accept {
	struct accept_clause clauses[ACCEPT_MAX_CLAUSES];
	size_t count;
};

/* Points into `header`, which must outlive the result. NULL or "" has no clauses. */
void accept_parse(const char *header, struct accept *ret_accept);

/* True when it is exactly `word`. */
bool accept_text_is(struct accept_text text, const char *word);

/* True when the clause's type or wildcard covers "application/<subtype>". */
bool accept_covers(const struct accept_clause *clause, const char *subtype);

/* True when as, g or v is given. */
bool accept_converts(const struct accept_clause *clause);

#endif
