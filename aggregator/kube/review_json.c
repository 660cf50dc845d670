#include "aggregator/kube/review_json.h"

#include "base/utf8.h"
#include "base/buffer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- questions -------------------------------------------------------------------------------- */

/* jansson takes valid UTF-8 only. NULL when memory is short. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	struct buffer valid = {0};
	const char *terminated;

	if (json)
		return json;
	utf8_append_valid(&valid, text);
	terminated = buffer_terminate(&valid);
	if (terminated)
		json = json_string(terminated);
	if (valid.data)
		explicit_bzero(valid.data, valid.capacity);
	buffer_free(&valid);
	return json;
}

/* Nothing when the text is empty. */
static int set_text(json_t *object, const char *key, const char *text)
{
	if (!text || !*text)
		return 0;
	return json_object_set_new(object, key, text_json(text));
}

/* "kind", "apiVersion", "metadata" and, taking it over, `spec`. */
static char *dump(const char *kind, const char *version, json_t *spec)
{
	json_t *root = json_pack("{s:s, s:s, s:{}, s:o}", "kind", kind, "apiVersion", version,
		"metadata", "spec", spec);
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

	json_decref(root);
	return text;
}

char *review_json_of_token(const char *token, const char *audience)
{
	json_t *spec = json_object();
	int r = json_object_set_new(spec, "token", text_json(token));

	if (r == 0 && audience)
		r = json_object_set_new(spec, "audiences", json_pack("[o]", text_json(audience)));
	if (r < 0) {
		json_decref(spec);
		return NULL;
	}
	return dump("TokenReview", "authentication.k8s.io/v1", spec);
}

static json_t *resource_json(const struct access_attributes *attributes)
{
	json_t *object = json_object();
	int r = set_text(object, "namespace", attributes->namespace);

	r |= set_text(object, "verb", attributes->verb);
	r |= set_text(object, "group", attributes->group);
	r |= set_text(object, "version", attributes->version);
	r |= set_text(object, "resource", attributes->resource);
	r |= set_text(object, "subresource", attributes->subresource);
	r |= set_text(object, "name", attributes->name);
	if (r == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *path_json(const struct access_attributes *attributes)
{
	json_t *object = json_object();
	int r = set_text(object, "path", attributes->path);

	r |= set_text(object, "verb", attributes->verb);
	if (r == 0)
		return object;
	json_decref(object);
	return NULL;
}

static int set_groups(json_t *spec, const struct user *user)
{
	json_t *groups;
	int r;

	if (user->group_count == 0)
		return 0;
	groups = json_array();
	r = json_object_set_new(spec, "groups", groups);
	for (size_t i = 0; r == 0 && i < user->group_count; i++)
		r = json_array_append_new(groups, text_json(user->groups[i]));
	return r;
}

/* A key that stands there several times has several values. */
static int set_extra(json_t *spec, const struct user *user)
{
	json_t *extra, *values;
	int r;

	if (user->extra_count == 0)
		return 0;
	extra = json_object();
	r = json_object_set_new(spec, "extra", extra);
	for (size_t i = 0; r == 0 && i < user->extra_count; i++) {
		json_t *key = text_json(user->extra[i].key);
		const char *name = json_string_value(key);

		values = name ? json_object_get(extra, name) : NULL;
		if (name && !values) {
			values = json_array();
			r = json_object_set_new(extra, name, values);
		}
		if (r == 0)
			r = name ? json_array_append_new(values, text_json(user->extra[i].value))
				 : -1;
		json_decref(key);
	}
	return r;
}

char *review_json_of_access(const struct access_attributes *attributes)
{
	const struct user *user = attributes->user;
	json_t *spec = json_object();
	int r = attributes->resource_request
			? json_object_set_new(spec, "resourceAttributes", resource_json(attributes))
			: json_object_set_new(spec, "nonResourceAttributes", path_json(attributes));

	r |= set_text(spec, "user", user->name);
	r |= set_text(spec, "uid", user->uid);
	r |= set_groups(spec, user);
	r |= set_extra(spec, user);
	if (r != 0) {
		json_decref(spec);
		return NULL;
	}
	return dump("SubjectAccessReview", "authorization.k8s.io/v1", spec);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int odd(struct error *err, const char *what)
{
	return error_set(err, EINVAL, "the answer is not understood: %s", what);
}

/* Loads it and finds `status`, which lives as long as *ret_root. */
static int load(const void *json, size_t size, const char *kind, json_t **ret_root,
	json_t **ret_status, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &why), *status;
	const char *got = json_string_value(json_object_get(root, "kind"));

	if (!root)
		return odd(err, why.text);
	status = json_object_get(root, "status");
	if (!got || strcmp(got, kind) != 0 || !json_is_object(status)) {
		json_decref(root);
		return error_set(err, EINVAL,
			"the answer is not understood: it is no %s with a status", kind);
	}
	*ret_root = root;
	*ret_status = status;
	return 0;
}

/* An absent one is false, anything but true and false an error. */
static int read_bool(const json_t *object, const char *key, bool *ret_value)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_boolean(value))
		return -EINVAL;
	*ret_value = json_is_true(value);
	return 0;
}

/* *ret_text is "" when there is none. */
static int read_text(const json_t *object, const char *key, const char **ret_text)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_string(value) && !json_is_null(value))
		return -EINVAL;
	*ret_text = json_is_string(value) ? json_string_value(value) : "";
	return 0;
}

static int read_groups(const json_t *user, struct user *to)
{
	const json_t *groups = json_object_get(user, "groups"), *group;
	size_t i;
	int r = !groups || json_is_array(groups) || json_is_null(groups) ? 0 : -EINVAL;

	json_array_foreach(groups, i, group)
	{
		if (r == 0)
			r = json_is_string(group) ? user_add_group(to, json_string_value(group))
						  : -EINVAL;
	}
	return r;
}

static int read_extra(json_t *user, struct user *to)
{
	json_t *extra = json_object_get(user, "extra"), *values;
	int r = !extra || json_is_object(extra) || json_is_null(extra) ? 0 : -EINVAL;
	const char *key;

	json_object_foreach(extra, key, values)
	{
		const json_t *value;
		size_t i;

		if (r == 0 && !json_is_array(values) && !json_is_null(values))
			r = -EINVAL;
		json_array_foreach(values, i, value)
		{
			if (r == 0)
				r = json_is_string(value)
					    ? user_add_extra(to, key, json_string_value(value))
					    : -EINVAL;
		}
	}
	return r;
}

static int read_user(json_t *user, struct user *to)
{
	const char *name = "", *uid = "";
	int r = read_text(user, "username", &name);

	if (r == 0)
		r = read_text(user, "uid", &uid);
	if (r == 0 && !*name)
		r = -EINVAL;
	if (r == 0)
		r = user_set_name(to, name);
	if (r == 0 && *uid)
		r = user_set_uid(to, uid);
	if (r == 0)
		r = read_groups(user, to);
	return r < 0 ? r : read_extra(user, to);
}

static bool names_audience(const json_t *status, const char *audience)
{
	const json_t *audiences = json_object_get(status, "audiences"), *named;
	size_t i;

	json_array_foreach(audiences, i, named)
	{
		if (json_is_string(named) && strcmp(json_string_value(named), audience) == 0)
			return true;
	}
	return false;
}

static void set_reason(struct review_verdict *verdict, const char *reason)
{
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

static int judge_token(
	json_t *status, const char *audience, struct review_verdict *verdict, struct error *err)
{
	const char *reason;
	int r;

	if (read_bool(status, "authenticated", &verdict->yes) < 0 ||
		read_text(status, "error", &reason) < 0)
		return odd(err, "status.authenticated or status.error");
	if (!verdict->yes) {
		set_reason(verdict, reason);
		return 0;
	}
	if (audience && !names_audience(status, audience)) {
		verdict->yes = false;
		set_reason(verdict, "the token is not for this audience");
		return 0;
	}
	r = read_user(json_object_get(status, "user"), &verdict->user);
	if (r == -ENOMEM)
		return error_errno(err, ENOMEM, "reading the answer");
	return r < 0 ? odd(err, "status.user") : 0;
}

int review_json_read_token(const void *json, size_t size, const char *audience,
	struct review_verdict *ret_verdict, struct error *err)
{
	struct review_verdict verdict = {0};
	json_t *root, *status;
	int r = load(json, size, "TokenReview", &root, &status, err);

	if (r < 0)
		return r;
	r = judge_token(status, audience, &verdict, err);
	json_decref(root);
	if (r < 0) {
		user_free(&verdict.user);
		return r;
	}
	*ret_verdict = verdict;
	return 0;
}

int review_json_read_access(
	const void *json, size_t size, struct review_verdict *ret_verdict, struct error *err)
{
	struct review_verdict verdict = {0};
	const char *reason;
	json_t *root, *status;
	bool denied;
	int r = load(json, size, "SubjectAccessReview", &root, &status, err);

	if (r < 0)
		return r;
	if (!json_is_boolean(json_object_get(status, "allowed")) ||
		read_bool(status, "allowed", &verdict.yes) < 0 ||
		read_bool(status, "denied", &denied) < 0 ||
		read_text(status, "reason", &reason) < 0)
		r = odd(err, "status.allowed, status.denied or status.reason");
	else if (verdict.yes && denied)
		r = odd(err, "allowed and denied at once");
	else
		set_reason(&verdict, reason);
	json_decref(root);
	if (r == 0)
		*ret_verdict = verdict;
	return r;
}

void review_json_read_status(const void *json, size_t size, char *ret_message, size_t room)
{
	json_t *root = json_loadb(json, size, 0, NULL);
	const char *message = json_string_value(json_object_get(root, "message"));

	(void)snprintf(ret_message, room, "%s", message ? message : "");
	json_decref(root);
}
