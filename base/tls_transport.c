#include "base/tls_transport.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/engine.h>

static int write_some(BIO *bio, const char *data, size_t size, size_t *ret_written)
{
	size_t length = size;
	int rv = nng_tls_engine_send(BIO_get_data(bio), (const uint8_t *)data, &length);

	BIO_clear_retry_flags(bio);
	if (rv == NNG_EAGAIN)
		BIO_set_retry_write(bio);
	*ret_written = rv == 0 ? length : 0;
	return rv == 0;
}

static int read_some(BIO *bio, char *data, size_t size, size_t *ret_read)
{
	size_t length = size;
	int rv = nng_tls_engine_recv(BIO_get_data(bio), (uint8_t *)data, &length);

	BIO_clear_retry_flags(bio);
	if (rv == NNG_EAGAIN)
		BIO_set_retry_read(bio);
	*ret_read = rv == 0 ? length : 0;
	return rv == 0;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH; /* NNG sends as soon as it has bytes */
}

BIO_METHOD *tls_transport_method(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "nng");

	if (!method)
		return NULL;
	(void)BIO_meth_set_write_ex(method, write_some);
	(void)BIO_meth_set_read_ex(method, read_some);
	(void)BIO_meth_set_ctrl(method, control);
	return method;
}

BIO *tls_transport_bio(const BIO_METHOD *method, void *stream)
{
	BIO *bio = BIO_new(method);

	if (!bio)
		return NULL;
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	return bio;
}
