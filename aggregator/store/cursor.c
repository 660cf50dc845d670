#include "aggregator/store/cursor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void store_cursor_free(struct store_cursor *cursor)
{
	free(cursor->namespace);
	free(cursor->name);
	*cursor = (struct store_cursor){0};
}

int cursor_prepare(struct store_cursor *cursor)
{
	if (!cursor->namespace)
		cursor->namespace = malloc(STORE_MAX_NAME + 1);
	if (!cursor->name)
		cursor->name = malloc(STORE_MAX_NAME + 1);
	if (!cursor->namespace || !cursor->name)
		return -ENOMEM;
	if (!cursor->started)
		*cursor->namespace = *cursor->name = '\0';
	return 0;
}

int store_cursor_begin(struct store_cursor *cursor, const char *namespace, const char *name)
{
	if (strlen(namespace) > STORE_MAX_NAME || strlen(name) > STORE_MAX_NAME)
		return -EINVAL;
	if (cursor_prepare(cursor) < 0)
		return -ENOMEM;
	cursor_move(cursor, namespace, name);
	return 0;
}

int store_cursor_copy(const struct store_cursor *cursor, struct store_cursor *ret_copy)
{
	struct store_cursor copy = {0};

	if (cursor_prepare(&copy) < 0) {
		store_cursor_free(&copy);
		return -ENOMEM;
	}
	if (cursor->started) {
		memcpy(copy.namespace, cursor->namespace, strlen(cursor->namespace) + 1);
		memcpy(copy.name, cursor->name, strlen(cursor->name) + 1);
	}
	copy.started = cursor->started;
	copy.finished = cursor->finished;
	*ret_copy = copy;
	return 0;
}

void cursor_move(struct store_cursor *cursor, const char *namespace, const char *name)
{
	memcpy(cursor->namespace, namespace, strlen(namespace) + 1);
	memcpy(cursor->name, name, strlen(name) + 1);
	cursor->started = true;
}
