#include "base/string_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void string_list_free(struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
	*list = (struct string_list){0};
}

static int add(struct string_list *list, const char *text, size_t length)
{
	char **item = realloc(list->item, (list->count + 1) * sizeof(*item));

	if (!item)
		return -ENOMEM;
	list->item = item;
	item[list->count] = strndup(text, length);
	if (!item[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

int string_list_add(struct string_list *list, const char *text)
{
	return add(list, text, strlen(text));
}

int string_list_add_parts(struct string_list *list, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ","), blank = strspn(text, " ,");
		size_t end = length;

		if (blank > 0) {
			text += blank;
			continue;
		}
		while (text[end - 1] == ' ')
			end--;
		if (add(list, text, end) < 0)
			return -ENOMEM;
		text += length;
	}
	return 0;
}

int string_list_add_all(struct string_list *list, const struct string_list *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->count; i++)
		r = string_list_add(list, from->item[i]);
	return r;
}

bool string_list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->item[i], text) == 0)
			return true;
	return false;
}
