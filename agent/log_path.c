#include "agent/log_path.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char SUFFIX[] = ".log";

/* The kubelet cuts what stands before ".log" so that the whole is a file's name. */
#define STEM_MAX (NAME_MAX - (sizeof(SUFFIX) - 1))

void log_path_copy(char *to, struct log_span from)
{
	memcpy(to, from.text, from.length);
	to[from.length] = '\0';
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Labels, joined by dots when `dots`. */
static bool is_dns_name(struct log_span name, size_t max, bool dots)
{
	char before = '.';

	if (name.length == 0 || name.length > max)
		return false;
	for (size_t i = 0; i < name.length; i++) {
		char c = name.text[i];

		if (c == '-'       ? before == '.'
			: c == '.' ? !dots || !is_alphanumeric(before)
				   : !is_alphanumeric(c))
			return false;
		before = c;
	}
	return is_alphanumeric(before);
}

bool log_path_is_label(struct log_span name)
{
	return is_dns_name(name, LOG_PATH_LABEL_MAX, false);
}

/* Cuts off what stands before `separator`, and the separator. False when there is none. */
static bool cut(struct log_span *rest, char separator, struct log_span *ret_before)
{
	const char *at = memchr(rest->text, separator, rest->length);

	if (!at)
		return false;
	*ret_before = (struct log_span){rest->text, (size_t)(at - rest->text)};
	rest->length -= ret_before->length + 1;
	rest->text = at + 1;
	return true;
}

static bool cut_suffix(struct log_span *name)
{
	size_t length = strlen(SUFFIX);

	if (name->length < length ||
		memcmp(name->text + name->length - length, SUFFIX, length) != 0)
		return false;
	name->length -= length;
	return true;
}

/* "_" can't be in any of the three parts. */
bool log_path_parse_folder(struct log_span folder, struct log_owner *ret_owner)
{
	return cut(&folder, '_', &ret_owner->namespace) && cut(&folder, '_', &ret_owner->pod) &&
	       log_path_is_label(ret_owner->namespace) &&
	       is_dns_name(ret_owner->pod, LOG_PATH_SUBDOMAIN_MAX, true) &&
	       cgroup_name_parse_uid(folder.text, folder.length, ret_owner->uid);
}

/* "0.log", "1.log": the kubelet counts the restarts. */
static bool is_log_file(struct log_span file)
{
	if (!cut_suffix(&file) || file.length == 0)
		return false;
	for (size_t i = 0; i < file.length; i++)
		if (file.text[i] < '0' || file.text[i] > '9')
			return false;
	return true;
}

bool log_path_parse(struct log_span path, struct log_owner *ret_owner)
{
	struct log_span folder;

	return cut(&path, '/', &folder) && cut(&path, '/', &ret_owner->container) &&
	       log_path_parse_folder(folder, ret_owner) &&
	       log_path_is_label(ret_owner->container) && is_log_file(path);
}

struct log_span log_path_below(struct log_span path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (path.length <= length || memcmp(path.text, prefix, length) != 0 ||
		path.text[length] != '/')
		return (struct log_span){0};
	return (struct log_span){path.text + length + 1, path.length - length - 1};
}

static bool all_hex(struct log_span text)
{
	for (size_t i = 0; i < text.length; i++)
		if (!memchr("0123456789abcdef", text.text[i], 16))
			return false;
	return true;
}

bool log_path_link_id(struct log_span link, const struct log_owner *owner, struct log_span *ret_id)
{
	char prefix[LOG_PATH_SUBDOMAIN_MAX + 2 * LOG_PATH_LABEL_MAX + sizeof("__-")];
	char id[CONTAINER_ID_SIZE];
	struct log_span rest;
	size_t length, shared;

	if (!cut_suffix(&link))
		return false;
	length = (size_t)snprintf(prefix, sizeof(prefix), "%.*s_%.*s_%.*s-", (int)owner->pod.length,
		owner->pod.text, (int)owner->namespace.length, owner->namespace.text,
		(int)owner->container.length, owner->container.text);
	shared = link.length < length ? link.length : length;
	if (memcmp(link.text, prefix, shared) != 0)
		return false;
	rest = (struct log_span){link.text + shared, link.length - shared};
	if (!cgroup_name_parse_id(rest.text, rest.length, id) &&
		(link.length != STEM_MAX || rest.length >= sizeof(id) || !all_hex(rest)))
		return false;
	*ret_id = rest;
	return true;
}

bool log_path_is_cut_away(size_t namespace_length, size_t pod_length, size_t container_length)
{
	return pod_length + namespace_length + container_length + strlen("__-") +
		       LOG_PATH_DIGITS_MIN >
	       STEM_MAX;
}
