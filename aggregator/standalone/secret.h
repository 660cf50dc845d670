/* The shared secret of a standalone aggregator: what an agent's Hello and a client's bearer token
 * must be. */
#ifndef STANDALONE_SECRET_H
#define STANDALONE_SECRET_H

#include "base/error.h"

#define SECRET_MIN_LENGTH 32
#define SECRET_MAX_LENGTH 256

struct secret {
	char text[SECRET_MAX_LENGTH + 1]; /* printable ASCII without blanks */
};

/* Reads the secret from the file, or makes one of 32 random bytes, written in hex with mode 0600.
 * A newline at the file's end is not part of it. Two processes that do this at once get the same
 * one. 0; -EINVAL when what is there is no secret: too short, too long, an odd character; -EACCES
 * when others than its owner can read it; or -errno. Blocks on the disk. */
int secret_ensure(const char *path, struct secret *ret_secret, struct error *err);

#endif
