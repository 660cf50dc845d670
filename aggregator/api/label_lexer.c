#include "aggregator/api/label_lexer.h"

#include <string.h>

static const struct {
	const char *text;
	enum label_token token;
} WORDS[] = {
	{")", LABEL_TOKEN_CLOSE},
	{"(", LABEL_TOKEN_OPEN},
	{",", LABEL_TOKEN_COMMA},
	{"!", LABEL_TOKEN_NOT},
	{"=", LABEL_TOKEN_EQUALS},
	{"==", LABEL_TOKEN_DOUBLE_EQUALS},
	{"!=", LABEL_TOKEN_NOT_EQUALS},
	{">", LABEL_TOKEN_GREATER},
	{"<", LABEL_TOKEN_LESS},
	{"in", LABEL_TOKEN_IN},
	{"notin", LABEL_TOKEN_NOT_IN},
};

static enum label_token token_of(const char *text, size_t length, enum label_token otherwise)
{
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (strlen(WORDS[i].text) == length && memcmp(WORDS[i].text, text, length) == 0)
			return WORDS[i].token;
	return otherwise;
}

/* The longest run of symbols, from its start, that is a word: "!=(" is "!=". When not even the
 * first is part of one, the whole run is an error. */
static struct label_word symbol(const char *text, size_t run)
{
	struct label_word word = {LABEL_TOKEN_ERROR, text, run};

	for (size_t length = 1; length <= run; length++) {
		enum label_token token = token_of(text, length, LABEL_TOKEN_ERROR);

		if (token != LABEL_TOKEN_ERROR)
			word = (struct label_word){token, text, length};
		else if (word.token != LABEL_TOKEN_ERROR)
			break;
	}
	return word;
}

struct label_word label_lexer_next(const char **position)
{
	static const char SPACES[] = " \t\r\n", SYMBOLS[] = "=!(),><";
	const char *text = *position + strspn(*position, SPACES);
	struct label_word word = {LABEL_TOKEN_END, text, 0};

	if (*text && strchr(SYMBOLS, *text)) {
		word = symbol(text, strspn(text, SYMBOLS));
	} else if (*text) {
		word.length = strcspn(text, " \t\r\n=!(),><");
		word.token = token_of(text, word.length, LABEL_TOKEN_IDENTIFIER);
	}
	*position = text + word.length;
	return word;
}
