#include "agent/history.h"

#include <stdlib.h>
#include <string.h>

/* A step back up to this is rounding: cpu.stat counts microseconds, BPF nanoseconds, and the
 * kernel's scaled times may be off by a tick between two ways to read them. */
#define ROUNDING_NS 1000000ULL

__extension__ typedef unsigned __int128 wide;

enum {
#define COUNTER_FIELD_COUNTER(symbol) COUNTER_##symbol,
#define COUNTER_FIELD_GAUGE(symbol)
#define FIELD(symbol, kind, file, key, help) COUNTER_FIELD_##kind(symbol)
#include "agent/reading.def"
#undef FIELD
	COUNTERS
};

/* Every field that is a counter. */
static const enum field COUNTER_FIELDS[COUNTERS] = {
#undef COUNTER_FIELD_COUNTER
#define COUNTER_FIELD_COUNTER(symbol)        FIELD_##symbol,
#define FIELD(symbol, kind, file, key, help) COUNTER_FIELD_##kind(symbol)
#include "agent/reading.def"
#undef FIELD
};

struct point {
	uint64_t at_ns;
	field_set valid;
	uint64_t value[]; /* by the history's `field` */
};

#define POINT_WORDS (sizeof(struct point) / sizeof(uint64_t))

struct history {
	uint32_t capacity;
	uint32_t count;
	uint32_t newest; /* index of the newest point when count > 0 */
	int counters;
	size_t stride;           /* words of a point */
	uint8_t field[COUNTERS]; /* what is kept */
	uint64_t words[];        /* the points */
};

_Static_assert(FIELD_COUNT <= UINT8_MAX, "history.field is too narrow");

struct history *history_new(uint32_t capacity, field_set fields)
{
	uint8_t field[COUNTERS] = {0};
	struct history *history;
	int counters = 0;

	if (capacity < 2)
		capacity = 2;
	for (int i = 0; i < COUNTERS; i++)
		if (fields & FIELD_BIT(COUNTER_FIELDS[i]))
			field[counters++] = (uint8_t)COUNTER_FIELDS[i];
	history = calloc(1,
		sizeof(*history) + capacity * (POINT_WORDS + (size_t)counters) * sizeof(uint64_t));
	if (!history)
		return NULL;
	history->capacity = capacity;
	history->counters = counters;
	history->stride = POINT_WORDS + (size_t)counters;
	memcpy(history->field, field, sizeof(field));
	return history;
}

void history_free(struct history *history)
{
	free(history);
}

static struct point *point_of(const struct history *history, uint32_t index)
{
	return (struct point *)(uintptr_t)(history->words + index * history->stride);
}

/* The point `age` places behind the newest, below `capacity`. */
static const struct point *point_at(const struct history *history, uint32_t age)
{
	uint32_t newest = history->newest;

	return point_of(history, newest >= age ? newest - age : newest + history->capacity - age);
}

static struct point *push_point(struct history *history)
{
	history->newest = (history->newest + 1) % history->capacity;
	if (history->count < history->capacity)
		history->count++;
	return point_of(history, history->newest);
}

void history_start_at_zero(struct history *history, uint64_t at_ns)
{
	struct point *point;

	if (history->count > 0)
		return;
	point = push_point(history);
	memset(point->value, 0, (size_t)history->counters * sizeof(point->value[0]));
	point->at_ns = at_ns;
	point->valid = 0;
	for (int i = 0; i < history->counters; i++)
		point->valid |= FIELD_BIT(history->field[i]);
}

/* Where `field` is in a point's values, or -1. */
static int counter_index(const struct history *history, enum field field)
{
	for (int i = 0; i < history->counters; i++)
		if (history->field[i] == field)
			return i;
	return -1;
}

void history_was(struct history *history, enum field field, uint64_t value)
{
	int counter = counter_index(history, field);

	if (counter < 0)
		return;
	for (uint32_t i = 0; i < history->count; i++) {
		struct point *point = point_of(
			history, (history->newest + history->capacity - i) % history->capacity);

		point->value[counter] = value;
		point->valid |= FIELD_BIT(field);
	}
}

/* The last value of a counter, or NULL when it was never read. */
static const struct point *last_with(const struct history *history, enum field field)
{
	for (uint32_t age = 0; age < history->count; age++)
		if (point_at(history, age)->valid & FIELD_BIT(field))
			return point_at(history, age);
	return NULL;
}

void history_add(struct history *history, const struct reading *reading)
{
	field_set anew = reading->valid & ~reading->old, valid = 0;
	uint64_t value[COUNTERS] = {0};
	struct point *point;
	bool back = false;

	for (int i = 0; i < history->counters; i++) {
		enum field field = (enum field)history->field[i];
		const struct point *last;

		if (!(anew & FIELD_BIT(field)))
			continue;
		valid |= FIELD_BIT(field);
		value[i] = reading->value[field];
		last = last_with(history, field);
		if (!last || value[i] >= last->value[i])
			continue;
		if (last->value[i] - value[i] <= ROUNDING_NS &&
			(field == FIELD_CPU_USAGE_NS || field == FIELD_CPU_THROTTLED_NS))
			value[i] = last->value[i];
		else
			back = true;
	}
	if (!valid || (history->count > 0 && reading->at_ns <= point_at(history, 0)->at_ns))
		return;
	if (back)
		history->count = 0;
	point = push_point(history);
	point->at_ns = reading->at_ns;
	point->valid = valid;
	memcpy(point->value, value, (size_t)history->counters * sizeof(value[0]));
}

/* How many places behind the newest point is the newest that has the field; history->count when
 * there is none. */
static uint32_t newest_with(const struct history *history, enum field field)
{
	uint32_t age = 0;

	while (age < history->count && !(point_at(history, age)->valid & FIELD_BIT(field)))
		age++;
	return age;
}

/* How many places behind the newest point the window starts that ends at point `end`; 0 when there
 * is no earlier point. */
static uint32_t window_start(
	const struct history *history, enum field field, uint32_t end, uint64_t window_ns)
{
	uint64_t newest_ns = point_at(history, end)->at_ns;
	uint32_t best = 0;
	uint64_t best_off = 0;

	for (uint32_t age = end + 1; age < history->count; age++) {
		const struct point *point = point_at(history, age);
		uint64_t span = newest_ns - point->at_ns;
		uint64_t off = span > window_ns ? span - window_ns : window_ns - span;

		if (!(point->valid & FIELD_BIT(field)))
			continue;
		if (best && off >= best_off)
			break; /* points only get older */
		best = age;
		best_off = off;
	}
	return best;
}

static uint64_t rate_between(
	const struct point *from, const struct point *to, int counter, uint64_t per_second)
{
	wide steps = (wide)(to->value[counter] - from->value[counter]) * per_second * 1000000000U;
	wide rate = steps / (to->at_ns - from->at_ns);

	return rate > UINT64_MAX ? UINT64_MAX : (uint64_t)rate;
}

bool history_rate(const struct history *history, enum field field, uint64_t window_ns,
	uint64_t per_second, uint64_t *ret_rate, uint64_t *ret_span_ns)
{
	int counter = counter_index(history, field);
	uint32_t end = newest_with(history, field), start;
	const struct point *from, *to;

	if (counter < 0 || end >= history->count)
		return false;
	to = point_at(history, end);
	start = window_start(history, field, end, window_ns);
	if (start == 0)
		return false;
	from = point_at(history, start);
	if (to->at_ns - from->at_ns < HISTORY_MIN_SPAN_NS)
		return false;
	*ret_rate = rate_between(from, to, counter, per_second);
	*ret_span_ns = to->at_ns - from->at_ns;
	return true;
}

bool history_peak(const struct history *history, enum field field, uint64_t window_ns,
	uint64_t step_ns, uint64_t per_second, uint64_t *ret_peak)
{
	int counter = counter_index(history, field);
	const struct point *from;
	uint64_t peak = 0;
	uint32_t start;
	bool found = false;

	if (counter < 0 || history->count < 2 || !(point_at(history, 0)->valid & FIELD_BIT(field)))
		return false;
	start = window_start(history, field, 0, window_ns);
	if (start == 0)
		return false;
	from = point_at(history, start);
	for (uint32_t age = start; age-- > 0;) {
		const struct point *to = point_at(history, age);
		uint64_t span = to->at_ns - from->at_ns, rate;

		if (!(to->valid & FIELD_BIT(field)))
			continue;
		if (span < step_ns / 2 || span < HISTORY_MIN_SPAN_NS)
			continue;
		rate = rate_between(from, to, counter, per_second);
		if (rate > peak)
			peak = rate;
		found = true;
		from = to;
	}
	if (found)
		*ret_peak = peak;
	return found;
}
