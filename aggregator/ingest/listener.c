#include "aggregator/ingest/listener.h"

#include "aggregator/ingest/backlog.h"
#include "base/address.h"
#include "base/log.h"
#include "base/tls_config.h"

#include <errno.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tls/tls.h>
#include <sys/stat.h>

#define IPC_MODE 0600

static int set_tls(nng_listener listener, const struct listener_options *options,
	struct tls_config **ret_config, struct error *err)
{
	int r = tls_config_server(options->cert_file, options->key_file, ret_config, err), rv;

	if (r < 0)
		return r;
	rv = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls_config_nng(*ret_config));
	if (rv != 0)
		return error_set(err, EINVAL, "setting TLS: %s", nng_strerror(rv));
	return 0;
}

/* NNG replaces whatever stands at the path when nobody answers there, a plain file too. */
static int set_ipc(nng_listener listener, const char *path, struct error *err)
{
	struct stat info;
	int rv;

	if (lstat(path, &info) == 0 && !S_ISSOCK(info.st_mode))
		return error_set(err, EEXIST, "%s is there and is not a socket", path);
	rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, IPC_MODE);
	if (rv != 0)
		return error_set(err, EINVAL, "setting the mode of %s: %s", path, nng_strerror(rv));
	return 0;
}

static int configure(nng_listener listener, const struct listener_options *options,
	struct tls_config **ret_config, struct error *err)
{
	int rv = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, options->max_message);

	if (rv != 0) /* without the bound a peer may ask for any amount of memory */
		return error_set(
			err, EINVAL, "setting the bound of messages: %s", nng_strerror(rv));
	switch (options->endpoint->kind) {
	case ENDPOINT_TLS:
		return set_tls(listener, options, ret_config, err);
	case ENDPOINT_IPC:
		return set_ipc(listener, options->endpoint->path, err);
	default:
		return 0;
	}
}

static int start(nng_listener listener, const struct listener_options *options, struct error *err)
{
	int rv = nng_listener_start(listener, 0);

	switch (rv) {
	case 0:
		return 0;
	case NNG_EADDRINUSE:
		return error_set(err, EADDRINUSE, "another program is listening there");
	case NNG_EADDRINVAL:
		return error_set(err, EADDRNOTAVAIL, "no such address on this machine");
	case NNG_EPERM:
		return error_set(err, EACCES, "not permitted");
	default:
		return error_set(err, EINVAL, "%s%s", nng_strerror(rv),
			options->endpoint->kind == ENDPOINT_IPC ? " (is the folder there?)" : "");
	}
}

static uint16_t bound_port(nng_listener listener)
{
	nng_sockaddr address;

	if (nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address) != 0)
		return 0;
	return address_of_nng(&address).port;
}

static void make_room(const char *url, uint16_t port)
{
	if (backlog_raise(port, BACKLOG) <= 0)
		log_warn("listening on %s: its socket was not found; when thousands of agents come "
			 "at once, some need longer",
			url);
}

int listener_open(nng_socket socket, const struct listener_options *options,
	struct listener *ret_listener, struct error *err)
{
	nng_listener listener;
	struct tls_config *tls = NULL;
	int rv = nng_listener_create(&listener, socket, options->url), r;

	if (rv != 0)
		return error_set(
			err, EINVAL, "listening on %s: %s", options->url, nng_strerror(rv));
	r = configure(listener, options, &tls, err);
	if (r == 0)
		r = start(listener, options, err);
	if (r < 0) {
		tls_config_free(tls);
		return error_context(err, r, "listening on %s", options->url);
	}
	ret_listener->nng = listener;
	ret_listener->tls = tls;
	ret_listener->port = options->endpoint->kind == ENDPOINT_IPC ? 0 : bound_port(listener);
	if (ret_listener->port != 0)
		make_room(options->url, ret_listener->port);
	return 0;
}

void listener_close(struct listener *listener)
{
	(void)nng_listener_close(listener->nng);
	tls_config_free(listener->tls);
	listener->tls = NULL;
}
