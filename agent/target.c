#include "agent/target.h"

#include <errno.h>

int target_open(struct target *target, const struct address *address, const char *url,
	nng_tls_config *tls, struct telemetry *telemetry, struct error *err)
{
	struct push *push = target->push ? target->push : push_new(telemetry, err);
	int r;

	if (!push)
		return -ENOMEM;
	*target = (struct target){.push = push, .address = *address};
	r = push_start(push, url, tls, err);
	target->used = r == 0;
	return r;
}

void target_close(struct target *target)
{
	push_stop(target->push);
	target->used = false;
}

bool target_free(struct target *target)
{
	return !target->used && (!target->push || push_idle(target->push));
}

bool target_connected(const struct target *target)
{
	return target->used && push_connected(target->push);
}

void target_care(struct target *target, uint64_t now_ns)
{
	if (target->push)
		push_care(target->push, now_ns);
}

unsigned target_begin(struct target *target, uint64_t credential, uint64_t revision)
{
	target->credential = credential;
	target->revision = revision;
	target->connection = target->used ? push_connection(target->push) : 0;
	target->wants = 0;
	if (target->connection == 0)
		return 0;
	target->wants = TARGET_SAMPLE;
	if (target->connection != target->hello_connection ||
		credential != target->hello_credential)
		target->wants |= TARGET_HELLO;
	if (target->connection != target->catalog_connection ||
		revision != target->catalog_revision)
		target->wants |= TARGET_CATALOG;
	return target->wants;
}

int target_send(struct target *target, enum target_message message, const void *data, size_t size)
{
	int r;

	if (!(target->wants & message))
		return 0;
	r = push_send(target->push, data, size);
	if (r < 0) {
		target->wants = 0;
		return r;
	}
	target->wants &= ~(unsigned)message;
	if (message == TARGET_HELLO) {
		target->hello_connection = target->connection;
		target->hello_credential = target->credential;
	} else if (message == TARGET_CATALOG) {
		target->catalog_connection = target->connection;
		target->catalog_revision = target->revision;
	}
	return 0;
}
