/* Figures as Kubernetes' resource.Quantity writes them (k8s.io/apimachinery,
 * pkg/api/resource, CanonicalizeBytes): a whole mantissa with the largest suffix that is exact. */
#ifndef API_QUANTITY_H
#define API_QUANTITY_H

#include <stdint.h>

/* Greater values, which only a broken sender has, are written as this one: a million cores, or 909
 * TiB. It bounds the text, and with it what a protobuf list declares as its length. */
#define QUANTITY_MAX 999999999999999ULL

#define QUANTITY_BOUND 16 /* bytes: "999999999999999n" */

/* DecimalSI: "162556n", "17900u", "179m", "2", "1500", "1k", "0". Not terminated; returns where the
 * next byte goes. */
char *quantity_put_nanocores(char *to, uint64_t nanocores);

/* BinarySI: "343180Ki", "5Mi", "1025", "0"; below 1024 Go falls back to DecimalSI ("1k" for 1000).
 * Not terminated; returns where the next byte goes. */
char *quantity_put_bytes(char *to, uint64_t bytes);

#define QUANTITY_DECIMAL_BOUND 21 /* bytes: "18446744073709551615n" */

/* DecimalSI of value × 10^exponent, which is -9, -6, -3 or 0: exact, whatever the value. Not
 * terminated; returns where the next byte goes. */
char *quantity_put_decimal(char *to, uint64_t value, int exponent);

#endif
