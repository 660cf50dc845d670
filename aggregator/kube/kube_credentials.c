#include "aggregator/kube/kube_credentials.h"

#include "aggregator/kube/exec_credential.h"
#include "base/clock.h"
#include "base/followed_file.h"
#include "base/log.h"
#include "base/tls_pem.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_PERIOD_NS  (60 * NS_PER_SECOND) /* client-go's transport.NewCachedFileTokenSource */
#define LOG_PERIOD_NS    (60 * NS_PER_SECOND)
#define PLUGIN_PERIOD_NS (10 * NS_PER_SECOND) /* a program is run so often at most */
#define PLUGIN_EARLY_MS  10000                /* before its credential ends */

struct kube_credentials {
	struct followed_file token_file, ca_file, cert_file, key_file;
	const struct kube_config *plugin; /* whose program gives the credential; NULL = none */
	int64_t plugin_expires_ms;
	uint64_t plugin_run_ns;
	bool plugin_token, plugin_pair; /* what it gave */
	struct error plugin_failure;    /* of its last run; "" = it went well */
	char *token, *ca, *cert, *key;  /* in use; NULL = none */
	unsigned token_revision;
	uint64_t token_read_ns;
	struct log_limit token_log, ca_log, pair_log;
	struct telemetry_series *token_reread, *ca_reread, *pair_reread;
	struct telemetry_series *token_bad, *ca_bad, *pair_bad;
};

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static int replace(char **text, const char *with, struct error *err)
{
	char *copy = strdup(with);

	if (!copy)
		return error_errno(err, ENOMEM, "keeping a credential");
	wipe(*text);
	*text = copy;
	return 0;
}

/* --- what may be used ------------------------------------------------------------------------- */

/* Takes the token without blanks around it. It goes into a header: a line end in it would be
 * another header. */
static int use_token(struct kube_credentials *credentials, const char *text, struct error *err)
{
	size_t before = strspn(text, " \t\r\n"), length = strlen(text + before);
	char *token;

	while (length > 0 && strchr(" \t\r\n", text[before + length - 1]))
		length--;
	if (length == 0)
		return error_set(err, EINVAL, "it is empty");
	for (size_t i = 0; i < length; i++)
		if (text[before + i] <= ' ' || text[before + i] > '~')
			return error_set(
				err, EINVAL, "character %zu is a blank or not ASCII", i + 1);
	token = strndup(text + before, length);
	if (!token)
		return error_errno(err, ENOMEM, "keeping it");
	if (credentials->token && strcmp(credentials->token, token) == 0) {
		wipe(token);
		return 0;
	}
	wipe(credentials->token);
	credentials->token = token;
	credentials->token_revision++;
	return 0;
}

static int use_ca(struct kube_credentials *credentials, const char *pem, struct error *err)
{
	SSL_CTX *scratch = SSL_CTX_new(TLS_client_method());
	int r = scratch ? tls_pem_trust(scratch, pem, NULL) : -ENOMEM;

	SSL_CTX_free(scratch);
	if (r < 0)
		return error_set(err, -r, "there is no certificate in it");
	return replace(&credentials->ca, pem, err);
}

static int use_pair(
	struct kube_credentials *credentials, const char *cert, const char *key, struct error *err)
{
	SSL_CTX *scratch = SSL_CTX_new(TLS_client_method());
	int r = scratch ? tls_pem_own(scratch, cert, key, NULL) : -ENOMEM;

	SSL_CTX_free(scratch);
	if (r == -EKEYREJECTED)
		return error_set(err, EKEYREJECTED, "certificate and key don't belong together");
	if (r < 0)
		return error_set(err, -r, "certificate or key is not there");
	r = replace(&credentials->cert, cert, err);
	return r < 0 ? r : replace(&credentials->key, key, err);
}

/* --- at the start ----------------------------------------------------------------------------- */

/* `pem` or, when that is NULL, the file, which may be NULL too. */
static int start_text(const char *path, const char *pem, size_t max, struct followed_file *file,
	const char **ret_text, struct error *err)
{
	int r;

	*ret_text = pem;
	if (pem || !path)
		return 0;
	r = followed_file_open(file, path, max, err);
	*ret_text = file->text;
	return r;
}

static int start_token(
	struct kube_credentials *credentials, const struct kube_config *config, struct error *err)
{
	const char *text;
	int r = start_text(config->token_file, config->token_file ? NULL : config->token,
		KUBE_TOKEN_MAX_BYTES, &credentials->token_file, &text, err);

	if (r < 0 || !text)
		return r;
	r = use_token(credentials, text, err);
	credentials->token_read_ns = clock_monotonic_ns();
	return r < 0 ? error_context(err, r, "the token %s",
			       config->token_file ? config->token_file : "of the kubeconfig")
		     : 0;
}

static int start_ca(
	struct kube_credentials *credentials, const struct kube_config *config, struct error *err)
{
	const char *pem;
	int r = start_text(config->ca_file, config->ca_pem, KUBE_PEM_MAX_BYTES,
		&credentials->ca_file, &pem, err);

	if (r < 0 || !pem)
		return r;
	r = use_ca(credentials, pem, err);
	return r < 0 ? error_context(err, r, "the CA %s",
			       config->ca_file ? config->ca_file : "of the kubeconfig")
		     : 0;
}

static int start_pair(
	struct kube_credentials *credentials, const struct kube_config *config, struct error *err)
{
	const char *cert = NULL, *key = NULL;
	int r = start_text(config->cert_file, config->cert_pem, KUBE_PEM_MAX_BYTES,
		&credentials->cert_file, &cert, err);

	if (r == 0)
		r = start_text(config->key_file, config->key_pem, KUBE_PEM_MAX_BYTES,
			&credentials->key_file, &key, err);
	if (r < 0 || (!cert && !key))
		return r;
	if (!cert || !key)
		return error_set(
			err, EINVAL, "a client certificate without its key or a key alone");
	r = use_pair(credentials, cert, key, err);
	return r < 0 ? error_context(err, r, "the client certificate %s",
			       config->cert_file ? config->cert_file : "of the kubeconfig")
		     : 0;
}

/* What it gave the last time and now does not. */
static void forget_unless_given(
	struct kube_credentials *credentials, const struct exec_credential *credential)
{
	if (credentials->plugin_token && !credential->token) {
		wipe(credentials->token);
		credentials->token = NULL;
		credentials->token_revision++;
	}
	if (credentials->plugin_pair && !credential->cert) {
		wipe(credentials->cert);
		wipe(credentials->key);
		credentials->cert = credentials->key = NULL;
	}
	credentials->plugin_token = credential->token;
	credentials->plugin_pair = credential->cert;
}

/* What the program says is in place of what it said before. */
static int use_answer(struct kube_credentials *credentials,
	const struct exec_credential *credential, struct error *err)
{
	int r = 0;

	if (credential->token)
		r = use_token(credentials, credential->token, err);
	if (r == 0 && credential->cert)
		r = use_pair(credentials, credential->cert, credential->key, err);
	if (r < 0)
		return error_context(err, r, "the credential of the kubeconfig's program");
	forget_unless_given(credentials, credential);
	credentials->plugin_expires_ms = credential->expires_ms;
	return 0;
}

static int run_plugin(
	struct kube_credentials *credentials, enum exec_attendance attendance, struct error *err)
{
	struct exec_credential credential = {0};
	int r = exec_credential_get(credentials->plugin, attendance, &credential, err);

	credentials->plugin_run_ns = clock_monotonic_ns();
	if (r == 0)
		r = use_answer(credentials, &credential, err);
	exec_credential_free(&credential);
	credentials->plugin_failure = r < 0 ? *err : (struct error){{0}};
	return r;
}

static int start_plugin(
	struct kube_credentials *credentials, const struct kube_config *config, struct error *err)
{
	if (!config->exec)
		return 0;
	credentials->plugin = config;
	return run_plugin(credentials, isatty(STDIN_FILENO) ? EXEC_ATTENDED : EXEC_WATCHED, err);
}

static void count_in(struct kube_credentials *credentials, struct telemetry *telemetry)
{
	static const char REREAD[] = "tacho_aggregator_kube_credentials_reread_total";
	static const char BAD[] = "tacho_aggregator_kube_credentials_bad_total";
	static const char REREAD_HELP[] =
		"New tokens, CAs and client certificates for kube-apiserver that were read";
	static const char BAD_HELP[] =
		"Files of credentials for kube-apiserver that could not be used when read again";

	credentials->token_reread =
		telemetry_counter(telemetry, REREAD, REREAD_HELP, "kind", "token");
	credentials->ca_reread = telemetry_counter(telemetry, REREAD, REREAD_HELP, "kind", "ca");
	credentials->pair_reread =
		telemetry_counter(telemetry, REREAD, REREAD_HELP, "kind", "certificate");
	credentials->token_bad = telemetry_counter(telemetry, BAD, BAD_HELP, "kind", "token");
	credentials->ca_bad = telemetry_counter(telemetry, BAD, BAD_HELP, "kind", "ca");
	credentials->pair_bad = telemetry_counter(telemetry, BAD, BAD_HELP, "kind", "certificate");
}

struct kube_credentials *kube_credentials_new(
	const struct kube_config *config, struct telemetry *telemetry, struct error *err)
{
	struct kube_credentials *credentials = calloc(1, sizeof(*credentials));

	if (!credentials) {
		(void)error_errno(err, ENOMEM, "keeping credentials");
		return NULL;
	}
	count_in(credentials, telemetry);
	if (start_token(credentials, config, err) < 0 || start_ca(credentials, config, err) < 0 ||
		start_pair(credentials, config, err) < 0 ||
		start_plugin(credentials, config, err) < 0) {
		kube_credentials_free(credentials);
		return NULL;
	}
	return credentials;
}

void kube_credentials_free(struct kube_credentials *credentials)
{
	if (!credentials)
		return;
	followed_file_close(&credentials->token_file);
	followed_file_close(&credentials->ca_file);
	followed_file_close(&credentials->cert_file);
	followed_file_close(&credentials->key_file);
	wipe(credentials->token);
	wipe(credentials->ca);
	wipe(credentials->cert);
	wipe(credentials->key);
	free(credentials);
}

/* --- later ------------------------------------------------------------------------------------ */

/* `r` of reading or using it: 1 or 0 is good, 1 is new. */
static void tell(int r, const char *what, const struct followed_file *file,
	struct telemetry_series *reread, struct telemetry_series *bad, struct log_limit *limit,
	const struct error *err)
{
	uint64_t held_back;

	if (r > 0) {
		telemetry_add(reread, 1);
		log_info("%s for kube-apiserver was read again: %s", what, file->path);
	}
	if (r >= 0)
		return;
	telemetry_add(bad, 1);
	if (log_allowed(limit, LOG_PERIOD_NS, &held_back))
		log_warn("%s for kube-apiserver (%s) can't be used, the last good one is kept: %s",
			what, file->path, err->message);
}

static void reread_token(struct kube_credentials *credentials, uint64_t now_ns)
{
	unsigned before = credentials->token_revision;
	struct error err;
	int r = followed_file_read(&credentials->token_file, &err);

	credentials->token_read_ns = now_ns;
	if (r >= 0)
		r = use_token(credentials, credentials->token_file.text, &err);
	if (r == 0 && credentials->token_revision != before)
		r = 1;
	tell(r, "the token", &credentials->token_file, credentials->token_reread,
		credentials->token_bad, &credentials->token_log, &err);
}

static void reread_ca(struct kube_credentials *credentials)
{
	struct error err;
	int r = followed_file_read(&credentials->ca_file, &err);

	if (r > 0)
		r = use_ca(credentials, credentials->ca_file.text, &err) < 0 ? -EINVAL : 1;
	tell(r, "the CA", &credentials->ca_file, credentials->ca_reread, credentials->ca_bad,
		&credentials->ca_log, &err);
}

/* The text of a file or, when it was given as PEM, what is in use. */
static int reread_half(
	struct followed_file *file, const char *in_use, const char **ret_text, struct error *err)
{
	int r = file->path ? followed_file_read(file, err) : 0;

	*ret_text = file->path ? file->text : in_use;
	return r;
}

/* Written one after the other, the two may not belong together for a moment. */
static void reread_pair(struct kube_credentials *credentials)
{
	const char *cert = NULL, *key = NULL;
	struct error err;
	int r = reread_half(&credentials->cert_file, credentials->cert, &cert, &err);
	int s = r < 0 ? r : reread_half(&credentials->key_file, credentials->key, &key, &err);

	if (s < 0)
		r = s;
	else if (r > 0 || s > 0)
		r = use_pair(credentials, cert, key, &err) < 0 ? -EINVAL : 1;
	tell(r, "the client certificate",
		credentials->cert_file.path ? &credentials->cert_file : &credentials->key_file,
		credentials->pair_reread, credentials->pair_bad, &credentials->pair_log, &err);
}

static bool plugin_ends(const struct kube_credentials *credentials)
{
	int64_t now_ms = (int64_t)(clock_realtime_ns() / NS_PER_MS);

	return now_ms > credentials->plugin_expires_ms - PLUGIN_EARLY_MS;
}

/* Not at each request, if it goes on failing. */
static void rerun_plugin(struct kube_credentials *credentials, uint64_t now_ns)
{
	struct error err;
	uint64_t held_back;

	if (now_ns < credentials->plugin_run_ns + PLUGIN_PERIOD_NS)
		return;
	if (run_plugin(credentials, EXEC_ALONE, &err) == 0)
		return;
	telemetry_add(credentials->token_bad, 1);
	if (log_allowed(&credentials->token_log, LOG_PERIOD_NS, &held_back))
		log_warn("%s", err.message);
}

static bool changed(const struct followed_file *file)
{
	return file->path && followed_file_changed(file);
}

void kube_credentials_refresh(struct kube_credentials *credentials, uint64_t now_ns)
{
	if (credentials->token_file.path && now_ns - credentials->token_read_ns >= TOKEN_PERIOD_NS)
		reread_token(credentials, now_ns);
	if (credentials->plugin && plugin_ends(credentials))
		rerun_plugin(credentials, now_ns);
	if (changed(&credentials->ca_file))
		reread_ca(credentials);
	if (changed(&credentials->cert_file) || changed(&credentials->key_file))
		reread_pair(credentials);
}

bool kube_credentials_refused(struct kube_credentials *credentials, unsigned seen, uint64_t now_ns)
{
	if (credentials->token_revision == seen && credentials->token_file.path)
		reread_token(credentials, now_ns);
	if (credentials->token_revision == seen && credentials->plugin)
		rerun_plugin(credentials, now_ns);
	return credentials->token_revision != seen;
}

const char *kube_credentials_failure(const struct kube_credentials *credentials)
{
	return credentials->plugin_failure.message;
}

const char *kube_credentials_token(
	const struct kube_credentials *credentials, unsigned *ret_revision)
{
	*ret_revision = credentials->token_revision;
	return credentials->token;
}

const char *kube_credentials_ca(const struct kube_credentials *credentials)
{
	return credentials->ca;
}

const char *kube_credentials_cert(const struct kube_credentials *credentials)
{
	return credentials->cert;
}

const char *kube_credentials_key(const struct kube_credentials *credentials)
{
	return credentials->key;
}
