/* One page of /metrics, written once and sent to all who asked: it lives while somebody has it. One
 * thread. */
#ifndef AGENT_EXPORT_PAGE_H
#define AGENT_EXPORT_PAGE_H

#include "agent/export_request.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct export_page {
	uint32_t references;
	struct export_key key;
	uint64_t look; /* which look it is of */
	struct buffer plain, gzip;
	bool zipped; /* `gzip` is whole */
};

/* With one reference. NULL when memory is short. */
struct export_page *export_page_new(struct export_key key, uint64_t look, size_t most_bytes);
struct export_page *export_page_ref(struct export_page *page);
/* NULL is fine. */
void export_page_unref(struct export_page *page);

#endif
