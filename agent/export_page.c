#include "agent/export_page.h"

#include <stdlib.h>

struct export_page *export_page_new(struct export_key key, uint64_t look, size_t most_bytes)
{
	struct export_page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->references = 1;
	page->key = key;
	page->look = look;
	page->plain.limit = page->gzip.limit = most_bytes;
	return page;
}

struct export_page *export_page_ref(struct export_page *page)
{
	page->references++;
	return page;
}

void export_page_unref(struct export_page *page)
{
	if (!page || --page->references > 0)
		return;
	buffer_free(&page->plain);
	buffer_free(&page->gzip);
	free(page);
}
