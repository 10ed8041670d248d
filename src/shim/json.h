/* Bytes as the inside of a JSON string. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

/* One byte becomes at most six: \u001b. */
#define JSON_GROWTH 6
/* How far behind its result json_escape may write. */
#define JSON_SLACK 8

/*
 * Escapes as Docker's json-file driver does, which is Go's encoding/json with HTML escaping and without \t, \b and \f: those become
 * \u0009, \u0008 and \u000c. Each byte that is no UTF-8 becomes \ufffd. `to` holds JSON_GROWTH * size + JSON_SLACK bytes.
 * Returns the end of what it wrote.
 */
char *json_escape(char *to, const void *bytes, size_t size);

#endif
