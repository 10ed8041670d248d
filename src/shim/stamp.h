/* The wall clock as RFC 3339 text in UTC. */
#ifndef STAMP_H
#define STAMP_H

#include <time.h>

/* "2026-11-24T06:51:01.123456789Z" and its NUL. */
#define STAMP_SIZE 31

/* Nine digits of fraction, so that two of them compare as text. */
void stamp_write(char to[STAMP_SIZE], const struct timespec *time);
/* Go's RFC3339Nano: without the zeros at the end of the fraction. Returns the length. */
unsigned stamp_write_short(char to[STAMP_SIZE], const struct timespec *time);

#endif
