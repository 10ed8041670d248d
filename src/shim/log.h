/* A container's output as lines of Docker's json-file format. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"
#include "logfile.h"
#include "stamp.h"

enum stream_name { STREAM_STDOUT, STREAM_STDERR, STREAMS };

/* Longer lines are written in parts of this size; a part that is not the last has no newline (Docker's buffer size). */
#define LOG_PART 16384
/* What follows the text of a line: ","stream":"stdout","time":"2026-11-24T06:51:01.123456789Z"}\n */
#define LOG_TAIL_MAX 96
/* The longest line in the file, its head `{"log":"` and the escaped newline included. */
#define LOG_LINE_MAX (LOG_PART * JSON_GROWTH + JSON_SLACK + LOG_TAIL_MAX + 16)

struct log {
	struct logfile file;
	/* The first error that nobody has taken yet, and what was being done. */
	int error;
	const char *step;
};

int log_open(struct log *log, const char *path);
/* Writes what was read from a stream in one go. The container never hears of errors: they are kept for log_take_error. */
void log_write(struct log *log, enum stream_name stream, const void *bytes, size_t size);
/* Writes the last line of a stream if it has no newline. */
void log_finish(struct log *log, enum stream_name stream);
int log_take_error(struct log *log, const char **step);
/* Gives the memory of the last burst back to the kernel. */
void log_rest(void);

#endif
