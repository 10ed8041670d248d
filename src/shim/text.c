#include "text.h"

#include <errno.h>
#include <string.h>

void text_put(struct text *text, const void *bytes, size_t size)
{
	size_t room = (size_t)(text->end - text->at);

	if (size > room)
		size = room;
	memcpy(text->at, bytes, size);
	text->at += size;
}

void text_add(struct text *text, const char *string)
{
	text_put(text, string, strlen(string));
}

void text_number(struct text *text, uint64_t number)
{
	char digits[20];
	char *at = digits + sizeof(digits);

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text_put(text, at, (size_t)(digits + sizeof(digits) - at));
}

void text_close(struct text *text)
{
	if (text->at == text->end)
		text->at--;
	*text->at = '\0';
}

int number_read(const char **at, uint64_t *number)
{
	const char *digit = *at;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*digit - '0'), number))
			return -EINVAL;
	}
	if (digit == *at)
		return -EINVAL;
	*at = digit;
	return 0;
}
