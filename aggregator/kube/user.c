#include "aggregator/kube/user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_pieces(struct user *user)
{
	free(user->name);
	free(user->uid);
	for (size_t i = 0; i < user->group_count; i++)
		free(user->groups[i]);
	free(user->groups);
	for (size_t i = 0; i < user->extra_count; i++) {
		free(user->extra[i].key);
		free(user->extra[i].value);
	}
	free(user->extra);
}

void user_free(struct user *user)
{
	if (user->block)
		free(user->block);
	else
		free_pieces(user);
	*user = (struct user){0};
}

static int copy_in_pieces(const struct user *user, struct user *ret_copy);

/* Before something changes: what lies in a block has no room to. */
static int take_apart(struct user *user)
{
	struct user pieces;
	int r;

	if (!user->block)
		return 0;
	r = copy_in_pieces(user, &pieces);
	if (r < 0)
		return r;
	user_free(user);
	*user = pieces;
	return 0;
}

static int replace(char **text, const char *with)
{
	char *copy = strdup(with);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int user_set_name(struct user *user, const char *name)
{
	int r = take_apart(user);

	return r < 0 ? r : replace(&user->name, name);
}

int user_set_uid(struct user *user, const char *uid)
{
	int r = take_apart(user);

	return r < 0 ? r : replace(&user->uid, uid);
}

/* Room for one more of `size` bytes in *items: doubled at each power of two, so that no capacity
 * need be kept. */
static int grow(void **items, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1))
		return 0;
	more = reallocarray(*items, count ? 2 * count : 1, size);
	if (!more)
		return -ENOMEM;
	*items = more;
	return 0;
}

int user_add_group(struct user *user, const char *group)
{
	void *groups;
	char *copy;

	if (user->group_count >= USER_MAX_GROUPS)
		return -E2BIG;
	if (take_apart(user) < 0)
		return -ENOMEM;
	groups = user->groups;
	if (grow(&groups, user->group_count, sizeof(*user->groups)) < 0)
		return -ENOMEM;
	user->groups = groups;
	copy = strdup(group);
	if (!copy)
		return -ENOMEM;
	user->groups[user->group_count++] = copy;
	return 0;
}

int user_add_extra(struct user *user, const char *key, const char *value)
{
	struct user_extra copy = {0};
	void *extra;

	if (user->extra_count >= USER_MAX_EXTRA)
		return -E2BIG;
	if (take_apart(user) < 0)
		return -ENOMEM;
	extra = user->extra;
	if (grow(&extra, user->extra_count, sizeof(*user->extra)) < 0)
		return -ENOMEM;
	user->extra = extra;
	copy.key = strdup(key);
	copy.value = strdup(value);
	if (!copy.key || !copy.value) {
		free(copy.key);
		free(copy.value);
		return -ENOMEM;
	}
	user->extra[user->extra_count++] = copy;
	return 0;
}

static int add_pieces(const struct user *user, struct user *to)
{
	int r = 0;

	if (user->name)
		r = user_set_name(to, user->name);
	if (r == 0 && user->uid)
		r = user_set_uid(to, user->uid);
	for (size_t i = 0; r == 0 && i < user->group_count; i++)
		r = user_add_group(to, user->groups[i]);
	for (size_t i = 0; r == 0 && i < user->extra_count; i++)
		r = user_add_extra(to, user->extra[i].key, user->extra[i].value);
	return r;
}

static int copy_in_pieces(const struct user *user, struct user *ret_copy)
{
	struct user copy = {0};
	int r = add_pieces(user, &copy);

	if (r < 0) {
		user_free(&copy);
		return r;
	}
	*ret_copy = copy;
	return 0;
}

/* --- in one block ----------------------------------------------------------------------------- */

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static size_t block_size(const struct user *user)
{
	size_t size = user->group_count * sizeof(*user->groups) +
		      user->extra_count * sizeof(*user->extra) + text_size(user->name) +
		      text_size(user->uid);

	for (size_t i = 0; i < user->group_count; i++)
		size += text_size(user->groups[i]);
	for (size_t i = 0; i < user->extra_count; i++)
		size += text_size(user->extra[i].key) + text_size(user->extra[i].value);
	return size;
}

/* Copies the text to *to, which moves behind it. */
static char *put_text(char **to, const char *text)
{
	size_t size = text_size(text);
	char *copy = *to;

	if (!text)
		return NULL;
	memcpy(copy, text, size);
	*to += size;
	return copy;
}

int user_copy(const struct user *user, struct user *ret_copy)
{
	struct user copy = {.group_count = user->group_count, .extra_count = user->extra_count};
	char *to;

	copy.block = malloc(block_size(user) + 1); /* of nobody: 0 */
	if (!copy.block)
		return -ENOMEM;
	copy.extra = copy.block;
	copy.groups = (char **)(copy.extra + copy.extra_count);
	to = (char *)(copy.groups + copy.group_count);
	copy.name = put_text(&to, user->name);
	copy.uid = put_text(&to, user->uid);
	for (size_t i = 0; i < user->group_count; i++)
		copy.groups[i] = put_text(&to, user->groups[i]);
	for (size_t i = 0; i < user->extra_count; i++) {
		copy.extra[i].key = put_text(&to, user->extra[i].key);
		copy.extra[i].value = put_text(&to, user->extra[i].value);
	}
	*ret_copy = copy;
	return 0;
}

bool user_in_group(const struct user *user, const char *group)
{
	for (size_t i = 0; i < user->group_count; i++)
		if (strcmp(user->groups[i], group) == 0)
			return true;
	return false;
}

const char *user_extra_value(const struct user *user, const char *key)
{
	for (size_t i = 0; i < user->extra_count; i++)
		if (strcmp(user->extra[i].key, key) == 0)
			return user->extra[i].value;
	return NULL;
}
