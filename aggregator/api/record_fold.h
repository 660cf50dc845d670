/* Several TLS records in one write(2): a long answer is thousands of records of 16 KiB, and to hand
 * the kernel each one by itself costs more than to encrypt it.
 *
 * A BIO between an SSL and its socket. While it folds, records are held until there is a piece of
 * them; then they go to the socket, and what that does not take makes SSL_write() fail as the
 * socket itself does: whoever waits for a socket that can be written to need not know of it. While
 * it does not fold, what is held goes before what comes, and nothing is held behind a write that
 * has succeeded.
 *
 * One thread at a time, the SSL's. */
#ifndef API_RECORD_FOLD_H
#define API_RECORD_FOLD_H

#include <openssl/types.h>
#include <stddef.h>

/* Four records of 16 KiB and what else stands around a page; what is held at most. */
#define RECORD_FOLD_BYTES (66U * 1024)

/* Begins to fold. The BIO stays with the SSL and is freed with it; its piece of memory is there
 * from here until the fold has ended and nothing is held. 0; -ENOMEM: nothing is changed. */
int record_fold_begin(SSL *ssl);

/* Folds no more: call it before the last write of an answer, which takes with it what is held. An
 * SSL that does not fold is fine. */
void record_fold_end(SSL *ssl);

/* How many bytes are held. */
size_t record_fold_held(const SSL *ssl);

#endif
