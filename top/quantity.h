/* Kubernetes' quantities as exact numbers: "250m", "12345678n", "20Mi", "1.5", "2e3". */
#ifndef TOP_QUANTITY_H
#define TOP_QUANTITY_H

#include <stdbool.h>

/* Billionths: exact for all that Kubernetes writes, from a nanocore to some exbibytes. */
__extension__ typedef __int128 nano;

#define NANO_PER_ONE ((nano)1000000000)

/* 0; -EINVAL: it is none; -ERANGE: beyond 10^27. What is finer than a billionth is rounded up, as
 * Kubernetes does. */
int quantity_parse(const char *text, nano *ret_value);

double quantity_double(nano value);

#endif
