/* Text put together in a buffer of fixed size; what does not fit is cut. No allocation, no printf. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
	char *at;
	char *end;
};

#define TEXT_IN(buffer) { (buffer), (buffer) + sizeof(buffer) }

void text_put(struct text *text, const void *bytes, size_t size);
void text_add(struct text *text, const char *string);
void text_number(struct text *text, uint64_t number);
/* Puts the closing NUL, over the last byte if the buffer is full. */
void text_close(struct text *text);

/* Reads a decimal number and moves *at behind it. 0, or -EINVAL if there is none or it is too large. */
int number_read(const char **at, uint64_t *number);

#endif
