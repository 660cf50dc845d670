/* The aggregators that a node's figures go to: one push to each address of a name.
 *
 * Each address has its own connection, and knows by itself what it was told (Hello, Catalog): one
 * that is slow or away does not hold up another. Messages are encoded once, by the caller, and the
 * same bytes go to all.
 *
 * Addresses come and go with the answers of a resolver. A new one is pushed to at once. One that is
 * in the answers no more is given up when it is not connected and has been missing for 30 s, in any
 * case after 60 s. Only an answer takes an address away: while there is none (DNS is down, the name
 * is gone) all stays as it is. Of a name with addresses of both families those of one are used, for
 * an aggregator that has two addresses must not be pushed to twice: the one that getaddrinfo(3)
 * prefers, or the other when nobody could be reached there for 10 s. */
#ifndef AGENT_FAN_OUT_H
#define AGENT_FAN_OUT_H

#include "agent/resolver.h"
#include "agent/target.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Addresses at a time; more are left out, logged and counted. An agent's figures are for a few
 * replicas, not for a crowd. */
#define FAN_OUT_MAX 8

struct fan_out_options {
	const char *url;         /* tls+tcp://host:port, ipc:///path, tcp://host:port */
	const char *ca_file;     /* PEM; for tls+tcp; followed as it changes */
	const char *server_name; /* verified in the certificate; NULL = the host of the url */
	bool insecure;           /* allows tcp:// */
	struct telemetry *telemetry;
};

struct fan_out;

/* With an address or a path in the url starts to connect; with a name, waits for fan_out_follow().
 * Strings must outlive it. NULL and a message for a bad url, a CA file that can't be read, or
 * tcp:// without `insecure`. Blocks on the disk. */
struct fan_out *fan_out_new(const struct fan_out_options *options, struct error *err);
void fan_out_free(struct fan_out *fan_out);

/* The name to resolve and its port, or NULL when the url has none. Lives as long as it does. */
const char *fan_out_name(const struct fan_out *fan_out, uint16_t *ret_port);

/* Takes over an answer for the name: see above. */
void fan_out_follow(struct fan_out *fan_out, const struct resolver_answer *answer, uint64_t now_ns);

/* Whether there are addresses, and all are connected. */
bool fan_out_complete(const struct fan_out *fan_out);

/* Looks after what NNG does not: call it each second or so. Gives up connections and handshakes
 * that are stuck. Reads the CA file when it has changed; living connections go on, new ones verify
 * by it. */
void fan_out_care(struct fan_out *fan_out, uint64_t now_ns);

/* Begins a round of messages, and says which of them somebody waits for: TARGET_HELLO | … . A
 * Hello is wanted on a new connection and when `credential` is another than the last Hello's; a
 * Catalog on a new connection and when `revision` is another; a Sample by all who are connected. */
unsigned fan_out_begin(struct fan_out *fan_out, uint64_t credential, uint64_t revision);

/* Sends to each who waits for this message. Whom it can't be sent to gets nothing more in this
 * round, and the same again in the next: a Sample alone would be dropped there. 0, or -ENOMEM when
 * that was the reason for one of them. Does not block. */
int fan_out_send(
	struct fan_out *fan_out, enum target_message message, const void *data, size_t size);

#endif
