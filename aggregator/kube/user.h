/* Who someone is to Kubernetes: authentication.k8s.io UserInfo. */
#ifndef KUBE_USER_H
#define KUBE_USER_H

#include <stdbool.h>
#include <stddef.h>

/* Bounds of what is taken from outside; more is an error of who says it. */
#define USER_MAX_GROUPS 4096
#define USER_MAX_EXTRA  256

#define USER_ANONYMOUS        "system:anonymous"
#define GROUP_AUTHENTICATED   "system:authenticated"
#define GROUP_UNAUTHENTICATED "system:unauthenticated"
#define GROUP_MASTERS         "system:masters"

struct user_extra {
	char *key;   /* lower case */
	char *value; /* a key with several values has several entries */
};

/* Zero-initialise; everything is owned. */
struct user {
	char *name, *uid; /* NULL = "" */
	char **groups;
	size_t group_count;
	struct user_extra *extra;
	size_t extra_count;
	void *block; /* of a copy: what all of the above lie in */
};

void user_free(struct user *user);

/* 0, -ENOMEM or -E2BIG. The text is copied. user_set_* replace, user_add_* append. */
int user_set_name(struct user *user, const char *name);
int user_set_uid(struct user *user, const char *uid);
int user_add_group(struct user *user, const char *group);
int user_add_extra(struct user *user, const char *key, const char *value);

/* 0 or -ENOMEM: then *ret_copy is untouched. The copy is one piece of memory; texts in it may be
 * changed in place. */
int user_copy(const struct user *user, struct user *ret_copy);

bool user_in_group(const struct user *user, const char *group);

/* The first value of `key`, or NULL. */
const char *user_extra_value(const struct user *user, const char *key);

#endif
