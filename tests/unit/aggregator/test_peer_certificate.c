/* aggregator/access/peer_certificate and ca_bundle: which certificate is believed, over a real
 * handshake that takes any. */
#include "aggregator/access/peer_certificate.h"

#include "aggregator/access/ca_bundle.h"
#include "aggregator/api/tls_context.h"
#include "base/buffer.h"
#include "base/tls_pem.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY_S 86400L

/* --- a handshake in memory -------------------------------------------------------------------- */

struct meeting {
	SSL_CTX *server_context, *client_context;
	SSL *server, *client;
};

static SSL_CTX *server_context(void)
{
	struct scratch *scratch = scratch_new();
	struct pki *pki = pki_new("serving");
	struct pki_pair pair = pki_issue(pki, "DNS:x", 3600);
	struct error err;
	SSL_CTX *context = tls_context_new(scratch_write(scratch, "cert", pair.cert),
		scratch_write(scratch, "key", pair.key), TLS1_2_VERSION, &err);

	assert_non_null(context);
	pki_pair_free(&pair);
	pki_free(pki);
	scratch_free(scratch);
	return context;
}

/* `certificate` may be NULL. */
static struct meeting meet(const char *certificate, const char *key, int version)
{
	struct meeting meeting = {server_context(), SSL_CTX_new(TLS_client_method()), NULL, NULL};
	BIO *one, *other;

	if (certificate)
		assert_int_equal(tls_pem_own(meeting.client_context, certificate, key, NULL), 0);
	assert_int_equal(SSL_CTX_set_max_proto_version(meeting.client_context, version), 1);
	meeting.server = SSL_new(meeting.server_context);
	meeting.client = SSL_new(meeting.client_context);
	assert_int_equal(BIO_new_bio_pair(&one, 0, &other, 0), 1);
	SSL_set_bio(meeting.server, one, one);
	SSL_set_bio(meeting.client, other, other);
	SSL_set_accept_state(meeting.server);
	SSL_set_connect_state(meeting.client);
	for (int i = 0;
		i < 20 && SSL_do_handshake(meeting.client) + SSL_do_handshake(meeting.server) < 2;
		i++)
		;
	assert_true(SSL_is_init_finished(meeting.server));
	return meeting;
}

static void part(struct meeting *meeting)
{
	SSL_free(meeting->server);
	SSL_free(meeting->client);
	SSL_CTX_free(meeting->server_context);
	SSL_CTX_free(meeting->client_context);
}

static struct ca_bundle *bundle_of(const char *pem)
{
	struct ca_bundle *bundle = ca_bundle_new();
	struct error err;

	assert_non_null(bundle);
	if (ca_bundle_set(bundle, pem, &err) != 1)
		fail_msg("%s", err.message);
	return bundle;
}

static char *joined(const char *a, const char *b)
{
	struct buffer both = {0};

	buffer_append_string(&both, a);
	buffer_append_string(&both, b);
	assert_non_null(buffer_terminate(&both));
	return both.data;
}

/* What is said of it by a bundle, for the first time. */
static const char *verdict_of(SSL *tls, const struct ca_bundle *bundle, time_t now)
{
	struct peer_verdict verdict = {0};

	return peer_certificate_verify(tls, bundle, &verdict, now);
}

static void certificates_are_believed_as_go_does(void **state)
{
	static const struct {
		struct pki_client client;
		bool other_authority;
		long when; /* from now */
		const char *fault;
	} CASES[] = {
		{{.common_name = "a"}, false, 0, NULL},
		{{.common_name = "a"}, true, 0, "unable to get local issuer certificate"},
		{{.common_name = "a", .usage = "clientAuth"}, false, 0, NULL},
		{{.common_name = "a", .usage = "serverAuth,clientAuth"}, false, 0, NULL},
		{{.common_name = "a", .usage = "anyExtendedKeyUsage"}, false, 0, NULL},
		{{.common_name = "a", .usage = "serverAuth"}, false, 0,
			"its extended key usage is not for clients"},
		{{.common_name = "a", .seconds = -1}, false, 0, "certificate has expired"},
		{{.common_name = "a"}, false, DAY_S, "certificate has expired"},
		{{.common_name = "a", .from_seconds = 1800, .seconds = 3600}, false, 0,
			"certificate is not yet valid"},
		{{.common_name = "a", .from_seconds = 1800, .seconds = 3000}, false, 2000, NULL},
	};
	struct pki *pki = pki_new("clients"), *other = pki_new("clients");
	struct ca_bundle *bundle = bundle_of(pki_ca(pki));

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct pki_pair pair =
			pki_issue_client(CASES[i].other_authority ? other : pki, &CASES[i].client);
		struct meeting meeting =
			meet(pair.cert, pair.key, i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		const char *fault = verdict_of(meeting.server, bundle, time(NULL) + CASES[i].when);

		assert_non_null(peer_certificate(meeting.server));
		if (!CASES[i].fault != !fault || (fault && strcmp(fault, CASES[i].fault) != 0))
			fail_msg("case %zu: %s", i, fault);
		part(&meeting);
		pki_pair_free(&pair);
	}
	ca_bundle_free(bundle);
	pki_free(pki);
	pki_free(other);
}

static void none_is_none(void **state)
{
	struct meeting meeting = meet(NULL, NULL, TLS1_3_VERSION);

	(void)state;
	assert_null(peer_certificate(meeting.server));
	part(&meeting);
}

static void a_bundle_is_all_of_its_certificates(void **state)
{
	struct pki *root = pki_new("root"), *middle = pki_new_below(root, "middle"),
		   *third = pki_new("third");
	const struct pki_client client = {.common_name = "a"};
	struct pki_pair below = pki_issue_client(middle, &client),
			beside = pki_issue_client(third, &client);
	char *chain = joined(below.cert, pki_ca(middle)),
	     *two = joined(pki_ca(root), pki_ca(third)), *noisy = joined("# text\n", pki_ca(third)),
	     *reversed = joined(pki_ca(third), pki_ca(root));
	struct ca_bundle *of_root = bundle_of(pki_ca(root)), *of_middle = bundle_of(pki_ca(middle)),
			 *of_two = bundle_of(two), *of_noisy = bundle_of(noisy),
			 *of_reversed = bundle_of(reversed);
	struct meeting with_chain = meet(chain, below.key, TLS1_3_VERSION),
		       alone = meet(below.cert, below.key, TLS1_3_VERSION),
		       last = meet(beside.cert, beside.key, TLS1_3_VERSION);
	time_t now = time(NULL);

	(void)state;
	assert_null(verdict_of(with_chain.server, of_root, now));
	assert_null(verdict_of(with_chain.server, of_middle, now)); /* as in Go */
	assert_null(verdict_of(alone.server, of_middle, now));
	assert_non_null(verdict_of(alone.server, of_root, now));
	assert_null(verdict_of(last.server, of_two, now));
	assert_null(verdict_of(last.server, of_reversed, now));
	assert_null(verdict_of(with_chain.server, of_two, now));
	assert_null(verdict_of(last.server, of_noisy, now));
	assert_non_null(verdict_of(with_chain.server, of_noisy, now));
	part(&with_chain);
	part(&alone);
	part(&last);
	ca_bundle_free(of_root);
	ca_bundle_free(of_middle);
	ca_bundle_free(of_two);
	ca_bundle_free(of_noisy);
	ca_bundle_free(of_reversed);
	free(chain);
	free(two);
	free(noisy);
	free(reversed);
	pki_pair_free(&below);
	pki_pair_free(&beside);
	pki_free(root);
	pki_free(middle);
	pki_free(third);
}

/* As while a CA is replaced by one of its name. */
static void of_two_authorities_of_one_name_each_is_tried(void **state)
{
	struct pki *old = pki_new("front-proxy-ca"), *new = pki_new("front-proxy-ca");
	const struct pki_client client = {.common_name = "a"};
	struct pki_pair by_old = pki_issue_client(old, &client),
			by_new = pki_issue_client(new, &client);
	char *both = joined(pki_ca(old), pki_ca(new));
	struct ca_bundle *bundle = bundle_of(both);
	struct meeting one = meet(by_old.cert, by_old.key, TLS1_3_VERSION),
		       other = meet(by_new.cert, by_new.key, TLS1_3_VERSION);

	(void)state;
	assert_null(verdict_of(one.server, bundle, time(NULL)));
	assert_null(verdict_of(other.server, bundle, time(NULL)));
	part(&one);
	part(&other);
	ca_bundle_free(bundle);
	free(both);
	pki_pair_free(&by_old);
	pki_pair_free(&by_new);
	pki_free(old);
	pki_free(new);
}

static void a_bad_bundle_changes_nothing(void **state)
{
	struct pki *pki = pki_new("one"), *other = pki_new("other");
	struct ca_bundle *bundle = bundle_of(pki_ca(pki));
	uint64_t generation = ca_bundle_generation(bundle);
	X509_STORE *store = ca_bundle_store(bundle);
	char *broken = joined(pki_ca(other), pki_ca(pki)), *large = malloc(CA_BUNDLE_MAX_BYTES + 2);
	struct error err;

	(void)state;
	assert_non_null(large);
	strstr(broken + strlen(pki_ca(other)), "\n")[5] = '!'; /* within the second */
	assert_int_equal(ca_bundle_set(bundle, broken, &err), -EINVAL);
	assert_int_equal(strncmp(err.message, "certificate 2 of the bundle: ", 29), 0);
	assert_int_equal(ca_bundle_set(bundle, "nothing", &err), -EINVAL);
	assert_string_equal(err.message, "no certificate is in the CA bundle");
	memset(large, 'x', CA_BUNDLE_MAX_BYTES + 1);
	large[CA_BUNDLE_MAX_BYTES + 1] = '\0';
	assert_int_equal(ca_bundle_set(bundle, large, &err), -E2BIG);
	large[CA_BUNDLE_MAX_BYTES] = '\0';
	assert_int_equal(ca_bundle_set(bundle, large, &err), -EINVAL);
	assert_int_equal(ca_bundle_set(bundle, pki_ca(pki), &err), 0); /* the same */
	assert_true(ca_bundle_generation(bundle) == generation);
	assert_ptr_equal(ca_bundle_store(bundle), store);
	assert_int_equal(ca_bundle_set(bundle, NULL, &err), 1);
	assert_null(ca_bundle_store(bundle));
	assert_true(ca_bundle_generation(bundle) != generation);
	free(broken);
	free(large);
	ca_bundle_free(bundle);
	pki_free(pki);
	pki_free(other);
}

static void the_number_of_authorities_is_bounded(void **state)
{
	struct pki *pki = pki_new("one");
	struct ca_bundle *bundle = ca_bundle_new();
	struct buffer many = {0};
	struct error err;

	(void)state;
	for (int i = 0; i < CA_BUNDLE_MAX_CERTIFICATES; i++)
		buffer_append_string(&many, pki_ca(pki));
	assert_int_equal(ca_bundle_set(bundle, buffer_terminate(&many), &err), 1);
	buffer_append_string(&many, pki_ca(pki));
	assert_int_equal(ca_bundle_set(bundle, buffer_terminate(&many), &err), -E2BIG);
	buffer_free(&many);
	ca_bundle_free(bundle);
	pki_free(pki);
}

static void a_verdict_is_kept_until_something_changes(void **state)
{
	struct pki *pki = pki_new("one"), *other = pki_new("other");
	const struct pki_client client = {
		.common_name = "a", .from_seconds = -100, .seconds = 1000};
	struct pki_pair pair = pki_issue_client(pki, &client);
	struct ca_bundle *bundle = bundle_of(pki_ca(pki));
	struct meeting meeting = meet(pair.cert, pair.key, TLS1_3_VERSION);
	struct peer_verdict verdict = {0};
	time_t now = time(NULL);
	struct error err;

	(void)state;
	assert_null(peer_certificate_verify(meeting.server, bundle, &verdict, now));
	assert_true(verdict.until > now + 900 && verdict.until <= now + 1001);
	verdict.fault = "kept";
	assert_string_equal(
		peer_certificate_verify(meeting.server, bundle, &verdict, now + 900), "kept");
	/* it expires on the living connection */
	assert_string_equal(peer_certificate_verify(meeting.server, bundle, &verdict, now + 1002),
		"certificate has expired");
	/* a clock that goes back */
	assert_null(peer_certificate_verify(meeting.server, bundle, &verdict, now));
	assert_string_equal(peer_certificate_verify(meeting.server, bundle, &verdict, now - 200),
		"certificate is not yet valid");
	/* a fault is looked at again */
	verdict.fault = "kept";
	assert_string_equal(peer_certificate_verify(meeting.server, bundle, &verdict,
				    now - 200 + PEER_CERTIFICATE_RETRY_S - 1),
		"kept");
	assert_string_equal(peer_certificate_verify(meeting.server, bundle, &verdict,
				    now - 200 + PEER_CERTIFICATE_RETRY_S),
		"certificate is not yet valid");
	assert_null(peer_certificate_verify(meeting.server, bundle, &verdict, now));
	/* another authority */
	assert_int_equal(ca_bundle_set(bundle, pki_ca(other), &err), 1);
	assert_non_null(peer_certificate_verify(meeting.server, bundle, &verdict, now));
	assert_int_equal(ca_bundle_set(bundle, pki_ca(pki), &err), 1);
	assert_null(peer_certificate_verify(meeting.server, bundle, &verdict, now));
	part(&meeting);
	pki_pair_free(&pair);
	ca_bundle_free(bundle);
	pki_free(pki);
	pki_free(other);
}

static void the_subject_is_the_user(void **state)
{
	static const struct {
		struct pki_client client;
		int result;
		const char *groups[4];
	} CASES[] = {
		{{.common_name = "alice"}, 0, {NULL}},
		{{.common_name = "alice", .organizations = {"dev", "system:masters"}}, 0,
			{"dev", "system:masters"}},
		{{.common_name = NULL, .organizations = {"dev"}}, -ENOENT, {NULL}},
		{{.common_name = "alice\0x", .common_name_size = 7}, -EINVAL, {NULL}},
	};
	struct pki *pki = pki_new("one");

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct pki_pair pair = pki_issue_client(pki, &CASES[i].client);
		struct meeting meeting = meet(pair.cert, pair.key, TLS1_3_VERSION);
		struct user user = {0};
		struct error err;
		const char *id;

		assert_int_equal(
			peer_certificate_user(peer_certificate(meeting.server), &user, &err),
			CASES[i].result);
		if (CASES[i].result == 0) {
			assert_string_equal(user.name, "alice");
			for (size_t j = 0; j < 4 && CASES[i].groups[j]; j++)
				assert_string_equal(user.groups[j], CASES[i].groups[j]);
			id = user_extra_value(&user, "authentication.kubernetes.io/credential-id");
			assert_int_equal(strlen(id), strlen("X509SHA256=") + 64);
		}
		user_free(&user);
		part(&meeting);
		pki_pair_free(&pair);
	}
	pki_free(pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_believed_as_go_does),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(a_bundle_is_all_of_its_certificates),
		cmocka_unit_test(of_two_authorities_of_one_name_each_is_tried),
		cmocka_unit_test(a_bad_bundle_changes_nothing),
		cmocka_unit_test(the_number_of_authorities_is_bounded),
		cmocka_unit_test(a_verdict_is_kept_until_something_changes),
		cmocka_unit_test(the_subject_is_the_user),
	};

	return cmocka_run_group_tests_name("peer_certificate", tests, NULL, NULL);
}
