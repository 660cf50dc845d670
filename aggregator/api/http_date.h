/* The time as HTTP's Date header has it, made once a second. One thread. */
#ifndef API_HTTP_DATE_H
#define API_HTTP_DATE_H

#include <time.h>

#define HTTP_DATE_BYTES 30 /* "Thu, 01 Jan 1970 00:00:00 GMT", terminated */

/* Zero-initialise. */
struct http_date {
	time_t second;
	char text[HTTP_DATE_BYTES];
};

/* The text of `now` (RFC 9110, 5.6.7), good until the next call. */
const char *http_date_text(struct http_date *date, time_t now);

#endif
