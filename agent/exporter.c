#include "agent/exporter.h"

#include "agent/export_ledger.h"
#include "agent/export_page.h"
#include "agent/export_server.h"
#include "agent/export_text.h"
#include "agent/export_tls.h"
#include "base/clock.h"
#include "base/gzip_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ZIP_STEP (64U * 1024) /* bytes packed between two looks at the clock: some 0.2 ms */

static const struct timeval NOW = {0, 0};

static const struct export_deadlines DEADLINES = {
	.receive_ms = 10 * 1000,
	.answer_ms = 30 * 1000,
	.idle_ms = 5 * 60 * 1000, /* nobody scrapes less often than each two minutes */
};

enum stage {
	RESTING,
	WRITING,
	PACKING,
};

struct exporter {
	struct export_tls *tls;
	struct export_server *server;
	struct export_ledger *ledger;
	struct export_text *text;
	struct event *turn;
	struct export_look look;
	uint64_t looks; /* 0: none yet */
	bool looked;    /* `look` is good */

	struct export_snapshot snapshot;
	uint64_t snapshot_look;     /* which look it is of; 0 = none */
	struct export_page *page;   /* that is being made */
	struct gzip_stream *packer; /* while PACKING */
	size_t packed;              /* bytes of the plain page */
	enum stage stage;
	uint64_t took_ns;

	struct export_page *pages[EXPORT_PARTS][EXPORT_FORMATS]; /* of the last look; NULL = none */
	struct telemetry_series *renderings, *failures, *bytes;
	struct telemetry_histogram *durations;
};

static struct export_page **place_of(struct exporter *exporter, struct export_key key)
{
	return &exporter->pages[key.part][key.format];
}

/* --- one page --------------------------------------------------------------------------------- */

static struct export_clients *clients_of(struct exporter *exporter)
{
	return export_server_clients(exporter->server);
}

static void rest(struct exporter *exporter)
{
	gzip_stream_free(exporter->packer);
	exporter->packer = NULL;
	export_page_unref(exporter->page);
	exporter->page = NULL;
	exporter->stage = RESTING;
}

static void give_up(struct exporter *exporter, struct export_key key)
{
	telemetry_add(exporter->failures, 1);
	export_clients_refuse(clients_of(exporter), key);
	rest(exporter);
}

static void keep(struct exporter *exporter)
{
	struct export_page **place = place_of(exporter, exporter->page->key);

	if (exporter->page->look != exporter->looks || *place == exporter->page)
		return;
	export_page_unref(*place);
	*place = export_page_ref(exporter->page);
}

/* What was looked at last, unless it was copied already. */
static int take_snapshot(struct exporter *exporter)
{
	if (!exporter->looked)
		return -EAGAIN;
	if (exporter->snapshot_look == exporter->looks)
		return 0;
	exporter->snapshot_look = 0;
	if (export_snapshot_take(&exporter->snapshot, &exporter->look, exporter->ledger,
		    export_text_fields(exporter->text)) < 0)
		return -ENOMEM;
	exporter->snapshot_look = exporter->looks;
	return 0;
}

static void begin_writing(struct exporter *exporter, struct export_key key)
{
	if (take_snapshot(exporter) == 0)
		exporter->page = export_page_new(key, exporter->looks, EXPORTER_PAGE_MAX);
	if (!exporter->page) {
		give_up(exporter, key);
		return;
	}
	export_text_begin(exporter->text, key.part, key.format);
	exporter->stage = WRITING;
	exporter->took_ns = 0;
}

static void begin_packing(struct exporter *exporter)
{
	exporter->packer = gzip_stream_new();
	if (!exporter->packer) {
		give_up(exporter, exporter->page->key);
		return;
	}
	buffer_clear(&exporter->page->gzip);
	exporter->packed = 0;
	exporter->stage = PACKING;
}

/* The page that is waited for, or goes on with one that there is. False when nobody waits. */
static bool begin(struct exporter *exporter)
{
	struct export_key key;
	struct export_page *page;

	if (!export_clients_wait(clients_of(exporter), &key))
		return false;
	page = *place_of(exporter, key);
	if (!page) {
		begin_writing(exporter, key);
		return true;
	}
	export_clients_answer(clients_of(exporter), page);
	if (export_clients_wait_for(clients_of(exporter), key)) { /* for the packed one */
		exporter->page = export_page_ref(page);
		begin_packing(exporter);
	}
	return true;
}

static void go_on_writing(struct exporter *exporter, uint64_t until_ns)
{
	struct export_page *page = exporter->page;
	uint64_t from_ns = clock_monotonic_ns();
	bool done = export_text_step(exporter->text, &exporter->snapshot, until_ns, &page->plain);

	exporter->took_ns += clock_monotonic_ns() - from_ns;
	if (!done && !page->plain.failed)
		return;
	if (page->plain.failed) {
		give_up(exporter, page->key);
		return;
	}
	telemetry_add(exporter->renderings, 1);
	telemetry_set(exporter->bytes, page->plain.length);
	keep(exporter);
	telemetry_observe(exporter->durations, exporter->took_ns);
	export_clients_answer(clients_of(exporter), page);
	if (export_clients_wait_for(clients_of(exporter), page->key))
		begin_packing(exporter); /* who is left takes gzip */
	else
		rest(exporter);
}

static void go_on_packing(struct exporter *exporter, uint64_t until_ns)
{
	struct export_page *page = exporter->page;
	size_t left = page->plain.length - exporter->packed;
	size_t step = left < ZIP_STEP ? left : ZIP_STEP;
	int r = 0;

	while (r == 0 && step > 0) {
		r = gzip_stream_write(
			exporter->packer, page->plain.data + exporter->packed, step, &page->gzip);
		exporter->packed += step;
		left -= step;
		step = left < ZIP_STEP ? left : ZIP_STEP;
		if (clock_monotonic_ns() >= until_ns)
			break;
	}
	if (r == 0 && left > 0)
		return;
	if (r == 0)
		r = gzip_stream_finish(exporter->packer, &page->gzip);
	if (r < 0) {
		give_up(exporter, page->key);
		return;
	}
	page->zipped = true;
	export_clients_answer(clients_of(exporter), page);
	rest(exporter);
}

static void turn(evutil_socket_t fd, short what, void *context)
{
	struct exporter *exporter = context;
	uint64_t until_ns = clock_monotonic_ns() + EXPORTER_SLICE_NS;

	(void)fd;
	(void)what;
	if (exporter->stage == RESTING && !begin(exporter))
		return;
	if (exporter->stage == WRITING)
		go_on_writing(exporter, until_ns);
	else if (exporter->stage == PACKING)
		go_on_packing(exporter, until_ns);
	(void)event_add(exporter->turn, &NOW);
}

static void asked(void *context, struct export_key key)
{
	struct exporter *exporter = context;

	(void)key; /* export_clients_wait() tells, in order */
	(void)event_add(exporter->turn, &NOW);
}

/* --- life ------------------------------------------------------------------------------------- */

static void register_series(struct exporter *exporter, struct telemetry *telemetry)
{
	static const struct telemetry_bucket BUCKETS[] = {
		{1 * NS_PER_MS, "0.001"},
		{2 * NS_PER_MS, "0.002"},
		{5 * NS_PER_MS, "0.005"},
		{10 * NS_PER_MS, "0.01"},
		{20 * NS_PER_MS, "0.02"},
		{50 * NS_PER_MS, "0.05"},
		{100 * NS_PER_MS, "0.1"},
	};

	telemetry_set(telemetry_gauge(telemetry, "tacho_agent_build_info",
			      "1; its label says which version this is", "version", TACHO_VERSION),
		1);
	exporter->renderings = telemetry_counter(telemetry, "tacho_agent_renderings_total",
		"Pages of /metrics that were written; all who ask between two looks get the same",
		NULL, NULL);
	exporter->failures = telemetry_counter(telemetry, "tacho_agent_renderings_failed_total",
		"Pages of /metrics that could not be written: too large, or memory was short", NULL,
		NULL);
	exporter->bytes = telemetry_gauge(telemetry, "tacho_agent_rendering_bytes",
		"Size of the last page of /metrics before it was packed", NULL, NULL);
	exporter->durations = telemetry_histogram(telemetry, "tacho_agent_rendering_seconds",
		"Time that a page of /metrics took to write, without packing", NULL, NULL, BUCKETS,
		sizeof(BUCKETS) / sizeof(BUCKETS[0]));
}

static int start(struct exporter *exporter, const struct exporter_options *options,
	struct event_base *base, struct error *err)
{
	struct export_server_options server = {.clients.deadlines = DEADLINES,
		.clients.asked = asked,
		.clients.context = exporter,
		.clients.telemetry = options->telemetry};
	int r = export_address_parse(options->flags.address, &server.address, err);

	if (r < 0)
		return r;
	exporter->text = export_text_new(options->metrics, options->device, options->telemetry);
	if (exporter->text)
		exporter->ledger = export_ledger_new(
			export_text_fields(exporter->text), options->v2, options->telemetry);
	exporter->turn = evtimer_new(base, turn, exporter);
	if (!exporter->ledger || !exporter->turn)
		return error_errno(err, ENOMEM, "starting /metrics");
	if (*options->flags.cert_file) {
		exporter->tls = export_tls_new(&options->flags, options->telemetry, err);
		if (!exporter->tls)
			return -EINVAL;
	}
	server.clients.tls = exporter->tls;
	exporter->server = export_server_start(&server, base, err);
	return exporter->server ? 0 : -EINVAL;
}

struct exporter *exporter_start(
	const struct exporter_options *options, struct event_base *base, struct error *err)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));

	if (!exporter) {
		(void)error_errno(err, ENOMEM, "starting /metrics");
		return NULL;
	}
	register_series(exporter, options->telemetry);
	if (start(exporter, options, base, err) < 0) {
		exporter_stop(exporter);
		return NULL;
	}
	return exporter;
}

static void drop_pages(struct exporter *exporter)
{
	for (int part = 0; part < EXPORT_PARTS; part++)
		for (int format = 0; format < EXPORT_FORMATS; format++) {
			export_page_unref(exporter->pages[part][format]);
			exporter->pages[part][format] = NULL;
		}
}

void exporter_stop(struct exporter *exporter)
{
	if (!exporter)
		return;
	export_server_stop(exporter->server);
	rest(exporter);
	drop_pages(exporter);
	if (exporter->turn)
		event_free(exporter->turn);
	export_tls_free(exporter->tls);
	export_text_free(exporter->text);
	export_ledger_free(exporter->ledger);
	export_snapshot_free(&exporter->snapshot);
	free(exporter);
}

void exporter_look(struct exporter *exporter, const struct export_look *look)
{
	exporter->looks++;
	exporter->looked = look != NULL;
	drop_pages(exporter);
	if (!look)
		return;
	exporter->look = *look;
	export_ledger_add(
		exporter->ledger, look->roster, look->readings, look->count, clock_monotonic_ns());
}

uint16_t exporter_port(const struct exporter *exporter)
{
	return export_server_port(exporter->server);
}
