#include "aggregator/api/label_lexer.h"

#include <string.h>

/* What a byte is to a selector; most are of a name. */
enum byte { NAME, END, BLANK, SYMBOL };

static const unsigned char BYTES[256] = {
	['\0'] = END,
	[' '] = BLANK,
	['\t'] = BLANK,
	['\r'] = BLANK,
	['\n'] = BLANK,
	['='] = SYMBOL,
	['!'] = SYMBOL,
	['('] = SYMBOL,
	[')'] = SYMBOL,
	[','] = SYMBOL,
	['>'] = SYMBOL,
	['<'] = SYMBOL,
};

static enum byte byte_at(const char *text)
{
	return (enum byte)BYTES[(unsigned char)*text];
}

/* How many bytes of that sort stand there. */
static size_t run_of(const char *text, enum byte byte)
{
	size_t length = 0;

	while (byte_at(text + length) == byte)
		length++;
	return length;
}

static enum label_token name_token(const char *text, size_t length)
{
	if (length == 2 && memcmp(text, "in", 2) == 0)
		return LABEL_TOKEN_IN;
	if (length == 5 && memcmp(text, "notin", 5) == 0)
		return LABEL_TOKEN_NOT_IN;
	return LABEL_TOKEN_IDENTIFIER;
}

static enum label_token one_symbol(char symbol)
{
	switch (symbol) {
	case ')':
		return LABEL_TOKEN_CLOSE;
	case '(':
		return LABEL_TOKEN_OPEN;
	case ',':
		return LABEL_TOKEN_COMMA;
	case '!':
		return LABEL_TOKEN_NOT;
	case '=':
		return LABEL_TOKEN_EQUALS;
	case '>':
		return LABEL_TOKEN_GREATER;
	default:
		return LABEL_TOKEN_LESS;
	}
}

/* The longest one at the start of a run of symbols: "!=(" is "!=". */
static struct label_word symbol(const char *text)
{
	if (text[0] == '=' && text[1] == '=')
		return (struct label_word){LABEL_TOKEN_DOUBLE_EQUALS, text, 2};
	if (text[0] == '!' && text[1] == '=')
		return (struct label_word){LABEL_TOKEN_NOT_EQUALS, text, 2};
	return (struct label_word){one_symbol(*text), text, 1};
}

struct label_word label_lexer_next(const char **position)
{
	const char *text = *position + run_of(*position, BLANK);
	struct label_word word = {LABEL_TOKEN_END, text, 0};

	if (byte_at(text) == SYMBOL) {
		word = symbol(text);
	} else if (byte_at(text) == NAME) {
		word.length = run_of(text, NAME);
		word.token = name_token(text, word.length);
	}
	*position = text + word.length;
	return word;
}
