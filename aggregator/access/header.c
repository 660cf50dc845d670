#include "aggregator/access/header.h"

#include <stddef.h>
#include <strings.h>

/* Most differ in the first letter, which saves the call; 0x20 is what tells its cases apart. */
bool header_is(const struct evkeyval *header, const char *name)
{
	return ((header->key[0] ^ name[0]) & ~0x20) == 0 && strcasecmp(header->key, name) == 0;
}

const char *header_find(const struct evkeyvalq *headers, const char *name)
{
	const struct evkeyval *header;

	for (header = headers->tqh_first; header; header = header->next.tqe_next)
		if (header_is(header, name))
			return header->value;
	return NULL;
}
