#include "aggregator/access/trust.h"

#include "base/clock.h"
#include "base/followed_file.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LOG_NS (60 * NS_PER_SECOND)

/* One of the two bundles. */
struct authority {
	const char *what; /* for the log */
	struct ca_bundle *bundle;
	struct followed_file file;
	bool from_file;
	struct log_limit log; /* a file that can't be read is tried at each look */
	struct telemetry_series *changes, *failures;
};

struct trust {
	struct authority client, proxy;
	struct auth_config flags, published; /* the lists alone */
	bool was_published;
	struct auth_config_watch *watch;
	struct event *poll;
	_Atomic bool loaded;
	/* What is believed now, under the lock; the version says that it is another one. */
	pthread_mutex_t lock;
	struct trust_snapshot *now;
	_Atomic uint64_t version; /* never 0 */
};

/* --- lists ------------------------------------------------------------------------------------ */

/* On failure *to has a part of them, for auth_config_free(). */
static int copy_lists(struct auth_config *to, const struct auth_config *from)
{
	int r = string_list_add_all(&to->username_headers, &from->username_headers);

	if (r == 0)
		r = string_list_add_all(&to->uid_headers, &from->uid_headers);
	if (r == 0)
		r = string_list_add_all(&to->group_headers, &from->group_headers);
	if (r == 0)
		r = string_list_add_all(&to->extra_prefixes, &from->extra_prefixes);
	if (r == 0)
		r = string_list_add_all(&to->allowed_names, &from->allowed_names);
	return r;
}

static struct string_list value_of(const struct string_list *list)
{
	return list ? *list : (struct string_list){0};
}

static int copy_flags(struct trust *trust, const struct trust_options *options)
{
	const struct auth_config flags = {
		.username_headers = value_of(options->username_headers),
		.uid_headers = value_of(options->uid_headers),
		.group_headers = value_of(options->group_headers),
		.extra_prefixes = value_of(options->extra_prefixes),
		.allowed_names = value_of(options->allowed_names),
	};

	return copy_lists(&trust->flags, &flags);
}

/* --- authorities ------------------------------------------------------------------------------ */

/* As ca_bundle_set(). */
static int take_pem(struct authority *authority, const char *pem, struct error *err)
{
	int r = ca_bundle_set(authority->bundle, pem, err);

	if (r > 0) {
		telemetry_add(authority->changes, 1);
		log_info("the CA of %s was %s", authority->what,
			ca_bundle_store(authority->bundle) ? "taken" : "withdrawn");
	}
	return r;
}

static void keep_last(struct authority *authority, const struct error *err)
{
	uint64_t held_back;

	telemetry_add(authority->failures, 1);
	if (log_allowed(&authority->log, LOG_NS, &held_back))
		log_warn("the CA of %s stays as it was: %s", authority->what, err->message);
}

/* True when it is another one now. */
static bool look_at_file(struct authority *authority)
{
	struct error err;
	int r;

	if (!authority->from_file || !followed_file_changed(&authority->file))
		return false;
	r = followed_file_read(&authority->file, &err);
	if (r >= 0)
		r = take_pem(authority, authority->file.text, &err);
	if (r < 0)
		keep_last(authority, &err);
	return r > 0;
}

static int open_authority(struct authority *authority, const char *what, const char *file,
	struct telemetry *telemetry, struct error *err)
{
	int r;

	authority->what = what;
	authority->bundle = ca_bundle_new();
	authority->changes = telemetry_counter(telemetry, "tacho_aggregator_ca_changes_total",
		"Bundles of authorities that were taken, by whose.", "of", what);
	authority->failures = telemetry_counter(telemetry, "tacho_aggregator_ca_failures_total",
		"Bundles of authorities that could not be taken, by whose.", "of", what);
	if (!authority->bundle)
		return error_errno(err, ENOMEM, "preparing authentication");
	if (!file || !*file)
		return 0;
	r = followed_file_open(&authority->file, file, CA_BUNDLE_MAX_BYTES, err);
	if (r < 0)
		return r;
	authority->from_file = true;
	r = take_pem(authority, authority->file.text, err);
	if (r >= 0 && !ca_bundle_store(authority->bundle))
		r = error_set(err, EINVAL, "no certificate is in it");
	return r < 0 ? error_context(err, r, "reading %s", file) : 0;
}

static void close_authority(struct authority *authority)
{
	ca_bundle_free(authority->bundle);
	followed_file_close(&authority->file);
}

/* --- the snapshot ----------------------------------------------------------------------------- */

/* The flag's, else the default beside a CA of the flags', else what is published. */
static const struct string_list *choose(const struct trust *trust, const struct string_list *flag,
	const struct string_list *published, const struct string_list *otherwise)
{
	if (flag->count > 0)
		return flag;
	return trust->proxy.from_file ? otherwise : published;
}

static struct front_proxy_names proxy_headers(const struct trust *trust)
{
	/* k8s.io/apiserver's DelegatingAuthenticationOptions */
	static char user[] = "X-Remote-User", uid[] = "X-Remote-Uid", group[] = "X-Remote-Group",
		    prefix[] = "X-Remote-Extra-";
	static char *items[] = {user, uid, group, prefix};
	static const struct string_list DEFAULTS[] = {
		{&items[0], 1}, {&items[1], 1}, {&items[2], 1}, {&items[3], 1}};
	const struct auth_config *flags = &trust->flags, *published = &trust->published;

	return (struct front_proxy_names){
		.username = choose(trust, &flags->username_headers, &published->username_headers,
			&DEFAULTS[0]),
		.uid = choose(trust, &flags->uid_headers, &published->uid_headers, &DEFAULTS[1]),
		.group = choose(
			trust, &flags->group_headers, &published->group_headers, &DEFAULTS[2]),
		.extra_prefixes = choose(
			trust, &flags->extra_prefixes, &published->extra_prefixes, &DEFAULTS[3]),
	};
}

/* Whoever looks from now on sees what is believed now. */
static int publish(struct trust *trust)
{
	static const struct string_list ANY;
	const struct trust_snapshot_options options = {
		.loaded =
			trust->was_published || (trust->client.from_file && trust->proxy.from_file),
		.client_ca = trust->client.bundle,
		.proxy_ca = trust->proxy.bundle,
		.headers = proxy_headers(trust),
		.allowed_names = choose(
			trust, &trust->flags.allowed_names, &trust->published.allowed_names, &ANY),
	};
	struct trust_snapshot *now = trust_snapshot_new(&options), *before = trust->now;

	if (!now)
		return -ENOMEM;
	(void)pthread_mutex_lock(&trust->lock);
	trust->now = now;
	atomic_fetch_add(&trust->version, 1);
	(void)pthread_mutex_unlock(&trust->lock);
	atomic_store(&trust->loaded, options.loaded);
	trust_snapshot_release(before);
	return 0;
}

static void publish_again(struct trust *trust)
{
	if (publish(trust) < 0)
		log_warn("who is believed stays as it was: memory is short");
}

/* --- the whole -------------------------------------------------------------------------------- */

static void look_at_files(evutil_socket_t fd, short events, void *context)
{
	struct trust *trust = context;
	bool client = look_at_file(&trust->client), proxy = look_at_file(&trust->proxy);

	(void)fd;
	(void)events;
	if (client || proxy)
		publish_again(trust);
}

static void on_published(void *context, const struct auth_config *config)
{
	struct trust *trust = context;
	struct auth_config copy = {0};
	struct error err;

	if (copy_lists(&copy, config) < 0) {
		auth_config_free(&copy);
		log_warn("what kube-apiserver publishes for authentication is not taken: memory is "
			 "short");
		return;
	}
	if (!trust->client.from_file && take_pem(&trust->client, config->client_ca_pem, &err) < 0)
		keep_last(&trust->client, &err);
	if (!trust->proxy.from_file &&
		take_pem(&trust->proxy, config->requestheader_ca_pem, &err) < 0)
		keep_last(&trust->proxy, &err);
	auth_config_free(&trust->published);
	trust->published = copy;
	trust->was_published = true;
	publish_again(trust);
}

static int start_polling(struct trust *trust, struct event_base *base, struct error *err)
{
	const struct timeval period = {TRUST_POLL_MS / 1000, TRUST_POLL_MS % 1000 * 1000};

	trust->poll = event_new(base, -1, EV_PERSIST, look_at_files, trust);
	if (!trust->poll || event_add(trust->poll, &period) < 0)
		return error_errno(err, ENOMEM, "preparing authentication");
	return 0;
}

static int start(struct trust *trust, const struct trust_options *options, struct error *err)
{
	int r = open_authority(
		&trust->client, "clients", options->client_ca_file, options->telemetry, err);

	if (r == 0)
		r = open_authority(&trust->proxy, "front proxies", options->proxy_ca_file,
			options->telemetry, err);
	if (r == 0 && copy_flags(trust, options) < 0)
		r = error_errno(err, ENOMEM, "preparing authentication");
	if (r == 0 && publish(trust) < 0)
		r = error_errno(err, ENOMEM, "preparing authentication");
	if (r == 0 && (trust->client.from_file || trust->proxy.from_file))
		r = start_polling(trust, options->base, err);
	if (r < 0 || (trust->client.from_file && trust->proxy.from_file))
		return r;
	trust->watch = auth_config_watch_start(
		options->client, options->base, options->telemetry, on_published, trust, err);
	return trust->watch ? 0 : -ENOMEM;
}

struct trust *trust_new(const struct trust_options *options, struct error *err)
{
	struct trust *trust = calloc(1, sizeof(*trust));

	if (!trust) {
		(void)error_errno(err, ENOMEM, "preparing authentication");
		return NULL;
	}
	(void)pthread_mutex_init(&trust->lock, NULL);
	if (start(trust, options, err) < 0) {
		trust_free(trust);
		return NULL;
	}
	return trust;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;
	if (trust->watch)
		auth_config_watch_stop(trust->watch);
	if (trust->poll)
		event_free(trust->poll);
	close_authority(&trust->client);
	close_authority(&trust->proxy);
	auth_config_free(&trust->flags);
	auth_config_free(&trust->published);
	trust_snapshot_release(trust->now);
	(void)pthread_mutex_destroy(&trust->lock);
	free(trust);
}

bool trust_loaded(const struct trust *trust)
{
	return atomic_load(&trust->loaded);
}

const struct trust_snapshot *trust_now(struct trust *trust, struct trust_view *view)
{
	struct trust_snapshot *before = view->snapshot;

	if (atomic_load_explicit(&trust->version, memory_order_acquire) == view->version)
		return view->snapshot;
	(void)pthread_mutex_lock(&trust->lock);
	view->snapshot = trust_snapshot_hold(trust->now);
	view->version = atomic_load(&trust->version);
	(void)pthread_mutex_unlock(&trust->lock);
	trust_snapshot_release(before);
	return view->snapshot;
}

void trust_view_release(struct trust_view *view)
{
	trust_snapshot_release(view->snapshot);
	*view = (struct trust_view){NULL, 0};
}
