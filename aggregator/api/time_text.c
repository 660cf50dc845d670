#include "aggregator/api/time_text.h"

#include "aggregator/api/digits.h"

#include <string.h>
#include <time.h>

#define MS_PER_SECOND 1000
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)

char *time_text_put_rfc3339(char *to, uint64_t seconds)
{
	time_t since_1970 =
		(time_t)(seconds < TIME_TEXT_MAX_SECONDS ? seconds : TIME_TEXT_MAX_SECONDS);
	struct tm utc;
	unsigned year;

	memset(&utc, 0, sizeof(utc));
	(void)gmtime_r(&since_1970, &utc); /* can't fail within four digits of a year */
	year = (unsigned)utc.tm_year + 1900;
	to = digits_put_two(to, year / 100);
	to = digits_put_two(to, year % 100);
	*to++ = '-';
	to = digits_put_two(to, (unsigned)utc.tm_mon + 1);
	*to++ = '-';
	to = digits_put_two(to, (unsigned)utc.tm_mday);
	*to++ = 'T';
	to = digits_put_two(to, (unsigned)utc.tm_hour);
	*to++ = ':';
	to = digits_put_two(to, (unsigned)utc.tm_min);
	*to++ = ':';
	to = digits_put_two(to, (unsigned)utc.tm_sec);
	*to++ = 'Z';
	return to;
}

char *time_text_cache_put(struct time_text_cache *cache, char *to, uint64_t seconds)
{
	size_t i = seconds % TIME_TEXT_CACHED;

	if (!cache->slot[i].used || cache->slot[i].seconds != seconds) {
		(void)time_text_put_rfc3339(cache->slot[i].text, seconds);
		cache->slot[i].seconds = seconds;
		cache->slot[i].used = true;
	}
	memcpy(to, cache->slot[i].text, TIME_TEXT_RFC3339_BYTES);
	return to + TIME_TEXT_RFC3339_BYTES;
}

/* ".016" for 16, ".5" for 500, nothing for 0. */
static char *put_fraction(char *to, unsigned ms)
{
	if (ms == 0)
		return to;
	*to++ = '.';
	*to++ = (char)('0' + ms / 100);
	to = digits_put_two(to, ms % 100);
	while (to[-1] == '0')
		to--;
	return to;
}

char *time_text_put_duration(char *to, uint32_t ms)
{
	if (ms > 0 && ms < MS_PER_SECOND) {
		to = digits_put(to, ms);
		*to++ = 'm';
		*to++ = 's';
		return to;
	}
	if (ms >= MS_PER_HOUR) {
		to = digits_put(to, ms / MS_PER_HOUR);
		*to++ = 'h';
	}
	if (ms >= MS_PER_MINUTE) {
		to = digits_put(to, ms % MS_PER_HOUR / MS_PER_MINUTE);
		*to++ = 'm';
	}
	to = digits_put(to, ms % MS_PER_MINUTE / MS_PER_SECOND);
	to = put_fraction(to, ms % MS_PER_SECOND);
	*to++ = 's';
	return to;
}
