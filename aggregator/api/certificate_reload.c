#include "aggregator/api/certificate_reload.h"

#include "aggregator/api/tls_context.h"
#include "base/file_watch.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct certificate_reload {
	char *cert_file, *key_file;
	int tls_min_version;
	struct file_watch *watch;
	struct event *look;
	pthread_mutex_t lock;
	SSL_CTX *tls; /* under the lock */
	bool unread;  /* they have changed, and could not be used yet */
	struct telemetry_series *reloads, *failures, *stale, *expires;
};

/* 0 when it can't be told. */
static uint64_t expiry_of(SSL_CTX *tls)
{
	const X509 *certificate = SSL_CTX_get0_certificate(tls);
	struct tm end;
	time_t at;

	if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
		return 0;
	at = timegm(&end);
	return at > 0 ? (uint64_t)at : 0;
}

static void put_in_place(struct certificate_reload *reload, SSL_CTX *tls)
{
	SSL_CTX *before;

	(void)pthread_mutex_lock(&reload->lock);
	before = reload->tls;
	reload->tls = tls;
	(void)pthread_mutex_unlock(&reload->lock);
	SSL_CTX_free(before);
}

SSL_CTX *certificate_reload_tls(struct certificate_reload *reload)
{
	SSL_CTX *tls;

	(void)pthread_mutex_lock(&reload->lock);
	tls = reload->tls;
	(void)SSL_CTX_up_ref(tls);
	(void)pthread_mutex_unlock(&reload->lock);
	return tls;
}

static void look(evutil_socket_t fd, short what, void *context)
{
	struct certificate_reload *reload = context;
	bool changed = file_watch_changed(reload->watch);
	struct error err;
	SSL_CTX *tls;

	(void)fd;
	(void)what;
	reload->unread |= changed;
	if (!reload->unread)
		return;
	tls = tls_context_new(reload->cert_file, reload->key_file, reload->tls_min_version, &err);
	telemetry_set(reload->stale, !tls);
	if (!tls) {
		/* The second file of a pair comes a moment later. It may also be that we could not
		 * read them (no file descriptor, no memory): they are tried until it goes. */
		if (changed) {
			telemetry_add(reload->failures, 1);
			log_warn("serving on with the certificate that there was: %s", err.message);
		}
		return;
	}
	reload->unread = false;
	telemetry_set(reload->expires, expiry_of(tls));
	put_in_place(reload, tls);
	telemetry_add(reload->reloads, 1);
	log_info("serving with the new certificate of %s", reload->cert_file);
}

static void register_series(struct certificate_reload *reload, struct telemetry *telemetry)
{
	reload->reloads = telemetry_counter(telemetry, "tacho_aggregator_certificate_reloads_total",
		"Times that the API's certificate was read anew", "result", "ok");
	reload->failures =
		telemetry_counter(telemetry, "tacho_aggregator_certificate_reloads_total",
			"Times that the API's certificate was read anew", "result", "failed");
	reload->stale = telemetry_gauge(telemetry, "tacho_aggregator_certificate_stale",
		"1 while the API's certificate files have changed and can't be used", NULL, NULL);
	reload->expires = telemetry_gauge(telemetry,
		"tacho_aggregator_certificate_expiration_timestamp_seconds",
		"When the API's certificate ends, in seconds since 1970", NULL, NULL);
}

/* The watch's first look comes before the first reading, or a change between them would be missed.
 */
static int start(struct certificate_reload *reload,
	const struct certificate_reload_options *options, struct event_base *base,
	struct error *err)
{
	const struct timeval interval = {.tv_sec = CERTIFICATE_RELOAD_S};
	const char *files[] = {options->cert_file, options->key_file};

	reload->tls_min_version =
		options->tls_min_version ? options->tls_min_version : TLS1_2_VERSION;
	reload->cert_file = strdup(options->cert_file);
	reload->key_file = strdup(options->key_file);
	reload->watch = file_watch_new(files, 2);
	reload->look = event_new(base, -1, EV_PERSIST, look, reload);
	if (!reload->cert_file || !reload->key_file || !reload->watch || !reload->look ||
		event_add(reload->look, &interval) < 0)
		return error_errno(err, ENOMEM, "starting the API");
	reload->tls =
		tls_context_new(reload->cert_file, reload->key_file, reload->tls_min_version, err);
	if (!reload->tls)
		return -EINVAL;
	telemetry_set(reload->expires, expiry_of(reload->tls));
	return 0;
}

struct certificate_reload *certificate_reload_start(
	const struct certificate_reload_options *options, struct event_base *base,
	struct error *err)
{
	struct certificate_reload *reload = calloc(1, sizeof(*reload));

	if (!reload) {
		(void)error_errno(err, ENOMEM, "starting the API");
		return NULL;
	}
	(void)pthread_mutex_init(&reload->lock, NULL);
	register_series(reload, options->telemetry);
	if (start(reload, options, base, err) < 0) {
		certificate_reload_free(reload);
		return NULL;
	}
	return reload;
}

void certificate_reload_free(struct certificate_reload *reload)
{
	if (!reload)
		return;
	if (reload->look)
		event_free(reload->look);
	file_watch_free(reload->watch);
	SSL_CTX_free(reload->tls);
	(void)pthread_mutex_destroy(&reload->lock);
	free(reload->cert_file);
	free(reload->key_file);
	free(reload);
}
