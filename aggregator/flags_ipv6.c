#include "aggregator/flags_ipv6.h"

#include "base/address.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_BOTH "//[::]:"
#define EVERY_IPV4 "//0.0.0.0:"

int flags_do_without_ipv6(const char **bind_address, struct string_list *listen, struct error *err)
{
	if (address_ipv6_is_there())
		return 0;
	if (strcmp(*bind_address, "::") == 0) {
		log_info("this kernel has no IPv6: 0.0.0.0 is listened on instead of ::");
		*bind_address = "0.0.0.0";
	}
	for (size_t i = 0; i < listen->count; i++) {
		char **url = &listen->item[i], *changed;
		const char *every = strstr(*url, EVERY_BOTH);

		if (!every)
			continue;
		if (asprintf(&changed, "%.*s" EVERY_IPV4 "%s", (int)(every - *url), *url,
			    every + strlen(EVERY_BOTH)) < 0)
			return error_errno(err, ENOMEM, "reading --listen");
		free(*url);
		*url = changed;
	}
	return 0;
}
