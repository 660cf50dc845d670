/* aggregator/api/record_fold: what the reader gets, and in how many writes. */
#include "aggregator/api/record_fold.h"
#include "tests/harness/pki.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORD 16384

/* Both ends of one connection, none of which blocks. */
struct link {
	SSL_CTX *contexts[2];
	SSL *writer, *reader;
	int writers, readers; /* sockets */
	uint64_t written, read;
	bool differs;
};

/* --- the link --------------------------------------------------------------------------------- */

static char byte_at(uint64_t offset)
{
	return (char)(offset * 7 + (offset >> 8) * 13);
}

static void use_pair(SSL_CTX *context, const struct pki_pair *pair)
{
	BIO *cert = BIO_new_mem_buf(pair->cert, -1), *key = BIO_new_mem_buf(pair->key, -1);
	X509 *x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
	EVP_PKEY *pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(context, x509), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(context, pkey), 1);
	X509_free(x509);
	EVP_PKEY_free(pkey);
	BIO_free(cert);
	BIO_free(key);
}

static void connect_link(struct link *link, int send_bytes)
{
	struct pki *pki = pki_new("fold");
	struct pki_pair pair = pki_issue(pki, "DNS:localhost", 3600);
	int sockets[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
	if (send_bytes)
		assert_int_equal(setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &send_bytes,
					 sizeof(send_bytes)),
			0);
	*link = (struct link){
		.contexts = {SSL_CTX_new(TLS_server_method()), SSL_CTX_new(TLS_client_method())},
		.writers = sockets[0],
		.readers = sockets[1],
	};
	use_pair(link->contexts[0], &pair);
	SSL_CTX_set_mode(link->contexts[0], SSL_MODE_ENABLE_PARTIAL_WRITE |
						    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						    SSL_MODE_RELEASE_BUFFERS);
	link->writer = SSL_new(link->contexts[0]);
	link->reader = SSL_new(link->contexts[1]);
	assert_int_equal(SSL_set_fd(link->writer, sockets[0]), 1);
	assert_int_equal(SSL_set_fd(link->reader, sockets[1]), 1);
	SSL_set_accept_state(link->writer);
	SSL_set_connect_state(link->reader);
	while (!SSL_is_init_finished(link->writer) || !SSL_is_init_finished(link->reader)) {
		(void)SSL_do_handshake(link->reader);
		(void)SSL_do_handshake(link->writer);
	}
	pki_pair_free(&pair);
	pki_free(pki);
}

static void cut_link(struct link *link)
{
	SSL_free(link->writer);
	SSL_free(link->reader);
	SSL_CTX_free(link->contexts[0]);
	SSL_CTX_free(link->contexts[1]);
	(void)close(link->writers);
	if (link->readers >= 0)
		(void)close(link->readers);
	assert_false(link->differs);
}

/* At most so many bytes, as long as there are any. */
static size_t take(struct link *link, size_t most)
{
	char bytes[4096];
	size_t all = 0, size;

	while (all < most &&
		SSL_read_ex(link->reader, bytes,
			most - all < sizeof(bytes) ? most - all : sizeof(bytes), &size) == 1) {
		for (size_t i = 0; i < size; i++)
			link->differs |= bytes[i] != byte_at(link->read + i);
		link->read += size;
		all += size;
	}
	return all;
}

/* The next `size` bytes; the reader takes `bite` when the socket is full. Returns how often that
 * was. */
static unsigned put(struct link *link, size_t size, size_t bite)
{
	static char bytes[400000];
	size_t done = 0, more;
	unsigned blocked = 0;

	assert_true(size <= sizeof(bytes));
	for (size_t i = 0; i < size; i++)
		bytes[i] = byte_at(link->written + i);
	while (done < size) {
		if (SSL_write_ex(link->writer, bytes + done, size - done, &more) == 1) {
			done += more;
			continue;
		}
		assert_int_equal(SSL_get_error(link->writer, 0), SSL_ERROR_WANT_WRITE);
		assert_true(bite > 0);
		blocked++;
		(void)take(link, bite);
	}
	link->written += size;
	return blocked;
}

static long count_writes(BIO *bio, int operation, const char *data, size_t size, int argument,
	long number, int result, size_t *processed)
{
	(void)data;
	(void)size;
	(void)argument;
	(void)number;
	(void)processed;
	if (operation == BIO_CB_WRITE)
		++*(unsigned *)(void *)BIO_get_callback_arg(bio);
	return result;
}

/* --- what is held ----------------------------------------------------------------------------- */

static void every_size_arrives(void **state)
{
	static const size_t sizes[] = {1, 2, 100, 5000, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD,
		4 * RECORD - 30, 4 * RECORD, 4 * RECORD + 1, RECORD_FOLD_BYTES - 1,
		RECORD_FOLD_BYTES, RECORD_FOLD_BYTES + 1, 5 * RECORD, 100000, 400000};
	struct link link;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		connect_link(&link, 0);
		for (unsigned round = 0; round < 3; round++) {
			assert_int_equal(record_fold_begin(link.writer), 0);
			(void)put(&link, sizes[i], 1U << 20);
			(void)put(&link, sizes[i] / 2, 1U << 20);
			assert_true(record_fold_held(link.writer) <= RECORD_FOLD_BYTES);
			record_fold_end(link.writer);
			(void)put(&link, 5, 1U << 20);
			assert_int_equal(record_fold_held(link.writer), 0);
			(void)take(&link, SIZE_MAX);
			assert_int_equal(link.read, link.written);
			(void)put(&link, 77, 0); /* an answer that is not folded */
			(void)take(&link, SIZE_MAX);
			assert_int_equal(link.read, link.written);
		}
		cut_link(&link);
	}
}

static void four_records_are_one_write(void **state)
{
	unsigned writes = 0;
	struct link link;

	(void)state;
	connect_link(&link, 4 << 20);
	BIO_set_callback_ex(SSL_get_rbio(link.writer), count_writes);
	BIO_set_callback_arg(SSL_get_rbio(link.writer), (char *)(void *)&writes);
	assert_int_equal(record_fold_begin(link.writer), 0);
	for (unsigned i = 0; i < 4; i++)
		(void)put(&link, RECORD, 1U << 20);
	assert_int_equal(writes, 0);
	for (unsigned i = 0; i < 16; i++)
		(void)put(&link, RECORD, 1U << 20);
	assert_int_equal(writes, 4);
	record_fold_end(link.writer);
	(void)put(&link, 5, 1U << 20);
	assert_int_equal(writes, 6); /* what was held, and the 5 */
	(void)take(&link, SIZE_MAX);
	assert_int_equal(link.read, link.written);
	cut_link(&link);
}

/* A socket of some KiB, and a reader that takes a little at a time. */
static void slow_reader_gets_it_all(void **state)
{
	static const size_t bites[] = {1, 1000, 5000, 100000};
	struct link link;

	(void)state;
	for (size_t i = 0; i < sizeof(bites) / sizeof(bites[0]); i++) {
		uint64_t before;

		connect_link(&link, 4096);
		before = BIO_number_written(SSL_get_rbio(link.writer));
		assert_int_equal(record_fold_begin(link.writer), 0);
		for (unsigned round = 0; round < 5; round++)
			assert_true(put(&link, 99999, bites[i]) > 0);
		/* The socket's own count goes on. */
		assert_true(BIO_number_written(SSL_get_rbio(link.writer)) - before > 300000);
		record_fold_end(link.writer);
		assert_true(record_fold_held(link.writer) > 0);
		assert_true(put(&link, 5, bites[i]) > 0);
		assert_int_equal(record_fold_held(link.writer), 0);
		(void)take(&link, SIZE_MAX);
		assert_int_equal(link.read, link.written);
		cut_link(&link);
	}
}

/* Another answer begins while something of the last one is held. */
static void begins_again_with_something_held(void **state)
{
	struct link link;

	(void)state;
	connect_link(&link, 0);
	assert_int_equal(record_fold_begin(link.writer), 0);
	(void)put(&link, 100, 0);
	record_fold_end(link.writer);
	assert_true(record_fold_held(link.writer) > 100);
	assert_int_equal(record_fold_begin(link.writer), 0);
	assert_int_equal(record_fold_begin(link.writer), 0);
	(void)put(&link, 100, 0);
	assert_int_equal(take(&link, SIZE_MAX), 0);
	record_fold_end(link.writer);
	(void)put(&link, 1, 0);
	assert_int_equal(take(&link, SIZE_MAX), 201);
	cut_link(&link);
}

/* --- the rest of a BIO ------------------------------------------------------------------------ */

static void flushes_and_tells_its_socket(void **state)
{
	struct link link;
	BIO *bio;

	(void)state;
	connect_link(&link, 4096);
	record_fold_end(link.writer); /* of nothing */
	assert_int_equal(record_fold_held(link.writer), 0);
	assert_int_equal(record_fold_begin(link.writer), 0);
	bio = SSL_get_wbio(link.writer);
	assert_int_equal(BIO_get_fd(bio, NULL), link.writers);
	assert_int_equal(SSL_get_fd(link.writer), link.writers);
	(void)put(&link, 100, 0);
	assert_int_equal(BIO_wpending(bio), record_fold_held(link.writer));
	assert_int_equal(BIO_flush(bio), 1);
	assert_int_equal(record_fold_held(link.writer), 0);
	assert_int_equal(take(&link, SIZE_MAX), 100);
	(void)put(&link, 60000, 0);
	assert_true(BIO_flush(bio) <= 0);
	assert_true(BIO_should_write(bio));
	while (BIO_flush(bio) <= 0)
		(void)take(&link, 4000);
	(void)take(&link, SIZE_MAX);
	assert_int_equal(link.read, link.written);
	cut_link(&link);
}

/* Its memory goes with the SSL: while it holds, and while the socket is full. */
static void ends_in_the_midst(void **state)
{
	struct link link;

	(void)state;
	connect_link(&link, 0);
	assert_int_equal(record_fold_begin(link.writer), 0);
	(void)put(&link, 100, 0);
	cut_link(&link);

	connect_link(&link, 4096);
	assert_int_equal(record_fold_begin(link.writer), 0);
	assert_true(put(&link, 200000, 50000) > 0);
	assert_true(record_fold_held(link.writer) > 0);
	cut_link(&link);
}

static void reader_leaves(void **state)
{
	static char bytes[RECORD];
	struct link link;
	size_t more;
	unsigned taken = 0;
	int error;

	(void)state;
	connect_link(&link, 0);
	assert_int_equal(record_fold_begin(link.writer), 0);
	(void)close(link.readers);
	link.readers = -1;
	while (taken < 10 && SSL_write_ex(link.writer, bytes, sizeof(bytes), &more) == 1)
		taken++;
	assert_true(taken < 10);
	error = SSL_get_error(link.writer, 0);
	assert_true(error == SSL_ERROR_SYSCALL || error == SSL_ERROR_SSL);
	cut_link(&link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_arrives),
		cmocka_unit_test(four_records_are_one_write),
		cmocka_unit_test(slow_reader_gets_it_all),
		cmocka_unit_test(begins_again_with_something_held),
		cmocka_unit_test(flushes_and_tells_its_socket),
		cmocka_unit_test(ends_in_the_midst),
		cmocka_unit_test(reader_leaves),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("record_fold", tests, NULL, NULL);
}
