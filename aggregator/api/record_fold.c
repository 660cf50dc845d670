#include "aggregator/api/record_fold.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct fold {
	bool folds;
	size_t begin, end; /* of what is held */
	char *piece;       /* RECORD_FOLD_BYTES, or NULL */
};

/* --- what is held ----------------------------------------------------------------------------- */

static void drop_piece(struct fold *fold)
{
	free(fold->piece);
	fold->piece = NULL;
	fold->begin = fold->end = 0;
}

/* Sends what is held. False when the socket does not take it all: it has said why, and `result` is
 * to be told. */
static bool send_held(BIO *bio, struct fold *fold, int *result)
{
	while (fold->begin < fold->end) {
		int sent = BIO_write(
			BIO_next(bio), fold->piece + fold->begin, (int)(fold->end - fold->begin));

		BIO_copy_next_retry(bio);
		if (sent <= 0) {
			*result = sent;
			return false;
		}
		fold->begin += (size_t)sent;
	}
	fold->begin = fold->end = 0;
	if (!fold->folds)
		drop_piece(fold);
	return true;
}

static int hold(struct fold *fold, const char *from, int size)
{
	memcpy(fold->piece + fold->end, from, (size_t)size);
	fold->end += (size_t)size;
	return size;
}

/* --- the BIO ---------------------------------------------------------------------------------- */

/* OpenSSL comes again with the same bytes when it is told to, so that none may be taken then. */
static int fold_write(BIO *bio, const char *from, int size)
{
	struct fold *fold = BIO_get_data(bio);
	int result;

	BIO_clear_retry_flags(bio);
	if (!from || size <= 0)
		return 0;
	if (fold->folds && (size_t)size <= RECORD_FOLD_BYTES - fold->end)
		return hold(fold, from, size);
	if (!send_held(bio, fold, &result))
		return result;
	if (fold->folds && (size_t)size <= RECORD_FOLD_BYTES)
		return hold(fold, from, size);
	result = BIO_write(BIO_next(bio), from, size);
	BIO_copy_next_retry(bio);
	return result;
}

static int fold_read(BIO *bio, char *to, int size)
{
	int result = BIO_read(BIO_next(bio), to, size);

	BIO_copy_next_retry(bio);
	return result;
}

static long fold_control(BIO *bio, int command, long number, void *pointer)
{
	struct fold *fold = BIO_get_data(bio);
	long result;
	int why;

	if (command == BIO_CTRL_DUP || !BIO_next(bio))
		return 0;
	if (command == BIO_CTRL_FLUSH && !send_held(bio, fold, &why))
		return why;
	result = BIO_ctrl(BIO_next(bio), command, number, pointer);
	if (command == BIO_CTRL_WPENDING)
		result += (long)(fold->end - fold->begin);
	return result;
}

static int fold_free(BIO *bio)
{
	struct fold *fold = BIO_get_data(bio);

	if (fold)
		drop_piece(fold);
	free(fold);
	BIO_set_data(bio, NULL);
	return 1;
}

/* --- its kind --------------------------------------------------------------------------------- */

/* Like OpenSSL's own kinds it is there once, and for as long as the program: BIOs of it may be
 * freed at any time. */
static struct {
	pthread_once_t once;
	BIO_METHOD *method;
	int type;
} kind = {.once = PTHREAD_ONCE_INIT};

static void make_kind(void)
{
	kind.type = BIO_get_new_index() | BIO_TYPE_FILTER;
	kind.method = BIO_meth_new(kind.type, "records folded");
	if (kind.method && (!BIO_meth_set_write(kind.method, fold_write) ||
				   !BIO_meth_set_read(kind.method, fold_read) ||
				   !BIO_meth_set_ctrl(kind.method, fold_control) ||
				   !BIO_meth_set_destroy(kind.method, fold_free))) {
		BIO_meth_free(kind.method);
		kind.method = NULL;
	}
}

static struct fold *fold_of(const SSL *ssl)
{
	BIO *bio = SSL_get_wbio(ssl);

	(void)pthread_once(&kind.once, make_kind);
	return bio && BIO_method_type(bio) == kind.type ? BIO_get_data(bio) : NULL;
}

/* Puts one before the socket. NULL when memory is short. */
static struct fold *put_between(SSL *ssl)
{
	BIO *socket = SSL_get_wbio(ssl), *bio = kind.method ? BIO_new(kind.method) : NULL;
	struct fold *fold = bio ? calloc(1, sizeof(*fold)) : NULL;

	if (!fold || BIO_up_ref(socket) != 1) {
		free(fold);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, fold);
	BIO_set_init(bio, 1);
	SSL_set0_wbio(ssl, BIO_push(bio, socket)); /* which gives back its own hold of the socket */
	return fold;
}

int record_fold_begin(SSL *ssl)
{
	struct fold *fold = fold_of(ssl);
	char *piece;

	if (fold && fold->piece) {
		fold->folds = true;
		return 0;
	}
	piece = malloc(RECORD_FOLD_BYTES);
	if (!piece)
		return -ENOMEM;
	if (!fold)
		fold = put_between(ssl);
	if (!fold) {
		free(piece);
		return -ENOMEM;
	}
	fold->piece = piece;
	fold->folds = true;
	return 0;
}

void record_fold_end(SSL *ssl)
{
	struct fold *fold = fold_of(ssl);

	if (!fold)
		return;
	fold->folds = false;
	if (fold->begin == fold->end)
		drop_piece(fold);
}

size_t record_fold_held(const SSL *ssl)
{
	const struct fold *fold = fold_of(ssl);

	return fold ? fold->end - fold->begin : 0;
}
