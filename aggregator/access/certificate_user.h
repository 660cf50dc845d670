/* Who asks, by the certificate of the connection: whom the front proxy names, if it is the front
 * proxy's, or else whom the certificate itself names. */
#ifndef ACCESS_CERTIFICATE_USER_H
#define ACCESS_CERTIFICATE_USER_H

#include "aggregator/access/peer_certificate.h"
#include "aggregator/access/trust_snapshot.h"
#include "aggregator/kube/user.h"
#include "base/error.h"

#include <event2/keyvalq_struct.h>
#include <openssl/types.h>
#include <stdbool.h>

/* Of a connection. Zero it for a new one. */
struct certificate_verdicts {
	struct peer_verdict proxy, client;
	char *name; /* in the certificate, once it was asked for; to be freed */
};

/* 1: *ret_user, to be freed, and whether the front proxy named them. 0: it says nobody (there is no
 * certificate, or nothing that it could be verified with). -EACCES and a message: there is one, and
 * it is not believed; -ENOMEM, -E2BIG, -EINVAL likewise. */
int certificate_user(const struct trust_snapshot *trust, SSL *tls,
	struct certificate_verdicts *verdicts, const struct evkeyvalq *headers,
	struct user *ret_user, bool *ret_front_proxy, struct error *err);

#endif
