/* CPU time and wall time of a span: our own, and the server's. */
#ifndef SCALE_ASKER_METER_H
#define SCALE_ASKER_METER_H

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>
#include <time.h>

struct asker_meter {
	uint64_t begin_ns, own_ns, server_ns; /* when it began; between begin and end the spans */
	clockid_t server;
	int measures_server;
};

/* `server_pid` may be 0. 0, or -EINVAL and a message. */
int asker_meter_init(struct asker_meter *meter, uint64_t server_pid, struct error *err);

void asker_meter_begin(struct asker_meter *meter);
/* Adds up to nothing that happens later. */
void asker_meter_end(struct asker_meter *meter);

/* After the end. */
double asker_meter_seconds(const struct asker_meter *meter);

/* Adds "cpu_s" and, where it is measured, "server_cpu_s" to a report. */
void asker_meter_tell(const struct asker_meter *meter, json_t *object);

#endif
