#include "aggregator/standalone/certificate.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECONDS_PER_DAY 86400
#define BACKDATED       3600 /* seconds: for clients whose clock is behind */
#define MAX_PEM         65536
#define SERIAL_BITS     127 /* positive, and more than the 64 random bits of RFC 5280's practice */

/* --- making ----------------------------------------------------------------------------------- */

struct pair {
	X509 *certificate;
	EVP_PKEY *key;
};

static void pair_free(struct pair *pair)
{
	X509_free(pair->certificate);
	EVP_PKEY_free(pair->key);
}

static int tls_failed(struct error *err, const char *what)
{
	char reason[256] = "no reason given";
	unsigned long code = ERR_get_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof(reason));
	ERR_clear_error();
	return error_set(err, EIO, "%s: %s", what, reason);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	int r;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509V3_set_ctx_nodb(&context);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	r = extension ? X509_add_ext(certificate, extension, -1) : 0;
	X509_EXTENSION_free(extension);
	return r == 1;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool done = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
		    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return done;
}

/* A certificate over a new P-256 key, with everything but its extensions. */
static bool begin(struct pair *pair, const char *name, uint32_t valid_days)
{
	X509_NAME *subject;

	pair->key = EVP_EC_gen("P-256");
	pair->certificate = X509_new();
	if (!pair->key || !pair->certificate)
		return false;
	subject = X509_get_subject_name(pair->certificate);
	return X509_set_version(pair->certificate, X509_VERSION_3) &&
	       set_serial(pair->certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(pair->certificate), -BACKDATED) &&
	       X509_gmtime_adj(
		       X509_getm_notAfter(pair->certificate), (long)valid_days * SECONDS_PER_DAY) &&
	       X509_set_pubkey(pair->certificate, pair->key) &&
	       X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static bool finish(struct pair *pair, const struct pair *issuer)
{
	return X509_set_issuer_name(
		       pair->certificate, X509_get_subject_name(issuer->certificate)) &&
	       X509_sign(pair->certificate, issuer->key, EVP_sha256());
}

static bool make_ca(struct pair *ca, uint32_t valid_days)
{
	return begin(ca, "tacho standalone CA", valid_days) &&
	       add_extension(ca->certificate, ca->certificate, NID_basic_constraints,
		       "critical,CA:TRUE,pathlen:0") &&
	       add_extension(
		       ca->certificate, ca->certificate, NID_key_usage, "critical,keyCertSign") &&
	       add_extension(
		       ca->certificate, ca->certificate, NID_subject_key_identifier, "hash") &&
	       finish(ca, ca);
}

static bool make_serving(
	struct pair *serving, const struct pair *ca, const char *host, uint32_t valid_days)
{
	char names[HOST_NAME_MAX + 512];

	(void)snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1%s%s",
		*host ? ",DNS:" : "", host);
	return begin(serving, "tacho-aggregator", valid_days) &&
	       add_extension(serving->certificate, ca->certificate, NID_basic_constraints,
		       "critical,CA:FALSE") &&
	       add_extension(serving->certificate, ca->certificate, NID_key_usage,
		       "critical,digitalSignature") &&
	       add_extension(
		       serving->certificate, ca->certificate, NID_ext_key_usage, "serverAuth") &&
	       add_extension(serving->certificate, ca->certificate, NID_subject_alt_name, names) &&
	       add_extension(serving->certificate, ca->certificate, NID_authority_key_identifier,
		       "keyid:always") &&
	       finish(serving, ca);
}

/* Writes `certificate`, or `key` when that is NULL, as PEM. */
static int write_pem(
	const char *path, mode_t mode, X509 *certificate, EVP_PKEY *key, struct error *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long size;
	int r;

	if (!bio)
		return tls_failed(err, "writing PEM");
	if (certificate)
		r = PEM_write_bio_X509(bio, certificate);
	else
		r = PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	size = BIO_get_mem_data(bio, &data);
	if (r != 1 || size <= 0)
		r = tls_failed(err, "writing PEM");
	else
		r = file_write(path, mode, data, (size_t)size, err);
	BIO_free(bio);
	return r;
}

static int make(const struct certificate_files *files, const char *host, uint32_t valid_days,
	struct error *err)
{
	struct pair ca = {NULL, NULL}, serving = {NULL, NULL};
	int r;

	if (!make_ca(&ca, valid_days) || !make_serving(&serving, &ca, host, valid_days)) {
		r = tls_failed(err, "making a certificate");
		goto out;
	}
	/* Should this end half way, the files don't fit together and the next start makes new ones.
	 */
	r = write_pem(files->key_file, 0600, NULL, serving.key, err);
	if (r == 0)
		r = write_pem(files->cert_file, 0644, serving.certificate, NULL, err);
	if (r == 0)
		r = write_pem(files->ca_file, 0644, ca.certificate, NULL, err);
out:
	pair_free(&serving);
	pair_free(&ca);
	return r;
}

/* --- keeping ---------------------------------------------------------------------------------- */

/* A BIO over the file's bytes, which `bytes` holds; NULL when it can't be read. */
static BIO *open_pem(const char *path, struct buffer *bytes)
{
	if (file_read(path, MAX_PEM, bytes, NULL) < 0 || bytes->length > INT_MAX)
		return NULL;
	return BIO_new_mem_buf(bytes->data, (int)bytes->length);
}

static X509 *read_certificate(const char *path)
{
	struct buffer bytes = {0};
	BIO *bio = open_pem(path, &bytes);
	X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	buffer_free(&bytes);
	return certificate;
}

/* NULL too when someone else than its owner can read the key: then it is no secret any more. */
static EVP_PKEY *read_key(const char *path)
{
	char no_passphrase[] = ""; /* else OpenSSL asks the terminal for one */
	struct buffer bytes = {0};
	struct stat status;
	EVP_PKEY *key = NULL;
	BIO *bio;

	if (stat(path, &status) < 0 || (status.st_mode & 077) != 0)
		return NULL;
	bio = open_pem(path, &bytes);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase);
	BIO_free(bio);
	buffer_free(&bytes);
	return key;
}

static bool lasts(const X509 *certificate)
{
	int days = 0, seconds = 0;

	return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
	       ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) &&
	       days >= CERTIFICATE_RENEW_DAYS;
}

static bool has_names(X509 *certificate, const char *host)
{
	return X509_check_host(certificate, "localhost", 0, 0, NULL) == 1 &&
	       X509_check_ip_asc(certificate, "127.0.0.1", 0) == 1 &&
	       X509_check_ip_asc(certificate, "::1", 0) == 1 &&
	       (!*host || X509_check_host(certificate, host, 0, 0, NULL) == 1);
}

static bool still_good(const struct certificate_files *files, const char *host)
{
	X509 *ca = read_certificate(files->ca_file);
	X509 *certificate = read_certificate(files->cert_file);
	EVP_PKEY *key = read_key(files->key_file);
	bool good = ca && certificate && key && lasts(ca) && lasts(certificate) &&
		    X509_check_ca(ca) == 1 && X509_verify(certificate, X509_get0_pubkey(ca)) == 1 &&
		    X509_check_private_key(certificate, key) == 1 && has_names(certificate, host);

	ERR_clear_error(); /* what did not fit is no error */
	EVP_PKEY_free(key);
	X509_free(certificate);
	X509_free(ca);
	return good;
}

/* --- both ------------------------------------------------------------------------------------- */

/* Writes `host`, or this machine's name, or "" when that is no DNS name. */
static void host_name(const char *host, char *out, size_t size)
{
	static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.";

	*out = '\0';
	if (host && strlen(host) < size)
		(void)snprintf(out, size, "%s", host);
	else if (!host && gethostname(out, size - 1) < 0)
		*out = '\0';
	out[size - 1] = '\0';
	if (out[strspn(out, ALLOWED)] || *out == '.' || *out == '-')
		*out = '\0';
}

static int name_file(char out[4096], const char *directory, const char *name, struct error *err)
{
	int length = snprintf(out, 4096, "%s/%s", directory, name);

	if (length < 0 || length >= 4096)
		return error_errno(err, ENAMETOOLONG, "naming %s in %.64s", name, directory);
	return 0;
}

int certificate_ensure(const char *directory, const char *host, uint32_t valid_days,
	struct certificate_files *ret_files, struct error *err)
{
	struct certificate_files files = {.made = false};
	char name[HOST_NAME_MAX + 1];
	int lock CLOSE_FD = -1;
	int r;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "making the certificate directory %s", directory);
	lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return error_errno(err, errno, "opening the certificate directory %s", directory);
	if (flock(lock, LOCK_EX) < 0)
		return error_errno(err, errno, "locking the certificate directory %s", directory);
	r = name_file(files.ca_file, directory, "ca.crt", err);
	if (r == 0)
		r = name_file(files.cert_file, directory, "tls.crt", err);
	if (r == 0)
		r = name_file(files.key_file, directory, "tls.key", err);
	if (r < 0)
		return r;
	host_name(host, name, sizeof(name));
	if (!still_good(&files, name)) {
		r = make(&files, name, valid_days, err);
		if (r < 0)
			return error_context(
				err, r, "making the serving certificate in %s", directory);
		files.made = true;
	}
	*ret_files = files;
	return 0;
}
