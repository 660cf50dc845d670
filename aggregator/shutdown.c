#include "aggregator/shutdown.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#define LOOK_MS 20

struct shutdown {
	struct event_base *base;
	struct api *api;
	struct event *on_term, *on_int, *look;
	uint64_t delay_ns, asked_ns; /* when the signal came; 0 = not yet */
	bool draining;
};

static void look(evutil_socket_t fd, short what, void *context)
{
	struct shutdown *shutdown = context;
	uint64_t since_ns = clock_monotonic_ns() - shutdown->asked_ns;

	(void)fd;
	(void)what;
	if (since_ns < shutdown->delay_ns)
		return;
	if (!shutdown->draining)
		api_drain(shutdown->api);
	shutdown->draining = true;
	if (api_requests(shutdown->api) > 0 && since_ns - shutdown->delay_ns < SHUTDOWN_DRAIN_NS)
		return;
	if (api_requests(shutdown->api) > 0)
		log_warn("%zu requests did not end in time and are cut",
			api_requests(shutdown->api));
	(void)event_base_loopbreak(shutdown->base);
}

static void on_signal(evutil_socket_t fd, short what, void *context)
{
	const struct timeval interval = {.tv_usec = LOOK_MS * 1000};
	struct shutdown *shutdown = context;

	(void)what;
	log_info("%s: leaving", fd == SIGINT ? "SIGINT" : "SIGTERM");
	if (shutdown->asked_ns != 0 || event_add(shutdown->look, &interval) < 0) {
		(void)event_base_loopbreak(shutdown->base);
		return;
	}
	shutdown->asked_ns = clock_monotonic_ns();
	api_announce_end(shutdown->api);
	look(-1, 0, shutdown);
}

int shutdown_run(struct event_base *base, struct api *api, uint64_t delay_ns, struct error *err)
{
	struct shutdown shutdown = {.base = base, .api = api, .delay_ns = delay_ns};
	int r = 0;

	shutdown.on_term = evsignal_new(base, SIGTERM, on_signal, &shutdown);
	shutdown.on_int = evsignal_new(base, SIGINT, on_signal, &shutdown);
	shutdown.look = event_new(base, -1, EV_PERSIST, look, &shutdown);
	if (!shutdown.on_term || !shutdown.on_int || !shutdown.look ||
		event_add(shutdown.on_term, NULL) < 0 || event_add(shutdown.on_int, NULL) < 0 ||
		event_base_dispatch(base) < 0)
		r = error_set(err, ENOMEM, "running the event loop failed");
	if (shutdown.look)
		event_free(shutdown.look);
	if (shutdown.on_int)
		event_free(shutdown.on_int);
	if (shutdown.on_term)
		event_free(shutdown.on_term);
	return r;
}
