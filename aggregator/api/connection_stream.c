#include "aggregator/api/connection_stream.h"

#include "aggregator/api/connection.h"
#include "aggregator/api/record_fold.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

void connection_stream_begin(struct evhttp_request *http)
{
	(void)record_fold_begin(connection_tls(http)); /* without it each record goes by itself */
}

void connection_stream_end(struct evhttp_request *http)
{
	record_fold_end(connection_tls(http));
}

size_t connection_stream_write(struct evhttp_request *http, const char *data, size_t size)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(http);
	struct bufferevent *bufferevent = evhttp_connection_get_bufferevent(connection);
	SSL *ssl = connection_tls(http);
	size_t taken = 0, more;

	if (evbuffer_get_length(bufferevent_get_output(bufferevent)) > 0)
		return 0;
	while (taken < size && SSL_write_ex(ssl, data + taken, size - taken, &more) == 1)
		taken += more;
	if (taken < size)
		ERR_clear_error(); /* libevent meets it again */
	return taken;
}
