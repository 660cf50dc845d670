#include "aggregator/api/reply_head.h"

#include "aggregator/api/digits.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct room {
	char *at;
	size_t left;
	bool full; /* it did not suffice */
};

static void put_bytes(struct room *room, const char *bytes, size_t size)
{
	if (size > room->left) {
		room->full = true;
		return;
	}
	memcpy(room->at, bytes, size);
	room->at += size;
	room->left -= size;
}

static void put(struct room *room, const char *text)
{
	put_bytes(room, text, strlen(text));
}

static void put_number(struct room *room, uint64_t number)
{
	char digits[DIGITS_BOUND];

	put_bytes(room, digits, (size_t)(digits_put(digits, number) - digits));
}

static void put_header(struct room *room, const char *name, const char *value)
{
	put(room, name);
	put(room, ": ");
	put(room, value);
	put(room, "\r\n");
}

size_t reply_head_write(const struct reply_head *head, char *to, size_t size)
{
	struct room room = {.at = to, .left = size};
	const struct evkeyval *other;

	put(&room, "HTTP/1.1 ");
	put_number(&room, (uint64_t)head->code);
	put(&room, " ");
	put(&room, head->phrase);
	put(&room, "\r\n");
	for (other = head->others->tqh_first; other; other = other->next.tqe_next)
		put_header(&room, other->key, other->value);
	put_header(&room, "Audit-Id", head->audit_id);
	put(&room, "Cache-Control: no-cache, private\r\n");
	put_header(&room, "Date", head->date);
	put_header(&room, "Content-Type", head->content_type);
	put(&room, "Content-Length: ");
	put_number(&room, head->content_length);
	put(&room, "\r\n\r\n");
	return room.full ? 0 : size - room.left;
}
