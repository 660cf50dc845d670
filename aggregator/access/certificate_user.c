#include "aggregator/access/certificate_user.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* The next one may believe it: 0, or an error that is the answer if none does. */
static int not_believed(X509 *certificate, const char *who, const char *fault, struct error *err)
{
	char *name = peer_certificate_name(certificate);
	int r = error_set(err, EACCES, "the certificate of \"%.100s\" is not %s: %s",
		name ? name : "", who, fault);

	free(name);
	return r;
}

/* As all below: 1, 0, or -errno. */
static int by_front_proxy(const struct trust_snapshot *trust, SSL *tls,
	struct certificate_verdicts *verdicts, const struct evkeyvalq *headers,
	struct user *ret_user, struct error *err)
{
	const struct ca_bundle *bundle = trust_snapshot_proxy_ca(trust);
	struct front_proxy_names names = trust_snapshot_proxy_headers(trust);
	X509 *certificate = peer_certificate(tls);
	const char *fault;
	int r;

	if (!ca_bundle_store(bundle))
		return 0;
	fault = peer_certificate_verify(tls, bundle, &verdicts->proxy, time(NULL));
	if (fault)
		return not_believed(certificate, "a front proxy's", fault, err);
	if (!verdicts->name)
		verdicts->name = peer_certificate_name(certificate);
	if (!verdicts->name || !trust_snapshot_allows_proxy(trust, verdicts->name))
		return not_believed(certificate, "a front proxy's", "its name is not allowed", err);
	r = front_proxy_user(&names, headers, ret_user, err);
	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

static int by_subject(const struct trust_snapshot *trust, SSL *tls, struct peer_verdict *verdict,
	struct user *ret_user, struct error *err)
{
	const struct ca_bundle *bundle = trust_snapshot_client_ca(trust);
	const char *fault;
	int r;

	if (!ca_bundle_store(bundle))
		return 0;
	fault = peer_certificate_verify(tls, bundle, verdict, time(NULL));
	if (fault)
		return not_believed(peer_certificate(tls), "a client's", fault, err);
	r = peer_certificate_user(peer_certificate(tls), ret_user, err);
	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

int certificate_user(const struct trust_snapshot *trust, SSL *tls,
	struct certificate_verdicts *verdicts, const struct evkeyvalq *headers,
	struct user *ret_user, bool *ret_front_proxy, struct error *err)
{
	struct error second;
	int first, r;

	if (!peer_certificate(tls))
		return 0;
	if (!trust_snapshot_loaded(trust))
		return error_set(err, EACCES, "it is not known yet whose certificates to believe");
	first = by_front_proxy(trust, tls, verdicts, headers, ret_user, err);
	if (first > 0) {
		*ret_front_proxy = true;
		return 1;
	}
	r = by_subject(trust, tls, &verdicts->client, ret_user, &second);
	if (r > 0) {
		*ret_front_proxy = false;
		return 1;
	}
	if (r < 0 && first < 0) {
		struct error both = *err;

		return error_set(err, -r, "%.240s; %.240s", both.message, second.message);
	}
	return r < 0 ? error_set(err, -r, "%s", second.message) : first;
}
