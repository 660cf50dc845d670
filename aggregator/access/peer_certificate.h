/* The certificate that a client showed in its handshake: whether an authority stands behind it, and
 * whose it is. Verified after the handshake, which takes any. */
#ifndef ACCESS_PEER_CERTIFICATE_H
#define ACCESS_PEER_CERTIFICATE_H

#include "aggregator/access/ca_bundle.h"
#include "aggregator/kube/user.h"
#include "base/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* After that many seconds a certificate that was not good is looked at again: it may not have been
 * valid yet. */
#define PEER_CERTIFICATE_RETRY_S 10

/* What was found out by one bundle. Zero it for a new connection. */
struct peer_verdict {
	uint64_t generation; /* of the bundle */
	time_t from, until;  /* when it was looked at, and when that must be done again */
	const char *fault;   /* NULL: good */
};

/* NULL when the client showed none. It belongs to `tls`. */
X509 *peer_certificate(SSL *tls);

/* NULL when an authority of the bundle, which is not empty, vouches for the certificate as a
 * client's: each one of the chain is valid `now`, and has no extended key usage or one for clients.
 * Otherwise why not (static text). `verdict` is the connection's for this bundle: nothing is
 * verified twice until the bundle is another or a certificate has expired. */
const char *peer_certificate_verify(
	SSL *tls, const struct ca_bundle *bundle, struct peer_verdict *verdict, time_t now);

/* The last common name in the subject, which may be "". NULL for one with a NUL in it, or that is
 * no text, or when memory is short. free() it. */
char *peer_certificate_name(const X509 *certificate);

/* Common name = name, organizations = groups, and the fingerprint as extra. 0; -ENOENT without a
 * name; -EINVAL (a NUL in a name or organization), -E2BIG or -ENOMEM; with a message. user_free()
 * what is returned. */
int peer_certificate_user(X509 *certificate, struct user *ret_user, struct error *err);

#endif
