#include "aggregator/kube/kube_easy.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 15000L /* TCP and TLS; client-go has 30 s and 10 s */

/* A peer that does not acknowledge any more is given up after so long: HTTP/2 puts all calls on one
 * connection, and the kernel alone would go on trying for a quarter of an hour. */
#define USER_TIMEOUT_MS    20000
#define KEEPALIVE_IDLE_S   30L /* client-go: 30 s */
#define KEEPALIVE_PERIOD_S 10L

#define STREAM_BUFFER_BYTES 65536L

/* --- the way there ---------------------------------------------------------------------------- */

static int url_part(CURLU *url, CURLUPart part, unsigned flags, char **ret_text)
{
	return curl_url_get(url, part, ret_text, flags) == CURLUE_OK ? 0 : -EINVAL;
}

/* Connects to where `url` points, under another name. */
static int rename_host(struct kube_route *route, CURLU *url, const char *name)
{
	char *host = NULL, *port = NULL, *to = NULL, *bracketed = NULL;
	bool ip6 = strchr(name, ':') && *name != '[';
	int r = url_part(url, CURLUPART_HOST, 0, &host);

	if (r == 0)
		r = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
	if (r == 0 && (asprintf(&to, "::%s:%s", host, port) < 0 ||
			      asprintf(&route->host_header, "Host: %s:%s", host, port) < 0 ||
			      asprintf(&bracketed, ip6 ? "[%s]" : "%s", name) < 0))
		r = -ENOMEM;
	if (r == 0)
		route->connect_to = curl_slist_append(NULL, to);
	if (r == 0 && !route->connect_to)
		r = -ENOMEM;
	if (r == 0 && curl_url_set(url, CURLUPART_HOST, bracketed, 0) != CURLUE_OK)
		r = -EINVAL;
	curl_free(host);
	curl_free(port);
	free(to);
	free(bracketed);
	return r;
}

static int set_base(struct kube_route *route, CURLU *url)
{
	char *text = NULL;
	size_t length;
	int r = url_part(url, CURLUPART_URL, 0, &text);

	if (r < 0)
		return r;
	length = strlen(text);
	while (length > 0 && text[length - 1] == '/')
		length--;
	route->base = strndup(text, length);
	curl_free(text);
	return route->base ? 0 : -ENOMEM;
}

int kube_route_init(struct kube_route *route, const struct kube_config *config, struct error *err)
{
	CURLU *url = curl_url();
	int r = url ? 0 : -ENOMEM;

	*route = (struct kube_route){.insecure = config->insecure};
	if (r == 0 && (!config->server ||
			      curl_url_set(url, CURLUPART_URL, config->server, 0) != CURLUE_OK))
		r = -EINVAL;
	if (r == 0) {
		route->server = strdup(config->server);
		r = route->server ? 0 : -ENOMEM;
	}
	if (r == 0 && config->server_name)
		r = rename_host(route, url, config->server_name);
	if (r == 0)
		r = set_base(route, url);
	curl_url_cleanup(url);
	if (r < 0) {
		kube_route_free(route);
		return error_errno(err, -r, "the server %s of kube-apiserver%s%s",
			config->server ? config->server : "(none)",
			config->server_name ? " as " : "",
			config->server_name ? config->server_name : "");
	}
	return 0;
}

void kube_route_free(struct kube_route *route)
{
	free(route->server);
	free(route->base);
	free(route->host_header);
	curl_slist_free_all(route->connect_to);
	*route = (struct kube_route){0};
}

/* --- one call --------------------------------------------------------------------------------- */

static int prepare_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	unsigned ms = USER_TIMEOUT_MS;

	(void)context;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

#define SET(option, value) (good = curl_easy_setopt(easy, option, value) == CURLE_OK && good)

static bool set_connection(CURL *easy, const struct kube_route *route)
{
	char agent[64];
	bool good = true;

	(void)snprintf(agent, sizeof(agent), "%s/" TACHO_VERSION, route->program);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* cancelling does not wait for the resolver's thread */
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_PIPEWAIT, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, ""); /* not those of the environment either */
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_PERIOD_S);
	SET(CURLOPT_SOCKOPTFUNCTION, prepare_socket);
	SET(CURLOPT_USERAGENT, agent);
	if (route->connect_to)
		SET(CURLOPT_CONNECT_TO, route->connect_to);
	return good;
}

static bool set_blob(CURL *easy, CURLoption option, const char *pem)
{
	struct curl_blob blob = {.flags = CURL_BLOB_COPY};
	union {
		const char *in;
		char *out;
	} text = {pem}; /* curl copies it, and does not write */

	blob.data = text.out;
	blob.len = strlen(pem);
	return curl_easy_setopt(easy, option, &blob) == CURLE_OK;
}

/* Without a CA of ours the system's are trusted; with one, no other. */
static bool set_tls(
	CURL *easy, const struct kube_route *route, const struct kube_credentials *credentials)
{
	const char *ca = kube_credentials_ca(credentials);
	const char *cert = kube_credentials_cert(credentials);
	bool good = true;

	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, route->insecure ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, route->insecure ? 0L : 2L);
	if (ca) {
		SET(CURLOPT_CAPATH, NULL);
		good = set_blob(easy, CURLOPT_CAINFO_BLOB, ca) && good;
	}
	if (cert) {
		good = set_blob(easy, CURLOPT_SSLCERT_BLOB, cert) && good;
		good = set_blob(easy, CURLOPT_SSLKEY_BLOB, kube_credentials_key(credentials)) &&
		       good;
	}
	return good;
}

static bool set_request(CURL *easy, const char *base, const struct kube_easy *wanted)
{
	bool good = true;
	char *url = NULL;

	if (asprintf(&url, "%s%s", base, wanted->target) < 0)
		return false;
	SET(CURLOPT_URL, url);
	free(url);
	/* curl takes compressed answers apart, whether it asked for them or not. */
	SET(CURLOPT_ACCEPT_ENCODING, wanted->streamed ? "identity" : "gzip");
	if (wanted->streamed)
		SET(CURLOPT_BUFFERSIZE, STREAM_BUFFER_BYTES);
	if (strcmp(wanted->method, "POST") == 0) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)wanted->size);
		SET(CURLOPT_POSTFIELDS, wanted->size ? wanted->body : "");
	} else {
		SET(CURLOPT_CUSTOMREQUEST, wanted->method);
	}
	return good;
}

static bool add_header(struct curl_slist **headers, const char *name, const char *value)
{
	struct curl_slist *more;
	char *line = NULL;
	int length = asprintf(&line, "%s%s", name, value);

	if (length < 0)
		return false;
	more = curl_slist_append(*headers, line);
	explicit_bzero(line, (size_t)length);
	free(line);
	if (!more)
		return false;
	*headers = more;
	return true;
}

static bool make_headers(const struct kube_route *route, const char *token,
	const struct kube_easy *wanted, struct curl_slist **headers)
{
	bool good = add_header(
		headers, "Accept: ", wanted->accept ? wanted->accept : "application/json");

	if (good && token)
		good = add_header(headers, "Authorization: Bearer ", token);
	if (good && wanted->content_type)
		good = add_header(headers, "Content-Type: ", wanted->content_type);
	if (good && route->host_header)
		good = add_header(headers, route->host_header, "");
	return good && add_header(headers, "Expect:", ""); /* no round trip before the body */
}

int kube_easy_set(CURL *easy, const struct kube_route *route,
	const struct kube_credentials *credentials, const struct kube_easy *wanted,
	struct curl_slist **ret_headers, unsigned *ret_token_revision)
{
	struct curl_slist *headers = NULL;
	const char *token = kube_credentials_token(credentials, ret_token_revision);
	bool good = make_headers(route, token, wanted, &headers);

	good = good && set_connection(easy, route) && set_tls(easy, route, credentials) &&
	       set_request(easy, route->base, wanted);
	if (good)
		SET(CURLOPT_HTTPHEADER, headers);
	if (!good) {
		kube_easy_free_headers(headers);
		return -ENOMEM;
	}
	*ret_headers = headers;
	return 0;
}

void kube_easy_free_headers(struct curl_slist *headers)
{
	for (struct curl_slist *header = headers; header; header = header->next)
		explicit_bzero(header->data, strlen(header->data));
	curl_slist_free_all(headers);
}
