#include "agent/reading.h"

static const struct field_info FIELDS[FIELD_COUNT] = {
#define FIELD(symbol, kind, file, key, help) {#symbol, FIELD_KIND_##kind, file, key, help},
#include "agent/reading.def"
#undef FIELD
};

const struct field_info *field_info(enum field field)
{
	return &FIELDS[field];
}
