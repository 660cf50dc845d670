#include "aggregator/api/gather_room.h"

#include <stdatomic.h>
#include <stdlib.h>

struct gather_room {
	_Atomic size_t left;
	struct telemetry_series *refused;
};

struct gather_room *gather_room_new(size_t bytes, struct telemetry *telemetry)
{
	struct gather_room *room = calloc(1, sizeof(*room));

	if (!room)
		return NULL;
	atomic_init(&room->left, bytes);
	room->refused = telemetry_counter(telemetry, "tacho_aggregator_list_gather_refused_total",
		"Lists in protobuf that are sent with padding, for the room to gather them was taken",
		NULL, NULL);
	return room;
}

void gather_room_free(struct gather_room *room)
{
	free(room);
}

bool gather_room_take(struct gather_room *room, size_t bytes)
{
	size_t left;

	if (!room)
		return false;
	left = atomic_load(&room->left);
	do {
		if (left < bytes) {
			telemetry_add(room->refused, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&room->left, &left, left - bytes));
	return true;
}

void gather_room_give(struct gather_room *room, size_t bytes)
{
	if (room)
		atomic_fetch_add(&room->left, bytes);
}
