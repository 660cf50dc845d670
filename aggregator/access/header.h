/* A request's headers by name, in any case of its letters. libevent's own look-up calls a function
 * for each letter. */
#ifndef ACCESS_HEADER_H
#define ACCESS_HEADER_H

#include <event2/keyvalq_struct.h>
#include <stdbool.h>

bool header_is(const struct evkeyval *header, const char *name);

/* The value of the first header of that name, or NULL. */
const char *header_find(const struct evkeyvalq *headers, const char *name);

#endif
