/* Base64 (RFC 4648, the usual alphabet, padded), as Kubernetes writes certificates into files. */
#ifndef KUBE_BASE64_H
#define KUBE_BASE64_H

#include <stddef.h>

/* Decodes text that holds text: line ends are skipped. 0; -EINVAL for a letter or padding that does
 * not belong, or a NUL in what comes out; -ENOMEM. Free *ret_text. */
int base64_decode_text(const char *base64, char **ret_text);

/* In one line. NULL: memory is short, or it is more than 1 GiB. Free it. */
char *base64_encode(const void *data, size_t size);

#endif
