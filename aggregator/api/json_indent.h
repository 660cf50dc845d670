/* Lays compact JSON out anew, indented by two spaces, exactly as Go's json.MarshalIndent does.
 *
 * The text comes in pieces that may end anywhere; between them only the state below is kept. White
 * space outside of strings is dropped, the last newline too (indented answers of Kubernetes have
 * none). The text is taken for valid JSON. */
#ifndef API_JSON_INDENT_H
#define API_JSON_INDENT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise for each document. */
struct json_indent {
	uint32_t depth;
	bool opened; /* behind a bracket that may yet turn out to be empty */
	bool in_string;
	bool escaped; /* behind a backslash within a string */
};

/* Appends text[0..length), laid out, to `out`. */
void json_indent_append(
	struct json_indent *indent, const char *text, size_t length, struct buffer *out);

#endif
