/* Reads a Sample as agents write it (proto/tacho.proto): most of what comes, and nearly all
 * numbers. protobuf-c reads any message and needs twice the instructions for these, so it is
 * left with what is not of this form. */
#ifndef INGEST_SAMPLE_DECODE_H
#define INGEST_SAMPLE_DECODE_H

#include "aggregator/ingest/arena.h"
#include "proto/tacho.pb-c.h"

#include <stddef.h>

/* Columns of a Sample; who sends more is read by protobuf-c. */
#define SAMPLE_DECODE_MAX_COLUMNS 128

/* The Message, in the arena, which must be empty; the same that protobuf-c would make of it,
 * without fields that we don't know. NULL when it is no Sample, nothing but packed numbers written
 * once, or too much for the arena: nothing is said of it then, and the arena has to be cleared. */
const Tacho__V1__Message *sample_decode(struct arena *arena, const void *data, size_t size);

#endif
