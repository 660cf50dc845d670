/* The words of a label selector (k8s.io/apimachinery/pkg/labels has the grammar). */
#ifndef API_LABEL_LEXER_H
#define API_LABEL_LEXER_H

#include <stddef.h>

enum label_token {
	LABEL_TOKEN_END,
	LABEL_TOKEN_IDENTIFIER,
	LABEL_TOKEN_CLOSE,
	LABEL_TOKEN_OPEN,
	LABEL_TOKEN_COMMA,
	LABEL_TOKEN_NOT, /* "!" */
	LABEL_TOKEN_EQUALS,
	LABEL_TOKEN_DOUBLE_EQUALS,
	LABEL_TOKEN_NOT_EQUALS,
	LABEL_TOKEN_GREATER,
	LABEL_TOKEN_LESS,
	LABEL_TOKEN_IN,
	LABEL_TOKEN_NOT_IN,
};

struct label_word {
	enum label_token token;
	const char *text; /* within the selector; not terminated */
	size_t length;
};

/* The word at *position, which moves behind it. At the end, LABEL_TOKEN_END for ever. */
struct label_word label_lexer_next(const char **position);

#endif
