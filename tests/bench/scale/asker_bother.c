#include "tests/bench/scale/asker_bother.h"

#include "base/clock.h"
#include "tests/bench/scale/asker_cut.h"
#include "tests/bench/scale/asker_link.h"
#include "tests/bench/scale/asker_meter.h"
#include "tests/bench/scale/asker_requests.h"
#include "tests/bench/scale/asker_tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BATCH       256
#define TURNS       100 /* a second: each client has its own of them, so that there are no bursts */
#define SLOW_BYTES  1024 /* a second */
#define QUIET_TURNS 5    /* nothing to read so often: the answer is over */
#define PORTS       65536
#define LOWEST      19 /* nice(2) */

static const char *const KINDS[] = {
	[ASKER_SILENT] = "silent",
	[ASKER_HANDSHAKE] = "handshake",
	[ASKER_DRIP] = "drip",
	[ASKER_HALF_REQUEST] = "half-request",
	[ASKER_SLOW_READER] = "slow-reader",
	[ASKER_DEAD_READER] = "dead-reader",
	[ASKER_IDLE] = "idle",
};

struct client {
	struct asker_link link;
	bool settled;   /* it is where it does harm */
	bool was_open;  /* has connected before */
	uint64_t at_ns; /* when connecting began; of a settled one, when it settled */
	size_t sent;    /* drip: bytes */
	unsigned quiet; /* slow-reader: turns without a byte */
	uint16_t port;
};

struct bother {
	const struct asker_options *options;
	struct asker_place place;
	struct asker_requests *requests;
	struct client *client;
	struct client *by_port[PORTS];
	size_t settled;
	uint64_t settled_sum, samples; /* of it, each turn */
	uint64_t cuts, bytes_read;
	bool scans; /* for cut connections that can't see it */
	struct asker_histogram life;
	struct asker_tally tally;
	struct asker_meter meter;
};

/* --- coming and going ------------------------------------------------------------------------- */

static void close_client(struct bother *bother, struct client *client)
{
	if (client->settled)
		bother->settled--;
	client->settled = false;
	if (bother->by_port[client->port] == client)
		bother->by_port[client->port] = NULL;
	asker_link_close(&client->link);
}

static void on_failed(struct bother *bother, struct client *client, const struct error *error)
{
	asker_tally_fail(&bother->tally,
		client->link.state == ASKER_LINK_SHAKING ? ASKER_FAILURE_HANDSHAKE
							 : ASKER_FAILURE_CONNECT,
		error);
	close_client(bother, client);
}

static void on_cut(struct bother *bother, struct client *client)
{
	bother->cuts++;
	asker_histogram_add(&bother->life, clock_monotonic_ns() - client->at_ns);
	close_client(bother, client);
}

static void open_client(struct bother *bother, struct client *client)
{
	struct error error;

	bother->tally.reconnects += client->was_open;
	client->was_open = true;
	client->at_ns = clock_monotonic_ns();
	if (asker_link_open(
		    &client->link, &bother->place, (uint64_t)(client - bother->client), &error) < 0)
		asker_tally_fail(&bother->tally, ASKER_FAILURE_CONNECT, &error);
}

/* --- what they do ----------------------------------------------------------------------------- */

/* Of an endless header. */
static char next_drop(struct client *client, const char *request)
{
	const char *host = strstr(request, "\r\n");
	size_t first = host ? (size_t)(host - request) : 0, at = client->sent++;
	static const char LINE[] = "\r\nX-Drip: ";

	if (at < first)
		return request[at];
	at -= first;
	return at < sizeof(LINE) - 1 ? LINE[at] : 'a';
}

/* False when it is cut. */
static bool send_some(struct bother *bother, struct client *client)
{
	size_t length;
	const char *request = asker_requests_next(bother->requests, &length);
	struct error error;
	ssize_t r = 1;
	char c;

	switch ((enum asker_kind)bother->options->kind) {
	case ASKER_DRIP:
		c = next_drop(client, request);
		r = asker_link_write(&client->link, &c, 1, &error);
		break;
	case ASKER_HALF_REQUEST:
		r = asker_link_write(&client->link, request, length / 2, &error);
		break;
	case ASKER_SLOW_READER:
	case ASKER_DEAD_READER:
		r = asker_link_write(&client->link, request, length, &error);
		break;
	default:
		break; /* it says nothing */
	}
	return r > 0 || r == -EAGAIN;
}

/* As it comes from the network: decrypting it would need whole records. */
static bool read_slowly(struct bother *bother, struct client *client)
{
	char data[SLOW_BYTES];
	ssize_t r = recv(client->link.fd, data, sizeof(data), MSG_DONTWAIT);

	if (r > 0) {
		client->quiet = 0;
		bother->bytes_read += (uint64_t)r;
		return true;
	}
	if (r < 0 && errno == EAGAIN && ++client->quiet >= QUIET_TURNS) {
		client->quiet = 0;
		return send_some(bother, client);
	}
	return r < 0 && errno == EAGAIN;
}

static void remember_port(struct bother *bother, struct client *client)
{
	struct sockaddr_storage own = {0};
	socklen_t size = sizeof(own);

	if (getsockname(client->link.fd, (struct sockaddr *)&own, &size) < 0)
		return;
	client->port = ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
						       : ((struct sockaddr_in *)&own)->sin_port);
	bother->by_port[client->port] = client;
}

static void settle(struct bother *bother, struct client *client)
{
	uint64_t now_ns = clock_monotonic_ns();

	asker_histogram_add(&bother->tally.handshake, now_ns - client->at_ns);
	client->at_ns = now_ns;
	client->sent = client->quiet = 0;
	client->settled = true;
	bother->settled++;
	remember_port(bother, client);
	if (!send_some(bother, client))
		on_cut(bother, client);
}

/* --- events and turns ------------------------------------------------------------------------- */

static void connect_on(struct bother *bother, struct client *client)
{
	struct error error;
	int r = asker_link_shake(&client->link, &error);

	if (r < 0)
		on_failed(bother, client, &error);
	else if (r > 0 || (bother->options->kind == ASKER_HANDSHAKE &&
				  client->link.state == ASKER_LINK_SHAKING))
		settle(bother, client); /* half a handshake: its ClientHello is sent */
}

static void on_event(struct bother *bother, const struct epoll_event *event)
{
	struct client *client = &bother->client[event->data.u64];

	if (client->link.state == ASKER_LINK_CLOSED)
		return;
	if (!client->settled)
		connect_on(bother, client);
	if (client->settled && event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		on_cut(bother, client);
}

static void take_turn(struct bother *bother, struct client *client)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct error error;
	bool here = true;

	if (client->link.state == ASKER_LINK_CLOSED) {
		open_client(bother, client);
	} else if (!client->settled) {
		if (now_ns - client->at_ns <= bother->options->timeout_ns)
			return;
		(void)error_set(&error, ETIMEDOUT, "connecting: not in time");
		on_failed(bother, client, &error);
	} else {
		if (bother->options->kind == ASKER_SLOW_READER)
			here = read_slowly(bother, client);
		else if (bother->options->kind == ASKER_DRIP)
			here = send_some(bother, client);
		if (!here)
			on_cut(bother, client);
	}
}

static void on_gone(void *context, uint16_t client_port)
{
	struct bother *bother = context;
	struct client *client = bother->by_port[client_port];

	if (client && client->settled)
		on_cut(bother, client);
}

/* Once a second. */
static void look_around(struct bother *bother)
{
	if (bother->scans && asker_cut_scan((uint16_t)bother->options->port,
				     bother->place.address.ss_family, on_gone, bother) < 0)
		bother->scans = false; /* the report says so */
	if (bother->options->progress)
		(void)asker_tally_print(json_pack("{s:I,s:I,s:I,s:I}", "second",
			(json_int_t)(bother->samples / TURNS), "open", (json_int_t)bother->settled,
			"cuts", (json_int_t)bother->cuts, "errors",
			(json_int_t)asker_tally_failures(&bother->tally)));
}

/* --- the run ---------------------------------------------------------------------------------- */

static void wait_until(struct bother *bother, uint64_t until_ns)
{
	uint64_t now_ns;

	while ((now_ns = clock_monotonic_ns()) < until_ns) {
		struct epoll_event event[BATCH];
		const struct timespec timeout = {(time_t)((until_ns - now_ns) / NS_PER_SECOND),
			(long)((until_ns - now_ns) % NS_PER_SECOND)};
		int count = epoll_pwait2(bother->place.epoll, event, BATCH, &timeout, NULL);

		for (int i = 0; i < count; i++)
			on_event(bother, &event[i]);
	}
}

static void run(struct bother *bother)
{
	uint64_t begin_ns = clock_monotonic_ns(), count = bother->options->connections;

	asker_meter_begin(&bother->meter);
	for (uint64_t turn = 0; turn < bother->options->seconds * TURNS; turn++) {
		for (uint64_t i = turn % TURNS; i < count; i += TURNS)
			take_turn(bother, &bother->client[i]);
		wait_until(bother, begin_ns + (turn + 1) * (NS_PER_SECOND / TURNS));
		bother->settled_sum += bother->settled;
		if (++bother->samples % TURNS == 0)
			look_around(bother);
	}
	asker_meter_end(&bother->meter);
}

static json_t *life(const struct asker_histogram *life)
{
	return json_pack("{s:f,s:f,s:f}", "p50", (double)asker_histogram_at(life, 500) / 1e6, "p99",
		(double)asker_histogram_at(life, 990) / 1e6, "max", (double)life->max_ns / 1e6);
}

static int report(struct bother *bother, struct error *err)
{
	json_t *object = asker_tally_json(&bother->tally, asker_meter_seconds(&bother->meter));
	json_t *own = json_pack("{s:s,s:I,s:I,s:f,s:I,s:o,s:b,s:I}", "kind",
		KINDS[bother->options->kind], "connections",
		(json_int_t)bother->options->connections, "open", (json_int_t)bother->settled,
		"open_mean", (double)bother->settled_sum / (double)bother->samples, "cuts",
		(json_int_t)bother->cuts, "life_ms", life(&bother->life), "sees_all_cuts",
		bother->scans, "bytes_read", (json_int_t)bother->bytes_read);

	if (object) {
		asker_meter_tell(&bother->meter, object);
		(void)json_object_update(object, own);
	}
	json_decref(own);
	if (asker_tally_print(object) < 0)
		return error_set(err, EIO, "the report can't be written");
	return bother->tally.handshake.count > 0
		       ? 0
		       : error_set(err, EIO, "no connection: %s", bother->tally.first_failure);
}

/* On machines of their own bad clients would take no CPU of the server's or of other clients': here
 * they get what those leave. The harm is what they make the server do. */
static int step_back(struct error *err)
{
	return setpriority(PRIO_PROCESS, 0, LOWEST) < 0
		       ? error_errno(err, errno, "giving others the CPU first")
		       : 0;
}

static int prepare(struct bother *bother, struct error *err)
{
	const struct asker_options *options = bother->options;
	int r = step_back(err);

	if (r == 0)
		r = asker_place_init(&bother->place, options, err);

	if (r == 0)
		r = asker_meter_init(&bother->meter, options->server_pid, err);
	if (r < 0)
		return r;
	bother->requests = asker_requests_new(options, err);
	if (!bother->requests)
		return -EINVAL;
	bother->scans = true;
	bother->client = calloc(options->connections, sizeof(*bother->client));
	return bother->client ? 0 : error_errno(err, ENOMEM, "connections");
}

int asker_bother(const struct asker_options *options, struct error *err)
{
	struct bother *bother = calloc(1, sizeof(*bother));
	int r;

	if (!bother)
		return error_errno(err, ENOMEM, "bother");
	bother->options = options;
	r = prepare(bother, err);
	if (r == 0) {
		run(bother);
		r = report(bother, err);
	}
	for (size_t i = 0; bother->client && i < options->connections; i++)
		asker_link_close(&bother->client[i].link);
	asker_requests_free(bother->requests);
	asker_place_free(&bother->place);
	free(bother->client);
	free(bother);
	return r;
}
