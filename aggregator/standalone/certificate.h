/* The certificate that a standalone aggregator serves with: made here, for this machine alone.
 *
 * A CA signs one serving certificate and its key is forgotten at once, never written: nobody can
 * make a second certificate that trusts to it. The price: a renewal makes a new CA, and clients
 * need the new ca.crt. Both are renewed at a start with less than 30 days left. */
#ifndef STANDALONE_CERTIFICATE_H
#define STANDALONE_CERTIFICATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CERTIFICATE_VALID_DAYS 365
#define CERTIFICATE_RENEW_DAYS 30

struct certificate_files {
	char ca_file[4096]; /* PEM, 0644: what a client trusts */
	char cert_file[4096];
	char key_file[4096]; /* 0600 */
	bool made;           /* false: what was there is still good */
};

/* Sees to it that `directory` (made with mode 0700 where there is none) holds ca.crt, tls.crt and
 * tls.key for localhost, 127.0.0.1, ::1 and `host` (NULL: this machine's name; one that can't
 * stand in a certificate is left out). What is there is kept when key, CA and names fit, nobody
 * else can read the key, and 30 days are left. `valid_days` is CERTIFICATE_VALID_DAYS but in
 * tests. Two processes may do this at once. 0 or -errno. Blocks on the disk. */
int certificate_ensure(const char *directory, const char *host, uint32_t valid_days,
	struct certificate_files *ret_files, struct error *err);

#endif
