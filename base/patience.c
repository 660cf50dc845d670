#include "base/patience.h"

#include <stdlib.h>

uint8_t patience_draw(void)
{
	return (uint8_t)arc4random();
}

uint64_t patience_of(uint64_t deadline, uint8_t drawn)
{
	return deadline + deadline / 512 * drawn;
}
