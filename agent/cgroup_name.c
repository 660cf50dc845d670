#include "agent/cgroup_name.h"

#include <stdio.h>
#include <string.h>

#define ID_DIGITS   64
#define HASH_DIGITS 32
#define UUID_LENGTH 36

static const char SLICE[] = ".slice";
static const char SCOPE[] = ".scope";

/* A part of a folder's name: it is taken apart without copying. */
struct span {
	const char *text;
	size_t length;
};

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static bool equals(struct span span, const char *text)
{
	return span.length == strlen(text) && memcmp(span.text, text, span.length) == 0;
}

static bool cut_end(struct span *span, const char *end)
{
	size_t length = strlen(end);

	if (span->length < length || memcmp(span->text + span->length - length, end, length) != 0)
		return false;
	span->length -= length;
	return true;
}

static bool cut_start(struct span *span, const char *start)
{
	size_t length = strlen(start);

	if (span->length < length || memcmp(span->text, start, length) != 0)
		return false;
	span->text += length;
	span->length -= length;
	return true;
}

/* Lower case only: every writer of these names uses it, and one spelling is one container. */
static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool all_hex(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_hex(text[i]))
			return false;
	return true;
}

static bool is_uuid_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

static bool is_uuid(const char *text, size_t length, char dash)
{
	if (length != UUID_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
		if (is_uuid_dash(i) ? text[i] != dash : !is_hex(text[i]))
			return false;
	return true;
}

static bool parse_uid(struct span uid, char dash, char ret_uid[POD_UID_SIZE])
{
	bool uuid = is_uuid(uid.text, uid.length, dash);

	if (!uuid && !(uid.length == HASH_DIGITS && all_hex(uid.text, uid.length)))
		return false;
	memcpy(ret_uid, uid.text, uid.length);
	ret_uid[uid.length] = '\0';
	for (size_t i = 0; uuid && i < uid.length; i++)
		if (is_uuid_dash(i))
			ret_uid[i] = '-';
	return true;
}

bool cgroup_name_parse_uid(const char *text, size_t length, char ret_uid[POD_UID_SIZE])
{
	return parse_uid((struct span){text, length}, '-', ret_uid);
}

bool cgroup_name_parse_id(const char *text, size_t length, char ret_id[CONTAINER_ID_SIZE])
{
	if (length != ID_DIGITS || !all_hex(text, length))
		return false;
	memcpy(ret_id, text, length);
	ret_id[length] = '\0';
	return true;
}

/* "kubepods", or with the slices of --cgroup-root before it, as systemd nests names:
 * "a-b-kubepods". */
static bool is_kubepods_slice(struct span stem)
{
	if (!cut_end(&stem, "kubepods"))
		return false;
	return stem.length == 0 || (stem.length > 1 && cut_end(&stem, "-"));
}

static bool is_qos_slice(struct span stem)
{
	return (cut_end(&stem, "-burstable") || cut_end(&stem, "-besteffort")) &&
	       is_kubepods_slice(stem);
}

bool cgroup_name_is_kubepods(const char *folder)
{
	struct span stem = span_of(folder);

	return equals(stem, "kubepods") || (cut_end(&stem, SLICE) && is_kubepods_slice(stem));
}

bool cgroup_name_is_qos(const char *folder)
{
	struct span stem = span_of(folder);

	return equals(stem, "burstable") || equals(stem, "besteffort") ||
	       (cut_end(&stem, SLICE) && is_qos_slice(stem));
}

/* "<kubepods or QoS slice>-pod<uid>.slice": the uid has one of two lengths and systemd's separator
 * is "-", so the uid is cut off the end, not searched for. */
static bool is_pod_slice(struct span stem, char ret_uid[POD_UID_SIZE])
{
	static const size_t LENGTHS[] = {UUID_LENGTH, HASH_DIGITS};

	for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
		struct span before = stem, uid;

		if (stem.length < LENGTHS[i])
			continue;
		before.length -= LENGTHS[i];
		uid = (struct span){stem.text + before.length, LENGTHS[i]};
		if (cut_end(&before, "-pod") && (is_kubepods_slice(before) || is_qos_slice(before)))
			return parse_uid(uid, '_', ret_uid);
	}
	return false;
}

bool cgroup_name_is_pod(const char *folder, char ret_uid[POD_UID_SIZE])
{
	struct span stem = span_of(folder);

	if (cut_end(&stem, SLICE))
		return is_pod_slice(stem, ret_uid);
	return cut_start(&stem, "pod") && parse_uid(stem, '-', ret_uid);
}

bool cgroup_name_is_container(const char *folder, char ret_id[CONTAINER_ID_SIZE])
{
	static const char *const RUNTIMES[] = {"cri-containerd-", "crio-", "docker-"};
	struct span stem = span_of(folder);

	if (cut_end(&stem, SCOPE)) {
		for (size_t i = 0; i < sizeof(RUNTIMES) / sizeof(RUNTIMES[0]); i++)
			if (cut_start(&stem, RUNTIMES[i]))
				return cgroup_name_parse_id(stem.text, stem.length, ret_id);
		return false;
	}
	(void)cut_start(&stem, "crio-");
	return cgroup_name_parse_id(stem.text, stem.length, ret_id);
}

static bool has_suffix(const char *folder, const char *suffix)
{
	struct span stem = span_of(folder);

	return cut_end(&stem, suffix) && stem.length > 0;
}

bool cgroup_name_is_unit(const char *folder)
{
	return has_suffix(folder, ".service") || has_suffix(folder, SCOPE);
}

bool cgroup_name_is_slice(const char *folder)
{
	return has_suffix(folder, SLICE);
}

bool cgroup_name_is_top_level(const char *folder)
{
	static const char *const OTHERS[] = {
		".slice", ".mount", ".automount", ".socket", ".swap", ".device", ".target"};

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (has_suffix(folder, OTHERS[i]))
			return false;
	return folder[0] != '\0';
}

void cgroup_name_of_unit(const char *folder, char ret_name[CGROUP_UNIT_NAME_SIZE])
{
	size_t length = 0;

	for (; *folder; folder++) {
		unsigned char c = (unsigned char)*folder;
		bool plain = c > 0x20 && c < 0x7f && c != '%' && c != '/';

		if (length + (plain ? 1 : 4) >= CGROUP_UNIT_NAME_SIZE)
			break;
		if (plain)
			ret_name[length++] = (char)c;
		else
			length += (size_t)snprintf(
				ret_name + length, CGROUP_UNIT_NAME_SIZE - length, "\\x%02x", c);
	}
	ret_name[length] = '\0';
}
