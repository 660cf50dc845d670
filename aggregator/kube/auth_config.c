#include "aggregator/kube/auth_config.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

void auth_config_free(struct auth_config *config)
{
	struct string_list *lists[] = {&config->username_headers, &config->uid_headers,
		&config->group_headers, &config->extra_prefixes, &config->allowed_names};

	free(config->client_ca_pem);
	free(config->requestheader_ca_pem);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (size_t j = 0; j < lists[i]->count; j++)
			free(lists[i]->item[j]);
		free(lists[i]->item);
	}
	*config = (struct auth_config){0};
}

/* --- texts ------------------------------------------------------------------------------------ */

/* NULL when it is not there; -EINVAL when it is no text. */
static int find_text(const json_t *data, const char *key, const char **ret_text, struct error *err)
{
	const json_t *value = json_object_get(data, key);

	*ret_text = NULL;
	if (!value || json_is_null(value))
		return 0;
	*ret_text = json_string_value(value);
	return *ret_text ? 0 : error_set(err, EINVAL, "%s is no text", key);
}

/* Each certificate can be read, and there is one. */
static bool has_certificates(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	unsigned long last;
	size_t count = 0;
	X509 *cert;

	if (!bio)
		return false;
	ERR_clear_error();
	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_free(cert);
		count++;
	}
	last = ERR_peek_last_error();
	ERR_clear_error();
	BIO_free(bio);
	return count > 0 && ERR_GET_LIB(last) == ERR_LIB_PEM &&
	       ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static int read_pem(const json_t *data, const char *key, char **ret_pem, struct error *err)
{
	const char *text;
	int r = find_text(data, key, &text, err);

	if (r < 0 || !text || !*text)
		return r;
	if (!has_certificates(text))
		return error_set(err, EINVAL, "%s has no certificates that can be read", key);
	*ret_pem = strdup(text);
	return *ret_pem ? 0 : error_errno(err, ENOMEM, "reading %s", key);
}

/* --- lists: a JSON array in a text ------------------------------------------------------------ */

static int copy_list(
	const json_t *array, const char *key, struct string_list *list, struct error *err)
{
	size_t count = json_array_size(array);

	if (count > AUTH_CONFIG_MAX_NAMES)
		return error_set(
			err, EINVAL, "%s has more than %d names", key, AUTH_CONFIG_MAX_NAMES);
	list->item = calloc(count ? count : 1, sizeof(*list->item));
	if (!list->item)
		return error_errno(err, ENOMEM, "reading %s", key);
	for (size_t i = 0; i < count; i++) {
		const char *name = json_string_value(json_array_get(array, i));

		if (!name || !*name)
			return error_set(err, EINVAL, "%s has a name that is no text", key);
		list->item[i] = strdup(name);
		if (!list->item[i])
			return error_errno(err, ENOMEM, "reading %s", key);
		list->count++;
	}
	return 0;
}

static int read_list(
	const json_t *data, const char *key, struct string_list *list, struct error *err)
{
	const char *text;
	json_t *array;
	int r = find_text(data, key, &text, err);

	if (r < 0 || !text || !*text)
		return r;
	array = json_loads(text, JSON_DECODE_ANY, NULL);
	if (json_is_array(array))
		r = copy_list(array, key, list, err);
	else if (!json_is_null(array)) /* Go writes an empty slice so */
		r = error_set(err, EINVAL, "%s is no JSON array", key);
	json_decref(array);
	return r;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int read_data(const json_t *data, struct auth_config *config, struct error *err)
{
	const struct {
		const char *key;
		struct string_list *list;
	} LISTS[] = {
		{"requestheader-username-headers", &config->username_headers},
		{"requestheader-uid-headers", &config->uid_headers},
		{"requestheader-group-headers", &config->group_headers},
		{"requestheader-extra-headers-prefix", &config->extra_prefixes},
		{"requestheader-allowed-names", &config->allowed_names},
	};
	int r = read_pem(data, "client-ca-file", &config->client_ca_pem, err);

	if (r == 0)
		r = read_pem(
			data, "requestheader-client-ca-file", &config->requestheader_ca_pem, err);
	for (size_t i = 0; r == 0 && i < sizeof(LISTS) / sizeof(LISTS[0]); i++)
		r = read_list(data, LISTS[i].key, LISTS[i].list, err);
	return r;
}

int auth_config_parse(
	const void *json, size_t size, struct auth_config *ret_config, struct error *err)
{
	struct auth_config config = {0};
	json_error_t where;
	json_t *object = json_loadb(json, size, 0, &where);
	const json_t *data = json_object_get(object, "data");
	int r;

	if (!json_is_object(object))
		r = error_set(err, EINVAL, "a ConfigMap that is no JSON object: %s",
			object ? "another value" : where.text);
	else if (data && !json_is_object(data) && !json_is_null(data))
		r = error_set(err, EINVAL, "data is no object");
	else
		r = read_data(data, &config, err);
	json_decref(object);
	if (r < 0)
		auth_config_free(&config);
	else
		*ret_config = config;
	return r;
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_list(const struct string_list *a, const struct string_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (strcmp(a->item[i], b->item[i]) != 0)
			return false;
	}
	return true;
}

bool auth_config_same(const struct auth_config *a, const struct auth_config *b)
{
	return same_text(a->client_ca_pem, b->client_ca_pem) &&
	       same_text(a->requestheader_ca_pem, b->requestheader_ca_pem) &&
	       same_list(&a->username_headers, &b->username_headers) &&
	       same_list(&a->uid_headers, &b->uid_headers) &&
	       same_list(&a->group_headers, &b->group_headers) &&
	       same_list(&a->extra_prefixes, &b->extra_prefixes) &&
	       same_list(&a->allowed_names, &b->allowed_names);
}
