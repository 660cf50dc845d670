/* The few messages that wait for NNG to take them, one after the other: it refuses a second one
 * while it has one in hand, and Hello, Catalog and Sample come in one go. */
#ifndef AGENT_SEND_QUEUE_H
#define AGENT_SEND_QUEUE_H

#include "base/telemetry.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct send_queue;

/* `lock` is the owner's: held in every call but this and the next. NULL when memory is short. */
struct send_queue *send_queue_new(
	nng_socket socket, pthread_mutex_t *lock, struct telemetry *telemetry);

/* Waits for NNG's callback. The queue should have been dropped. NULL is fine. */
void send_queue_free(struct send_queue *queue);

/* Takes over the message, or does not: false when there is no room for another. */
bool send_queue_put(struct send_queue *queue, nng_msg *message);

/* Frees what waits, takes back what NNG has in hand, and counts it. */
void send_queue_drop(struct send_queue *queue);

/* Waits until NNG has said what became of the message that it was given: at once, after
 * send_queue_drop(). Without the lock; nothing may be put meanwhile. */
void send_queue_settle(struct send_queue *queue);

/* When (CLOCK_MONOTONIC) NNG said last that a connection took a message; 0: never. */
uint64_t send_queue_last_sent(const struct send_queue *queue);

/* Since when (CLOCK_MONOTONIC) NNG has had a message in hand; 0: it has none. */
uint64_t send_queue_busy_since(const struct send_queue *queue);

#endif
