/* HTTP headers for tests of what reads them. */
#ifndef HARNESS_HEADERS_H
#define HARNESS_HEADERS_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stddef.h>
#include <sys/queue.h>

/* `lines` is {name, value, name, value, …, NULL}; may be NULL. */
static inline void headers_init(struct evkeyvalq *headers, const char *const *lines)
{
	TAILQ_INIT(headers);
	for (; lines && *lines; lines += 2)
		(void)evhttp_add_header(headers, lines[0], lines[1]);
}

#endif
