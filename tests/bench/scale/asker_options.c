#include "tests/bench/scale/asker_options.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define HOUR_NS  (3600 * NS_PER_SECOND)
#define PROTOBUF "application/vnd.kubernetes.protobuf, */*"
#define PODS     "/apis/metrics.k8s.io/v1beta1/pods"
#define KINDS    "silent|handshake|drip|half-request|slow-reader|dead-reader|idle"

static const char *const MODES[] = {
	[ASKER_HPA] = "hpa",
	[ASKER_LIST] = "list",
	[ASKER_BOTHER] = "bother",
};

/* Of a slow or dead reader: what a thousand of them hold in the kernel stays small, and the server
 * soon sees that nothing is read. */
#define SLOW_RECEIVE_BUFFER 4096

static void set_defaults(struct asker_options *options)
{
	*options = (struct asker_options){
		.address = "127.0.0.1",
		.path = PODS,
		.accept = PROTOBUF,
		.connections = 1,
		.seconds = 10,
		.warmup_seconds = 1,
		.count = 1,
		.timeout_ns = 30 * NS_PER_SECOND,
		.items = ASKER_ANY_ITEMS,
	};
}

/* --- the table -------------------------------------------------------------------------------- */

/* Parses, or prints the help into `out`. */
static int with_flags(struct asker_options *o, int argc, char **argv, FILE *out, struct error *err)
{
	const char *header = NULL, *items = NULL;
	const struct option_spec specs[] = {
		{"address", OPTION_STRING, {.string = &o->address}, "IP", "The server's address."},
		{"port", OPTION_NUMBER, {.number = &o->port}, "PORT", "The server's port.", NULL, 1,
			65535},
		{"ca", OPTION_STRING, {.string = &o->ca}, "FILE",
			"What the server's certificate must come from (PEM)."},
		{"server-name", OPTION_STRING, {.string = &o->server_name}, "NAME",
			"The name that it must have; SNI, too."},
		{"cert", OPTION_STRING, {.string = &o->cert}, "FILE",
			"The front proxy's certificate (PEM). Without it X- headers are not sent."},
		{"key", OPTION_STRING, {.string = &o->key}, "FILE", "Its key (PEM)."},
		{"timeout", OPTION_DURATION, {.number = &o->timeout_ns}, "TIME",
			"For a connection, and for an answer.", NULL, NS_PER_MS, HOUR_NS},
		{"accept", OPTION_STRING, {.string = &o->accept}, "TYPE", "The Accept header."},
		{"header", OPTION_STRING, {.string = &header}, "LINE",
			"Sent instead of what else would be sent under that name; X-Remote-User "
			"instead of all X-Remote-. May be given again."},
		{"receive-buffer", OPTION_NUMBER, {.number = &o->receive_buffer}, "BYTES",
			"SO_RCVBUF; 0: what the kernel takes.", NULL, 0, 1 << 30},
		{"server-pid", OPTION_NUMBER, {.number = &o->server_pid}, "PID",
			"Whose CPU time is measured meanwhile, besides our own.", NULL, 1, 1 << 30},
		{"items", OPTION_STRING, {.string = &items}, "N",
			"hpa, list: each answer must be a list of so many, in protobuf."},
		{"progress", OPTION_SWITCH, {.on = &o->progress}, NULL,
			"hpa, bother: a line of JSON each second."},
		{"connections", OPTION_NUMBER, {.number = &o->connections}, "N",
			"hpa, bother: so many at a time.", NULL, 1, 100000},
		{"seconds", OPTION_NUMBER, {.number = &o->seconds}, "S", "hpa, bother: how long.",
			NULL, 1, 86400},
		{"targets", OPTION_STRING, {.string = &o->targets}, "FILE",
			"hpa: a path with its query in each line, asked for in turn."},
		{"warmup", OPTION_NUMBER, {.number = &o->warmup_seconds}, "S",
			"hpa: before the counted seconds.", NULL, 0, 3600},
		{"rate", OPTION_NUMBER, {.number = &o->rate}, "N",
			"hpa: so many requests a second, at intended times from which their latency "
			"counts. 0: each connection asks again at once.",
			NULL, 0, 10000000},
		{"path", OPTION_STRING, {.string = &o->path}, "PATH",
			"list, bother: what is asked for."},
		{"count", OPTION_NUMBER, {.number = &o->count}, "N", "list: how many times.", NULL,
			1, 1000000},
		{"every", OPTION_DURATION, {.number = &o->every_ns}, "TIME",
			"list: from one request to the next; 0: at once.", NULL, 0, HOUR_NS},
		{"gzip", OPTION_SWITCH, {.on = &o->gzip}, NULL,
			"list, bother: Accept-Encoding: gzip (hpa always sends it)."},
		{"kind", OPTION_CHOICE, {.choice = &o->kind}, "KIND", "bother: one of " KINDS ".",
			KINDS},
		{"help", OPTION_SWITCH, {.on = &o->help}, NULL, "This text."},
	};

	int r;

	if (out) {
		options_print(specs, COUNT(specs), out);
		return 0;
	}
	r = options_parse(specs, COUNT(specs), argc, argv, err);
	if (r == 0 && items && number_parse(items, strlen(items), &o->items) < 0)
		return error_set(err, EINVAL, "--items: \"%s\" is not a whole number", items);
	return r;
}

/* --- headers: commas belong to them, so that they are no OPTION_LIST ---------------------------
 */

static int add_header(struct asker_options *options, const char *line, struct error *err)
{
	const char *colon = line ? strchr(line, ':') : NULL;

	if (!colon || colon == line || strpbrk(line, "\r\n"))
		return error_set(
			err, EINVAL, "--header: \"%s\" is not \"Name: value\"", line ? line : "");
	return string_list_add(&options->headers, line) < 0 ? error_errno(err, ENOMEM, "--header")
							    : 0;
}

/* Takes them out of `argv`; *argc is what is left. */
static int take_headers(struct asker_options *options, int *argc, char **argv, struct error *err)
{
	static const char FLAG[] = "--header";
	int left = 0, r;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], FLAG) == 0)
			r = add_header(options, i + 1 < *argc ? argv[++i] : NULL, err);
		else if (strncmp(argv[i], "--header=", sizeof(FLAG)) == 0)
			r = add_header(options, argv[i] + sizeof(FLAG), err);
		else
			argv[left++] = argv[i], r = 0;
		if (r < 0)
			return r;
	}
	*argc = left;
	return 0;
}

/* --- what goes together ----------------------------------------------------------------------- */

static bool needs_tls(const struct asker_options *options)
{
	return options->mode != ASKER_BOTHER ||
	       (options->kind != ASKER_SILENT && options->kind != ASKER_HANDSHAKE);
}

static int check(struct asker_options *options, struct error *err)
{
	const char *missing = NULL;

	if (options->port == 0)
		missing = "port";
	else if (needs_tls(options) && !options->ca)
		missing = "ca";
	else if (needs_tls(options) && !options->server_name)
		missing = "server-name";
	else if (options->mode == ASKER_HPA && !options->targets)
		missing = "targets";
	else if (options->cert && !options->key)
		missing = "key";
	else if (options->key && !options->cert)
		missing = "cert";
	if (missing)
		return error_set(err, EINVAL, "--%s is missing", missing);
	if (options->path[0] != '/' || strpbrk(options->path, " \r\n"))
		return error_set(err, EINVAL, "--path: \"%s\" is no path", options->path);
	if (strpbrk(options->accept, "\r\n"))
		return error_set(err, EINVAL, "--accept: more than a line");
	if (options->kind == ASKER_SLOW_READER || options->kind == ASKER_DEAD_READER)
		if (options->receive_buffer == 0)
			options->receive_buffer = SLOW_RECEIVE_BUFFER;
	return 0;
}

int asker_options_read(struct asker_options *options, int argc, char **argv, struct error *err)
{
	int r;

	set_defaults(options);
	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		options->help = argc >= 2;
		return argc >= 2 ? 0 : error_set(err, EINVAL, "hpa, list or bother?");
	}
	for (size_t i = 0; i <= COUNT(MODES); i++) {
		if (i == COUNT(MODES))
			return error_set(
				err, EINVAL, "\"%s\" is none of hpa, list and bother", argv[1]);
		options->mode = (enum asker_mode)i;
		if (strcmp(argv[1], MODES[i]) == 0)
			break;
	}
	argc--;
	r = take_headers(options, &argc, argv + 1, err);
	if (r == 0)
		r = with_flags(options, argc, argv + 1, NULL, err);
	return r < 0 || options->help ? r : check(options, err);
}

void asker_options_free(struct asker_options *options)
{
	string_list_free(&options->headers);
}

void asker_options_print(FILE *out)
{
	struct asker_options options;

	set_defaults(&options);
	(void)fputs("asker hpa FLAGS...     asks as the HPA does through kube-apiserver\n"
		    "asker list FLAGS...    asks for one path, one answer after the other\n"
		    "asker bother FLAGS...  clients that do harm\n\n",
		out);
	(void)with_flags(&options, 0, NULL, out, NULL);
}
