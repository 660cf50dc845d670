/* Certificates of authorities, several in one PEM text, and which version of them it is. */
#ifndef ACCESS_CA_BUNDLE_H
#define ACCESS_CA_BUNDLE_H

#include "base/error.h"

#include <openssl/types.h>
#include <stdint.h>

#define CA_BUNDLE_MAX_BYTES        (1U << 20) /* a ConfigMap's bound */
#define CA_BUNDLE_MAX_CERTIFICATES 512

struct ca_bundle;

/* An empty one: it believes nobody. NULL when memory is short. */
struct ca_bundle *ca_bundle_new(void);
void ca_bundle_free(struct ca_bundle *bundle);

/* What is in it now, of the same generation, for other threads to read: it must not be set. NULL
 * when memory is short. */
struct ca_bundle *ca_bundle_copy(const struct ca_bundle *bundle);

/* Takes the certificates of `pem`, whatever other blocks and texts stand between them; NULL and ""
 * empty it. 1 when they are others than before, 0 when the text is the same; -EINVAL (a certificate
 * that can't be read, none in it), -E2BIG or -ENOMEM with a message: then it stays as it is. */
int ca_bundle_set(struct ca_bundle *bundle, const char *pem, struct error *err);

/* What to verify against, or NULL when it is empty; it belongs to the bundle. */
X509_STORE *ca_bundle_store(const struct ca_bundle *bundle);

/* Another number after each change; never 0. */
uint64_t ca_bundle_generation(const struct ca_bundle *bundle);

#endif
