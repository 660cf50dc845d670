/* Deadlines that differ a little: peers that came together are not cut together, and do not come
 * back together, a thousand handshakes in one moment. Never sooner than was said. */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H

#include <stdint.h>

/* Some number, for one connection. */
uint8_t patience_draw(void);

/* From `deadline` to nearly half as much again, by what was drawn. In the deadline's unit. */
uint64_t patience_of(uint64_t deadline, uint8_t drawn);

#endif
