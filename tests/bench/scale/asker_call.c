#include "tests/bench/scale/asker_call.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>

void asker_call_free(struct asker_call *call)
{
	asker_link_close(&call->link);
	asker_body_free(&call->body);
}

void asker_call_abandon(struct asker_call *call, enum asker_failure failure)
{
	call->failure = failure;
	call->asking = false;
	asker_link_close(&call->link);
}

static enum asker_news failed(struct asker_call *call, enum asker_failure failure)
{
	asker_call_abandon(call, failure);
	return ASKER_FAILED;
}

int asker_call_open(
	struct asker_call *call, const struct asker_place *place, uint64_t data, uint64_t now_ns)
{
	int r = asker_link_open(&call->link, place, data, &call->error);

	call->opened_ns = now_ns;
	call->asking = call->ended = false;
	if (r < 0)
		call->failure = ASKER_FAILURE_CONNECT;
	return r;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int send_rest(struct asker_call *call)
{
	while (call->left > 0) {
		ssize_t r = asker_link_write(&call->link, call->request, call->left, &call->error);

		if (r == -EAGAIN)
			return 0;
		if (r == 0)
			return error_set(&call->error, ECONNRESET, "sending: it is closed");
		if (r < 0)
			return (int)r;
		call->request += r;
		call->left -= (size_t)r;
	}
	return 0;
}

int asker_call_ask(struct asker_call *call, const char *request, size_t length)
{
	int r;

	call->request = request;
	call->left = length;
	call->asking = true;
	call->first_ns = 0;
	asker_body_start(&call->body);
	asker_answer_start(&call->answer, call->body.counts ? asker_body_take : NULL, &call->body);
	r = send_rest(call);
	if (r < 0)
		asker_call_abandon(call, ASKER_FAILURE_RESET);
	return r;
}

/* --- taking the answer ------------------------------------------------------------------------ */

static enum asker_news answered(struct asker_call *call)
{
	call->asking = false;
	return ASKER_ANSWERED;
}

static enum asker_news at_end(struct asker_call *call)
{
	if (call->asking && asker_answer_end(&call->answer)) {
		call->ended = true;
		return answered(call);
	}
	(void)error_set(&call->error, ECONNRESET, "the server closed the connection%s",
		call->asking ? " before its answer was complete" : "");
	return failed(call, ASKER_FAILURE_CLOSED);
}

static enum asker_news take(struct asker_call *call, const char *data, size_t size)
{
	size_t used;
	int r;

	if (!call->asking) {
		(void)error_set(&call->error, EPROTO, "an answer that nobody asked for");
		return failed(call, ASKER_FAILURE_GARBAGE);
	}
	r = asker_answer_take(&call->answer, data, size, &used, &call->error);
	if (call->times_first && call->first_ns == 0 && call->answer.body_bytes > 0)
		call->first_ns = clock_monotonic_ns();
	if (r < 0)
		return failed(call, ASKER_FAILURE_GARBAGE);
	if (r == 0)
		return ASKER_NOTHING;
	if (used < size) {
		(void)error_set(&call->error, EPROTO, "bytes behind the answer");
		return failed(call, ASKER_FAILURE_GARBAGE);
	}
	return answered(call);
}

static enum asker_news receive(struct asker_call *call)
{
	char data[16384]; /* a whole TLS record */
	enum asker_news news = ASKER_NOTHING;

	while (news == ASKER_NOTHING) {
		ssize_t r = asker_link_read(&call->link, data, sizeof(data), &call->error);

		if (r == -EAGAIN)
			break;
		if (r < 0)
			return failed(
				call, r == -EPROTO ? ASKER_FAILURE_GARBAGE : ASKER_FAILURE_RESET);
		news = r == 0 ? at_end(call) : take(call, data, (size_t)r);
	}
	return news;
}

static enum asker_news shake(struct asker_call *call)
{
	int r = asker_link_shake(&call->link, &call->error);

	if (r < 0)
		return failed(call, call->link.state == ASKER_LINK_CONNECTING
					    ? ASKER_FAILURE_CONNECT
					    : ASKER_FAILURE_HANDSHAKE);
	return r > 0 ? ASKER_READY : ASKER_NOTHING;
}

enum asker_news asker_call_step(struct asker_call *call, uint32_t events)
{
	if (call->link.state == ASKER_LINK_CLOSED)
		return ASKER_NOTHING; /* an event that was under way */
	if (call->link.state != ASKER_LINK_OPEN)
		return shake(call);
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		call->ended = true;
	if (call->left > 0 && call->asking && send_rest(call) < 0)
		return failed(call, ASKER_FAILURE_RESET);
	if (events & ~(uint32_t)EPOLLOUT)
		return receive(call);
	return ASKER_NOTHING;
}

bool asker_call_reusable(const struct asker_call *call)
{
	return call->link.state == ASKER_LINK_OPEN && !call->answer.close && !call->ended;
}

void asker_call_count(
	const struct asker_call *call, struct asker_tally *tally, uint64_t ns, uint64_t items)
{
	struct error error;

	tally->requests++;
	tally->status[call->answer.status]++;
	tally->body_bytes += call->answer.body_bytes;
	asker_histogram_add(&tally->latency, ns);
	if (!call->body.counts || call->answer.status != 200 || asker_body_has(&call->body, items))
		return;
	(void)error_set(&error, EPROTO, "an answer with %llu items instead of %llu",
		(unsigned long long)call->body.items.count, (unsigned long long)items);
	asker_tally_fail(tally, ASKER_FAILURE_WRONG, &error);
}
