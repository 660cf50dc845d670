/* "::" is every address, of IPv4 too, but where the kernel has no IPv6 at all. */
#ifndef AGGREGATOR_FLAGS_IPV6_H
#define AGGREGATOR_FLAGS_IPV6_H

#include "base/error.h"
#include "base/string_list.h"

/* There every IPv4 address stands in its place, in --bind-address (which is logged) and in the urls
 * of --listen. 0 or -ENOMEM with a message. */
int flags_do_without_ipv6(const char **bind_address, struct string_list *listen, struct error *err);

#endif
