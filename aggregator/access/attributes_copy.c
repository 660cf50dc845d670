#include "aggregator/access/attributes_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 8

/* Where the texts of `attributes` stand in it. */
static void find_texts(struct access_attributes *attributes, const char **ret_texts[TEXTS])
{
	const char **const texts[TEXTS] = {
		&attributes->verb,
		&attributes->namespace,
		&attributes->group,
		&attributes->version,
		&attributes->resource,
		&attributes->subresource,
		&attributes->name,
		&attributes->path,
	};

	memcpy(ret_texts, texts, sizeof(texts));
}

int attributes_copy_make(struct attributes_copy *copy, const struct access_attributes *from)
{
	const char **texts[TEXTS];
	size_t size = 1; /* malloc(0) may be NULL */
	char *to;

	*copy = (struct attributes_copy){.is = *from};
	find_texts(&copy->is, texts);
	for (size_t i = 0; i < TEXTS; i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	copy->texts = to = malloc(size);
	if (!to || user_copy(from->user, &copy->user) < 0) {
		free(to);
		return -ENOMEM;
	}
	copy->is.user = &copy->user;
	for (size_t i = 0; i < TEXTS; i++) {
		if (!*texts[i])
			continue;
		size = strlen(*texts[i]) + 1;
		*texts[i] = memcpy(to, *texts[i], size);
		to += size;
	}
	return 0;
}

void attributes_copy_free(struct attributes_copy *copy)
{
	user_free(&copy->user);
	free(copy->texts);
	copy->texts = NULL;
}
