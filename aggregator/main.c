/* tacho-aggregator: flags, then store, ingest and API, then the loop. */
#include "aggregator/api/api.h"
#include "aggregator/ingest/ingest.h"
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/telemetry.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
	return 0;
}
