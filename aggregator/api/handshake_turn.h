/* TLS handshakes take turns: a step of one takes up to a millisecond of CPU, and a thousand clients
 * that come together must not keep from their answers those who are there. What comes of a
 * handshake puts its connection at the end of a line; a turn of the loop takes from its front for
 * about as long as one step, and then the line pauses for four times that. So neither side can shut
 * out the other: who is connected waits for one step or two, and has most of the time, also of a
 * CPU that is short, where the other half of a crowd's handshakes takes its part as well; who comes
 * waits for those who came before: some 250 handshakes a second begin and end. Who was answered and
 * has answered needs one short step more: those are a line of their own, and both lines take turns,
 * so that the end of a handshake need not wait for all who are about to begin one.
 *
 * Of one serving loop, in its thread. */
#ifndef API_HANDSHAKE_TURN_H
#define API_HANDSHAKE_TURN_H

#include "base/telemetry.h"

#include <event2/event.h>

struct connection;
struct connection_set;

/* In a turn steps are begun for so long. Also what is no step is short then: a byte of a hello, the
 * end of one who is cut. */
#define HANDSHAKE_TURN_NS 300000
#define HANDSHAKE_PAUSE   4 /* times what a turn took */

/* -ENOMEM when memory is short. */
int handshake_turn_start(
	struct connection_set *set, struct event_base *base, struct telemetry *telemetry);

/* Nobody gets a turn any more. Also of a set that did not start. */
void handshake_turn_stop(struct connection_set *set);

/* The connection is new, and gets its socket before the loop goes on. */
void handshake_turn_expect(struct connection *connection);

/* It is about to be freed. */
void handshake_turn_forget(struct connection *connection);

#endif
