#include "tests/bench/scale/asker_meter.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/types.h>

static uint64_t now_ns(clockid_t clock)
{
	struct timespec time = {0};

	(void)clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

int asker_meter_init(struct asker_meter *meter, uint64_t server_pid, struct error *err)
{
	int r = 0;

	*meter = (struct asker_meter){.measures_server = server_pid != 0};
	if (server_pid)
		r = clock_getcpuclockid((pid_t)server_pid, &meter->server);
	if (r == 0)
		return 0;
	(void)error_errno(err, r, "--server-pid %llu", (unsigned long long)server_pid);
	return -EINVAL; /* the flag is wrong */
}

void asker_meter_begin(struct asker_meter *meter)
{
	meter->begin_ns = clock_monotonic_ns();
	meter->own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (meter->measures_server)
		meter->server_ns = now_ns(meter->server);
}

void asker_meter_end(struct asker_meter *meter)
{
	meter->begin_ns = clock_monotonic_ns() - meter->begin_ns;
	meter->own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - meter->own_ns;
	if (meter->measures_server)
		meter->server_ns = now_ns(meter->server) - meter->server_ns;
}

double asker_meter_seconds(const struct asker_meter *meter)
{
	return (double)meter->begin_ns / 1e9;
}

void asker_meter_tell(const struct asker_meter *meter, json_t *object)
{
	(void)json_object_set_new(object, "cpu_s", json_real((double)meter->own_ns / 1e9));
	if (meter->measures_server)
		(void)json_object_set_new(
			object, "server_cpu_s", json_real((double)meter->server_ns / 1e9));
}
