#include "aggregator/api/http_date.h"

#include <stdio.h>

/* Whatever the locale. */
static const char DAYS[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char MONTHS[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

const char *http_date_text(struct http_date *date, time_t now)
{
	struct tm utc;

	if ((date->second == now && date->text[0]) || !gmtime_r(&now, &utc))
		return date->text;
	date->second = now;
	(void)snprintf(date->text, sizeof(date->text), "%s, %02u %s %04u %02u:%02u:%02u GMT",
		DAYS[utc.tm_wday], (unsigned)utc.tm_mday % 100, MONTHS[utc.tm_mon],
		(unsigned)(utc.tm_year + 1900) % 10000, (unsigned)utc.tm_hour % 100,
		(unsigned)utc.tm_min % 100, (unsigned)utc.tm_sec % 100);
	return date->text;
}
