/* A small list of texts that it owns. */
#ifndef BASE_STRING_LIST_H
#define BASE_STRING_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Zero-initialise. */
struct string_list {
	char **item;
	size_t count;
};

/* Frees the texts and leaves an empty list. */
void string_list_free(struct string_list *list);

/* 0 or -ENOMEM. The text is copied. */
int string_list_add(struct string_list *list, const char *text);

/* Adds each part of "a,b,c"; blanks around a part and empty parts are left out. 0 or -ENOMEM. */
int string_list_add_parts(struct string_list *list, const char *text);

/* Adds each text of `from`. 0 or -ENOMEM. */
int string_list_add_all(struct string_list *list, const struct string_list *from);

bool string_list_has(const struct string_list *list, const char *text);

#endif
