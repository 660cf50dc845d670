#include "agent/send_queue.h"

#include "base/clock.h"
#include "base/tls_engine.h"

#include <stddef.h>
#include <stdlib.h>

/* A Hello, a Catalog, a Sample, and one that NNG does not get rid of. */
#define LENGTH 4

struct send_queue {
	nng_socket socket;
	nng_aio *aio;
	pthread_mutex_t *lock; /* guards what follows; taken by NNG's threads too */
	nng_msg *messages[LENGTH];
	size_t first, count;
	uint64_t busy_since_ns; /* 0: the aio is not with NNG */
	uint64_t last_sent_ns;
	struct telemetry_series *sent, *dropped;
};

static void send_next(struct send_queue *queue)
{
	nng_msg *message;

	if (queue->busy_since_ns != 0 || queue->count == 0)
		return;
	queue->busy_since_ns = clock_monotonic_ns();
	message = queue->messages[queue->first];
	nng_aio_set_msg(queue->aio, message);
	queue->first = (queue->first + 1) % LENGTH;
	queue->count--;
	tls_engine_sending(nng_msg_body(message), nng_msg_len(message));
	nng_send_aio(queue->socket, queue->aio);
	tls_engine_sending(NULL, 0);
}

/* NNG took the message, or gave it back. */
static void on_sent(void *context)
{
	struct send_queue *queue = context;

	(void)pthread_mutex_lock(queue->lock);
	queue->busy_since_ns = 0;
	if (nng_aio_result(queue->aio) == 0) {
		queue->last_sent_ns = clock_monotonic_ns();
		telemetry_add(queue->sent, 1);
	} else {
		telemetry_add(queue->dropped, 1);
		nng_msg_free(nng_aio_get_msg(queue->aio));
		nng_aio_set_msg(queue->aio, NULL);
	}
	send_next(queue);
	(void)pthread_mutex_unlock(queue->lock);
}

struct send_queue *send_queue_new(
	nng_socket socket, pthread_mutex_t *lock, struct telemetry *telemetry)
{
	struct send_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->socket = socket;
	queue->lock = lock;
	queue->sent = telemetry_counter(telemetry, "tacho_agent_push_sent_total",
		"Messages that were handed to a connection", NULL, NULL);
	queue->dropped = telemetry_counter(telemetry, "tacho_agent_push_dropped_total",
		"Messages that could not be sent at their time", NULL, NULL);
	if (nng_aio_alloc(&queue->aio, on_sent, queue) == 0)
		return queue;
	free(queue);
	return NULL;
}

void send_queue_free(struct send_queue *queue)
{
	if (!queue)
		return;
	nng_aio_stop(queue->aio);
	nng_aio_free(queue->aio);
	free(queue);
}

bool send_queue_put(struct send_queue *queue, nng_msg *message)
{
	if (queue->count == LENGTH)
		return false;
	queue->messages[(queue->first + queue->count++) % LENGTH] = message;
	send_next(queue);
	return true;
}

void send_queue_drop(struct send_queue *queue)
{
	for (; queue->count > 0; queue->count--) {
		nng_msg_free(queue->messages[queue->first]);
		queue->first = (queue->first + 1) % LENGTH;
		telemetry_add(queue->dropped, 1);
	}
	if (queue->busy_since_ns != 0)
		nng_aio_abort(queue->aio, NNG_ECANCELED);
}

uint64_t send_queue_busy_since(const struct send_queue *queue)
{
	return queue->busy_since_ns;
}

void send_queue_settle(struct send_queue *queue)
{
	nng_aio_wait(queue->aio);
}

uint64_t send_queue_last_sent(const struct send_queue *queue)
{
	return queue->last_sent_ns;
}
