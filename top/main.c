/* tacho-top, or `kubectl tacho`: nodes and pods as they are this second. */
#include "aggregator/kube/kube_config.h"
#include "base/file.h"
#include "base/log.h"
#include "top/ask.h"
#include "top/top_flags.h"
#include "top/kubeconfig_files.h"
#include "top/live.h"
#include "top/say.h"
#include "top/top_once.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define EXIT_USAGE 2

static int read_config(const struct flags *flags, struct kube_config *ret_config, struct error *err)
{
	struct string_list files = {0};
	int r = kubeconfig_files(flags->kubeconfig, &files, err);

	if (r == 0)
		r = kube_config_load_context((const char *const *)files.item, files.count,
			*flags->context ? flags->context : NULL, ret_config, err);
	string_list_free(&files);
	return r;
}

static int run_with(const struct flags *flags, const struct kube_config *config,
	struct event_base *base, struct error *err)
{
	const struct ask_options options = {
		.config = config,
		.base = base,
		.namespace = *flags->namespace ? flags->namespace : NULL,
		.selector = *flags->selector ? flags->selector : NULL,
		.timeout_ns = flags->timeout_ns,
	};
	struct ask *ask = ask_new(&options, err);
	int r;

	if (!ask)
		return -EINVAL;
	r = flags->once ? top_once_run(ask, base, flags, err)
			: live_run(ask, base, flags, config->server, err);
	ask_free(ask);
	return r;
}

/* An exit status, or -errno. */
static int run(const struct flags *flags, struct error *err)
{
	struct kube_config config = {0};
	struct event_base *base = NULL;
	int r = read_config(flags, &config, err);

	if (r == 0) {
		base = event_base_new();
		r = base ? run_with(flags, &config, base, err)
			 : error_errno(err, ENOMEM, "starting");
	}
	if (base)
		event_base_free(base);
	kube_config_free(&config);
	return r;
}

int main(int argc, char **argv)
{
	struct flags flags;
	struct error err = {{0}};
	int r = top_flags_read(&flags, argc, argv, &err);

	file_hold_standard();
	log_set_level(LOG_LEVEL_ERROR);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* who started us may ignore it; we wait for plugins */
	if (r < 0) {
		say(err.message);
		top_flags_free(&flags);
		return EXIT_USAGE;
	}
	if (flags.help)
		top_flags_help(&flags);
	else if (flags.version)
		(void)puts("tacho-top " TACHO_VERSION);
	else
		r = run(&flags, &err);
	top_flags_free(&flags);
	if (r < 0)
		say(err.message);
	return r < 0 ? EXIT_FAILURE : r;
}
