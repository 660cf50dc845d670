#include "aggregator/ingest/sample_decode.h"

#include "proto/protobuf_field.h"
#include "proto/varint.h"

#include <stdbool.h>
#include <stdint.h>

/* Fields of the messages, as proto/tacho.proto numbers them. */
#define MESSAGE_SAMPLE TACHO__V1__MESSAGE__KIND_SAMPLE

enum sample_field {
	SAMPLE_REVISION = 1,
	SAMPLE_TIMESTAMP_MS,
	SAMPLE_WINDOW_MS,
	SAMPLE_WINDOW_DELTA_MS,
	SAMPLE_COLUMNS,
	SAMPLE_KEPT_MS,
	SAMPLE_KEPT,
};

enum column_field {
	COLUMN_METRIC = 1,
	COLUMN_VALUES,
	COLUMN_OTHERS,
	COLUMN_ROWS,
	COLUMN_STEP,
};

/* --- numbers ---------------------------------------------------------------------------------- */

static bool take_64(const struct protobuf_field *field, uint64_t *ret_value)
{
	*ret_value = field->value;
	return field->type == FIELD_VARINT;
}

static bool take_32(const struct protobuf_field *field, uint32_t *ret_value)
{
	*ret_value = (uint32_t)field->value;
	return field->type == FIELD_VARINT && field->value <= UINT32_MAX;
}

/* Packed numbers, into the rest of the arena. False when there are some already, for protobuf
 * allows them to come in pieces. */
static bool take_packed_64(
	struct arena *arena, const struct protobuf_field *field, uint64_t **values, size_t *count)
{
	const unsigned char *at = field->bytes.data, *end;
	size_t room, n = 0;
	uint64_t *to = arena_rest(arena, &room);

	if (field->type != FIELD_BYTES || *count > 0)
		return false;
	end = at + field->bytes.size;
	for (room /= sizeof(*to); at < end; n++) {
		if (n == room)
			return false;
		at = protobuf_varint_read(at, end, &to[n]);
		if (!at)
			return false;
	}
	*values = to;
	*count = n;
	return arena_take(arena, n * sizeof(*to)) != NULL;
}

static bool take_packed_32(
	struct arena *arena, const struct protobuf_field *field, uint32_t **values, size_t *count)
{
	const unsigned char *at = field->bytes.data, *end;
	size_t room, n = 0;
	uint32_t *to = arena_rest(arena, &room);

	if (field->type != FIELD_BYTES || *count > 0)
		return false;
	end = at + field->bytes.size;
	for (room /= sizeof(*to); at < end; n++) {
		uint64_t value;

		if (n == room)
			return false;
		at = protobuf_varint_read(at, end, &value);
		if (!at || value > UINT32_MAX)
			return false;
		to[n] = (uint32_t)value;
	}
	*values = to;
	*count = n;
	return arena_take(arena, n * sizeof(*to)) != NULL;
}

/* Signed ones: 0, -1, 1, -2 and so on are written as 0, 1, 2, 3 (ZigZag). */
static bool take_packed_signed(
	struct arena *arena, const struct protobuf_field *field, int32_t **values, size_t *count)
{
	uint32_t *coded = NULL;

	if (!take_packed_32(arena, field, &coded, count))
		return false;
	*values = (int32_t *)coded;
	for (size_t i = 0; i < *count; i++)
		(*values)[i] = (int32_t)(coded[i] >> 1 ^ -(coded[i] & 1));
	return true;
}

/* --- messages --------------------------------------------------------------------------------- */

static bool take_column_field(
	struct arena *arena, const struct protobuf_field *field, Tacho__V1__Column *column)
{
	switch (field->number) {
	case COLUMN_METRIC:
		return take_32(field, &column->metric);
	case COLUMN_VALUES:
		return take_packed_64(arena, field, &column->values, &column->n_values);
	case COLUMN_OTHERS:
		return take_64(field, &column->others);
	case COLUMN_ROWS:
		return take_packed_32(arena, field, &column->rows, &column->n_rows);
	case COLUMN_STEP:
		return take_32(field, &column->step);
	default:
		return true;
	}
}

static bool take_column(
	struct arena *arena, const struct protobuf_field *field, Tacho__V1__Sample *sample)
{
	Tacho__V1__Column *column = arena_take(arena, sizeof(*column));
	struct protobuf_field part;
	struct span rest = field->bytes;
	int r;

	if (!column || field->type != FIELD_BYTES || sample->n_columns == SAMPLE_DECODE_MAX_COLUMNS)
		return false;
	tacho__v1__column__init(column);
	while ((r = protobuf_next(&rest, &part)) > 0)
		if (!take_column_field(arena, &part, column))
			return false;
	sample->columns[sample->n_columns++] = column;
	return r == 0;
}

static bool take_sample_field(
	struct arena *arena, const struct protobuf_field *field, Tacho__V1__Sample *sample)
{
	switch (field->number) {
	case SAMPLE_REVISION:
		return take_64(field, &sample->revision);
	case SAMPLE_TIMESTAMP_MS:
		return take_64(field, &sample->timestamp_ms);
	case SAMPLE_WINDOW_MS:
		return take_32(field, &sample->window_ms);
	case SAMPLE_WINDOW_DELTA_MS:
		return take_packed_signed(
			arena, field, &sample->window_delta_ms, &sample->n_window_delta_ms);
	case SAMPLE_COLUMNS:
		return take_column(arena, field, sample);
	case SAMPLE_KEPT_MS:
		return take_64(field, &sample->kept_ms);
	case SAMPLE_KEPT:
		return take_packed_32(arena, field, &sample->kept, &sample->n_kept);
	default:
		return true;
	}
}

const Tacho__V1__Message *sample_decode(struct arena *arena, const void *data, size_t size)
{
	Tacho__V1__Message *message = arena_take(arena, sizeof(*message));
	Tacho__V1__Sample *sample = arena_take(arena, sizeof(*sample));
	Tacho__V1__Column **columns =
		arena_take(arena, SAMPLE_DECODE_MAX_COLUMNS * sizeof(*columns));
	struct span whole = span_of(data, size), rest;
	struct protobuf_field field;
	int r;

	if (protobuf_next(&whole, &field) <= 0 || field.number != MESSAGE_SAMPLE ||
		field.type != FIELD_BYTES || whole.size > 0)
		return NULL;
	tacho__v1__message__init(message);
	tacho__v1__sample__init(sample);
	message->kind_case = TACHO__V1__MESSAGE__KIND_SAMPLE;
	message->sample = sample;
	sample->columns = columns;
	for (rest = field.bytes; (r = protobuf_next(&rest, &field)) > 0;)
		if (!take_sample_field(arena, &field, sample))
			return NULL;
	return r == 0 ? message : NULL;
}
