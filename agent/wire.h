/* What every message to the aggregator is made with. */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include "base/buffer.h"
#include "proto/tacho.pb-c.h"

/* protobuf-c's structs take char *, and never write through it while they are packed. */
char *wire_string(const char *text);

/* Appends the message as it goes over the wire; `out` is failed when memory is short. */
void wire_append(const Tacho__V1__Message *message, struct buffer *out);

#endif
