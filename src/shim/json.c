#include "json.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define EACH(byte) ((byte) * 0x0101010101010101ull)

static const char HEX[] = "0123456789abcdef";

static inline uint64_t zero_bytes(uint64_t word)
{
	return (word - EACH(1)) & ~word;
}

/*
 * Marks, in their highest bits, the bytes of a word that can't be copied as they are. Only the lowest mark is exact (a borrow may run
 * into the bytes above it), and only that one is used. Two pairs of characters differ in one bit each and are tested together.
 */
static inline uint64_t special_bytes(uint64_t word)
{
	uint64_t control = (word - EACH(0x20)) & ~word;
	uint64_t quote_ampersand = zero_bytes((word | EACH('"' ^ '&')) ^ EACH('&'));
	uint64_t less_greater = zero_bytes((word | EACH('<' ^ '>')) ^ EACH('>'));
	uint64_t backslash = zero_bytes(word ^ EACH('\\'));

	return (word | control | quote_ampersand | less_greater | backslash) & EACH(0x80);
}

static inline int is_special(uint8_t byte)
{
	return byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '&' || byte == '<' || byte == '>' ||
	       byte == '\\';
}

/* Copies up to the first special byte, a word at a time. Returns how many it copied. */
static inline size_t copy_plain(char *to, const uint8_t *from, size_t size)
{
	size_t done = 0;

	for (; size - done >= sizeof(uint64_t); done += sizeof(uint64_t)) {
		uint64_t word, special;

		memcpy(&word, from + done, sizeof(word));
		memcpy(to + done, &word, sizeof(word));
		special = special_bytes(le64toh(word));
		if (special)
			return done + (size_t)__builtin_ctzll(special) / 8;
	}
	for (; done < size && !is_special(from[done]); done++)
		to[done] = (char)from[done];
	return done;
}

/* The length of the valid UTF-8 sequence at `from`, 0 if there is none (RFC 3629: no surrogates, no overlong forms). */
static size_t sequence_length(const uint8_t *from, size_t left)
{
	uint8_t first = from[0];
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	if (first < 0xc2 || first > 0xf4 || left < length || from[1] < low || from[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if ((from[i] & 0xc0) != 0x80)
			return 0;
	}
	return length;
}

static inline char *put(char *to, const char *string, size_t size)
{
	memcpy(to, string, size);
	return to + size;
}

static char *escape_ascii(char *to, uint8_t byte)
{
	switch (byte) {
	case '"':
		return put(to, "\\\"", 2);
	case '\\':
		return put(to, "\\\\", 2);
	case '\n':
		return put(to, "\\n", 2);
	case '\r':
		return put(to, "\\r", 2);
	}
	to = put(to, "\\u00", 4);
	*to++ = HEX[byte >> 4];
	*to++ = HEX[byte & 0xf];
	return to;
}

/* U+2028 and U+2029 end a line in JavaScript, hence Go escapes them. */
static int is_line_separator(const uint8_t *from, size_t length)
{
	return length == 3 && from[0] == 0xe2 && from[1] == 0x80 && (from[2] & 0xfe) == 0xa8;
}

/* Copies a run of sequences that need no escape: text in other scripts is mostly such runs. */
static char *copy_sequences(char *to, const uint8_t **from, const uint8_t *end)
{
	while (*from < end && **from >= 0x80) {
		size_t length = sequence_length(*from, (size_t)(end - *from));

		if (length == 0 || is_line_separator(*from, length))
			break;
		to = put(to, (const char *)*from, length);
		*from += length;
	}
	return to;
}

static char *escape_unicode(char *to, const uint8_t **from, const uint8_t *end)
{
	size_t length = sequence_length(*from, (size_t)(end - *from));

	if (length == 0) {
		*from += 1;
		return put(to, "\\ufffd", 6);
	}
	to = put(to, (*from)[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
	*from += length;
	return to;
}

char *json_escape(char *to, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;
	const uint8_t *end = from + size;

	while (from < end) {
		size_t plain = copy_plain(to, from, (size_t)(end - from));

		to += plain;
		from += plain;
		if (from == end)
			break;
		if (*from < 0x80) {
			to = escape_ascii(to, *from++);
			continue;
		}
		to = copy_sequences(to, &from, end);
		if (from < end && *from >= 0x80)
			to = escape_unicode(to, &from, end);
	}
	return to;
}
