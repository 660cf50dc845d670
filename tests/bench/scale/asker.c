/* Clients of metrics.k8s.io, over TLS: as many, as fast and as bad as they can be.
 *
 *   asker hpa|list|bother FLAGS...      asker --help */
#include "tests/bench/scale/asker_bother.h"
#include "tests/bench/scale/asker_hpa.h"
#include "tests/bench/scale/asker_list.h"
#include "tests/bench/scale/asker_options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

/* A connection is a file. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(const struct asker_options *options, struct error *err)
{
	switch (options->mode) {
	case ASKER_HPA:
		return asker_hpa(options, err);
	case ASKER_LIST:
		return asker_list(options, err);
	default:
		return asker_bother(options, err);
	}
}

int main(int argc, char **argv)
{
	struct asker_options options;
	struct error err = {0};
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	raise_limit();
	r = asker_options_read(&options, argc, argv, &err);
	if (r == 0 && options.help)
		asker_options_print(stdout);
	else if (r == 0)
		r = run(&options, &err);
	asker_options_free(&options);
	if (r < 0)
		(void)fprintf(stderr, "asker: %s\n", err.message);
	return r == 0 ? 0 : r == -EINVAL ? 2 : 1;
}
