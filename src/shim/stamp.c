#include "stamp.h"

#include <stdint.h>
#include <string.h>

enum { SECONDS_A_DAY = 86400, FRACTION_AT = 19, ZONE_AT = 29 };

struct date {
	unsigned year, month, day;
};

/*
 * Days since 1970 as a date of the Gregorian calendar, counted in eras of 400 years that begin in March, so that the leap day is
 * the last of its year. The C library's gmtime_r may read time zone files; this does not.
 */
static struct date date_of(uint64_t days)
{
	uint64_t shifted = days + 719468;
	uint64_t era = shifted / 146097;
	unsigned of_era = (unsigned)(shifted % 146097);
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	unsigned march_month = (5 * of_year + 2) / 153;
	struct date date = {
		.month = march_month < 10 ? march_month + 3 : march_month - 9,
		.day = of_year - (153 * march_month + 2) / 5 + 1,
	};

	date.year = (unsigned)(era * 400) + year + (date.month <= 2);
	return date;
}

static void digits(char *to, unsigned count, uint64_t number)
{
	while (count-- > 0) {
		to[count] = (char)('0' + number % 10);
		number /= 10;
	}
}

void stamp_write(char to[STAMP_SIZE], const struct timespec *time)
{
	uint64_t seconds = time->tv_sec < 0 ? 0 : (uint64_t)time->tv_sec;
	struct date date = date_of(seconds / SECONDS_A_DAY);
	unsigned of_day = (unsigned)(seconds % SECONDS_A_DAY);

	memcpy(to, "0000-00-00T00:00:00.000000000Z", STAMP_SIZE);
	digits(to, 4, date.year);
	digits(to + 5, 2, date.month);
	digits(to + 8, 2, date.day);
	digits(to + 11, 2, of_day / 3600);
	digits(to + 14, 2, of_day / 60 % 60);
	digits(to + 17, 2, of_day % 60);
	digits(to + 20, 9, (uint64_t)time->tv_nsec);
}

unsigned stamp_write_short(char to[STAMP_SIZE], const struct timespec *time)
{
	unsigned end = ZONE_AT;

	stamp_write(to, time);
	while (to[end - 1] == '0' && end > FRACTION_AT + 1)
		end--;
	if (end == FRACTION_AT + 1)
		end = FRACTION_AT;
	memcpy(to + end, "Z", 2);
	return end + 1;
}
