#include "aggregator/access/bearer.h"

#include "aggregator/access/header.h"

#include <string.h>
#include <strings.h>

#define WHITE " \t\n\v\f\r"

const char *bearer_token(const struct evkeyvalq *headers, size_t *ret_length)
{
	static const char SCHEME[] = "Bearer ";
	const char *text = header_find(headers, "Authorization");
	size_t length;

	if (!text)
		return NULL;
	text += strspn(text, WHITE);
	if (strncasecmp(text, SCHEME, sizeof(SCHEME) - 1) != 0)
		return NULL;
	text += sizeof(SCHEME) - 1;
	length = strcspn(text, " ");
	if (text[length] == '\0')
		while (length > 0 && strchr(WHITE, text[length - 1]))
			length--;
	if (length == 0)
		return NULL;
	*ret_length = length;
	return text;
}
