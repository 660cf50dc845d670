#include "agent/once.h"

#include "agent/once_report.h"
#include "base/clock.h"

#include <errno.h>
#include <time.h>

static void sleep_ns(uint64_t ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

int once_run(const struct once_options *options, FILE *out, struct error *err)
{
	uint64_t start_ns = clock_monotonic_ns();
	struct once_report report = {.node_name = options->node_name, .metrics = options->metrics};
	const struct roster *roster;
	const struct sample *sample;
	int r;

	for (uint64_t look = 0;; look++) {
		uint64_t due_ns = start_ns + look * options->interval_ns, now_ns;

		now_ns = clock_monotonic_ns();
		if (now_ns < due_ns)
			sleep_ns(due_ns - now_ns);
		r = sampler_run(options->sampler, &roster, &sample);
		if (r < 0)
			return error_errno(err, -r, "reading the node's counters");
		if (due_ns - start_ns >= options->window_ns)
			break;
	}
	report.roster = roster;
	report.sample = sample;
	sampler_capacity(options->sampler, &report.capacity);
	if (options->output == ONCE_JSON)
		r = once_report_json(&report, out);
	else
		r = once_report_table(&report, out);
	if (r == 0 && fflush(out) != 0)
		r = -errno;
	return r < 0 ? error_errno(err, -r, "writing the figures") : 0;
}
