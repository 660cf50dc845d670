/* What asker is told on its command line. */
#ifndef SCALE_ASKER_OPTIONS_H
#define SCALE_ASKER_OPTIONS_H

#include "base/error.h"
#include "base/string_list.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ASKER_ANY_ITEMS UINT64_MAX

enum asker_mode {
	ASKER_HPA,
	ASKER_LIST,
	ASKER_BOTHER,
};

enum asker_kind {
	ASKER_SILENT,
	ASKER_HANDSHAKE,
	ASKER_DRIP,
	ASKER_HALF_REQUEST,
	ASKER_SLOW_READER,
	ASKER_DEAD_READER,
	ASKER_IDLE,
};

/* Texts point into argv. */
struct asker_options {
	enum asker_mode mode;
	const char *address;
	uint64_t port;
	const char *ca, *server_name;
	const char *cert, *key; /* NULL: no certificate */
	struct string_list headers;
	const char *path, *accept, *targets;
	bool gzip;
	uint64_t connections, seconds, warmup_seconds;
	uint64_t rate; /* requests a second; 0: closed loop */
	uint64_t count;
	uint64_t every_ns;
	uint64_t timeout_ns;
	uint64_t items;          /* ASKER_ANY_ITEMS: whatever comes */
	uint64_t receive_buffer; /* bytes; 0: as the kernel does it */
	uint64_t server_pid;     /* 0: not measured */
	int kind;                /* enum asker_kind */
	bool progress, help;
};

/* 0, or -EINVAL and a message that says which flag is wrong. Free the options in any case. */
int asker_options_read(struct asker_options *options, int argc, char **argv, struct error *err);
void asker_options_free(struct asker_options *options);

/* The modes and the flags. */
void asker_options_print(FILE *out);

#endif
