/* What a node may be called: agent and aggregator agree on it. */
#ifndef BASE_NODE_NAME_H
#define BASE_NODE_NAME_H

#include <stdbool.h>

#define NODE_NAME_MAX 253 /* bytes */

/* A DNS-1123 subdomain, as the names of Kubernetes nodes are: at most 253 bytes of a-z, 0-9, '-'
 * and '.', each part beginning and ending with a letter or digit. */
bool node_name_valid(const char *name);

#endif
