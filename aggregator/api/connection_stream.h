/* A long answer on its way: pages that go to OpenSSL as they are, without libevent's buffers
 * between, and on to the socket some records at a time (record_fold.h). */
#ifndef API_CONNECTION_STREAM_H
#define API_CONNECTION_STREAM_H

#include <event2/http.h>
#include <stddef.h>

/* See server.h. */
void connection_stream_begin(struct evhttp_request *http);
size_t connection_stream_write(struct evhttp_request *http, const char *data, size_t size);
void connection_stream_end(struct evhttp_request *http);

#endif
