/* How much lists in protobuf may gather, all together, to know their length before they are sent.
 * Any thread, without a lock. */
#ifndef API_GATHER_ROOM_H
#define API_GATHER_ROOM_H

#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>

struct gather_room;

/* Room for so many bytes. NULL when memory is short. */
struct gather_room *gather_room_new(size_t bytes, struct telemetry *telemetry);
void gather_room_free(struct gather_room *room);

/* False, and counted: others have it. Of no room (NULL) there is none. */
bool gather_room_take(struct gather_room *room, size_t bytes);
void gather_room_give(struct gather_room *room, size_t bytes);

#endif
