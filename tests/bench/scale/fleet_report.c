#include "tests/bench/scale/fleet_report.h"

#include "base/clock.h"

#include <sys/resource.h>

static uint64_t epoch_ms(void)
{
	return clock_realtime_ns() / NS_PER_MS;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

void fleet_report_begin(struct fleet_report *report)
{
	struct telemetry *telemetry = report->wire->telemetry;

	/* push's own, by their names */
	report->connected =
		telemetry_gauge(telemetry, "tacho_agent_push_connections", "", NULL, NULL);
	report->connects =
		telemetry_counter(telemetry, "tacho_agent_push_connects_total", "", NULL, NULL);
	report->dropped =
		telemetry_counter(telemetry, "tacho_agent_push_dropped_total", "", NULL, NULL);
	report->next_ns = report->run_ns + NS_PER_SECOND;
	report->waiting_since_ns = report->run_ns;
}

static void write_figures(struct fleet_report *report, const char *event)
{
	const struct fleet_wire *wire = report->wire;
	struct world_counts counts = world_count(report->world);
	uint64_t connected = telemetry_get(report->connected);
	struct rusage usage = {0};
	double cpu_s;

	(void)getrusage(RUSAGE_SELF, &usage);
	cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	(void)fprintf(report->out, "{");
	if (event)
		(void)fprintf(report->out, "\"event\":\"%s\",", event);
	(void)fprintf(report->out,
		"\"t_ms\":%llu,\"agents\":%zu,\"pods\":%zu,\"containers\":%zu,\"lines\":%llu,"
		"\"connected\":%llu,\"connects\":%llu,\"sent\":%llu,\"dropped\":%llu,"
		"\"offline\":%llu,\"hellos\":%llu,\"catalogs\":%llu,\"late\":%llu,"
		"\"skipped\":%llu,\"worst_late_ms\":%.1f,\"cpu_s\":%.3f,\"max_rss_kib\":%ld}\n",
		(unsigned long long)epoch_ms(), counts.nodes, counts.pods, counts.containers,
		(unsigned long long)report->lines, (unsigned long long)connected,
		(unsigned long long)telemetry_get(report->connects),
		(unsigned long long)wire->samples,
		(unsigned long long)telemetry_get(report->dropped),
		(unsigned long long)wire->offline, (unsigned long long)wire->hellos,
		(unsigned long long)wire->catalogs, (unsigned long long)report->late,
		(unsigned long long)report->skipped, (double)report->worst_late_ns / NS_PER_MS,
		cpu_s, usage.ru_maxrss);
	if (report->progress)
		(void)fprintf(stderr, "%llu of %zu agents connected, %llu samples, cpu %.1f s\n",
			(unsigned long long)connected, counts.nodes,
			(unsigned long long)wire->samples, cpu_s);
}

static void look_at_connections(struct fleet_report *report, uint64_t now_ns)
{
	uint64_t connected = telemetry_get(report->connected);
	bool complete = connected >= world_count(report->world).nodes;

	if (complete == report->complete)
		return;
	if (complete) {
		(void)fprintf(report->out,
			"{\"event\":\"all-connected\",\"t_ms\":%llu,\"ms\":%llu}\n",
			(unsigned long long)epoch_ms(),
			(unsigned long long)((now_ns - report->waiting_since_ns) / NS_PER_MS));
	} else {
		(void)fprintf(report->out,
			"{\"event\":\"lost\",\"t_ms\":%llu,\"connected\":%llu}\n",
			(unsigned long long)epoch_ms(), (unsigned long long)connected);
		report->waiting_since_ns = now_ns;
	}
	(void)fflush(report->out);
	report->complete = complete;
}

void fleet_report_look(struct fleet_report *report, uint64_t now_ns)
{
	look_at_connections(report, now_ns);
	if (now_ns < report->next_ns)
		return;
	write_figures(report, NULL);
	(void)fflush(report->out);
	report->worst_late_ns = 0;
	while (report->next_ns <= now_ns)
		report->next_ns += NS_PER_SECOND;
}

void fleet_report_end(struct fleet_report *report, uint64_t now_ns)
{
	look_at_connections(report, now_ns);
	write_figures(report, "end");
	(void)fflush(report->out);
}
