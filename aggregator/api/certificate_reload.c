#include "aggregator/api/certificate_reload.h"

#include "aggregator/api/tls_context.h"
#include "base/file_watch.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct certificate_reload {
	char *cert_file, *key_file;
	int tls_min_version;
	struct event_base *base;
	struct file_watch *watch;
	struct event *look;
	struct server *server;
	bool unread; /* they have changed, and could not be used yet */
	struct telemetry_series *reloads, *failures, *stale;
};

struct certificate_reload *certificate_reload_new(
	const struct certificate_reload_options *options, struct event_base *base)
{
	const char *files[] = {options->cert_file, options->key_file};
	struct certificate_reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return NULL;
	reload->base = base;
	reload->tls_min_version =
		options->tls_min_version ? options->tls_min_version : TLS1_2_VERSION;
	reload->cert_file = strdup(options->cert_file);
	reload->key_file = strdup(options->key_file);
	reload->watch = file_watch_new(files, 2);
	reload->reloads =
		telemetry_counter(options->telemetry, "tacho_aggregator_certificate_reloads_total",
			"Times that the API's certificate was read anew", "result", "ok");
	reload->failures =
		telemetry_counter(options->telemetry, "tacho_aggregator_certificate_reloads_total",
			"Times that the API's certificate was read anew", "result", "failed");
	reload->stale = telemetry_gauge(options->telemetry, "tacho_aggregator_certificate_stale",
		"1 while the API's certificate files have changed and can't be used", NULL, NULL);
	if (reload->cert_file && reload->key_file && reload->watch)
		return reload;
	certificate_reload_free(reload);
	return NULL;
}

SSL_CTX *certificate_reload_first(struct certificate_reload *reload, struct error *err)
{
	return tls_context_new(reload->cert_file, reload->key_file, reload->tls_min_version, err);
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
	server_set_tls(reload->server, tls);
	telemetry_add(reload->reloads, 1);
	log_info("serving with the new certificate of %s", reload->cert_file);
}

int certificate_reload_start(struct certificate_reload *reload, struct server *server)
{
	const struct timeval interval = {.tv_sec = CERTIFICATE_RELOAD_S};

	reload->server = server;
	reload->look = event_new(reload->base, -1, EV_PERSIST, look, reload);
	return reload->look && event_add(reload->look, &interval) == 0 ? 0 : -ENOMEM;
}

void certificate_reload_free(struct certificate_reload *reload)
{
	if (!reload)
		return;
	if (reload->look)
		event_free(reload->look);
	file_watch_free(reload->watch);
	free(reload->cert_file);
	free(reload->key_file);
	free(reload);
}
