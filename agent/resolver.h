/* Looks a name up again and again, on a thread of its own: getaddrinfo(3) blocks for as long as the
 * name servers like.
 *
 * A look-up that fails is no answer: it is logged and counted, and what was answered before stays
 * true for whoever asked. */
#ifndef AGENT_RESOLVER_H
#define AGENT_RESOLVER_H

#include "base/address.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVER_MAX 64 /* addresses of one answer */

struct resolver_answer {
	struct address addresses[RESOLVER_MAX]; /* sorted, each once */
	size_t count;                           /* at least 1 */
	size_t left_out;                        /* the highest, of more than RESOLVER_MAX */
	uint16_t family; /* of the address that getaddrinfo(3) would try first (RFC 6724) */
};

struct resolver_options {
	const char *host;
	uint16_t port; /* that the addresses are to have */
	/* How a name is looked up: on the resolver's thread, may block. 0, or -errno and a message.
	 * NULL: getaddrinfo(3), thus /etc/hosts and DNS, IPv4 and IPv6. For tests. */
	int (*look_up)(void *context, const char *host, uint16_t port,
		struct resolver_answer *ret_answer, struct error *err);
	void *context;
	struct telemetry *telemetry;
};

struct resolver;

/* Starts the thread and the first look-up. Strings must outlive the resolver. NULL and a message
 * when there is no memory or no thread to be had. */
struct resolver *resolver_new(const struct resolver_options *options, struct error *err);

/* Does not wait for a look-up that is under way: its thread ends by itself. NULL is fine. */
void resolver_free(struct resolver *resolver);

/* Starts a look-up when it is time for one: some 30 s after the last, or 5 s if `hurry`. True when
 * one has brought an answer since the last call, which goes to *ret_answer. Never blocks; call it
 * each second or so, from one thread. */
bool resolver_poll(
	struct resolver *resolver, bool hurry, uint64_t now_ns, struct resolver_answer *ret_answer);

/* Puts an address into the answer, in its place. For `look_up`. */
void resolver_answer_add(struct resolver_answer *answer, const struct address *address);

#endif
