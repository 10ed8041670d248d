#include "log.h"

#include <string.h>
#include <sys/mman.h>

#include "fault.h"
#include "text.h"

struct log_tail {
	char bytes[LOG_TAIL_MAX];
	size_t length;
};

/* What of a stream is still waiting for its newline. */
struct log_line {
	unsigned char held[LOG_PART];
	size_t length;
	/* Parts of this line were already written; `tail` is theirs: all parts carry the time of the first. */
	bool continued;
	struct log_tail tail;
};

static struct log_line lines[STREAMS];

/* Lines wait here, so that one read of the container's output is one write. One for all streams: it is empty between two reads. */
enum { BATCH_SIZE = 256 * 1024 };
static _Alignas(4096) char batch[BATCH_SIZE];
static size_t waiting;

_Static_assert(BATCH_SIZE > LOG_LINE_MAX, "the longest line must fit");

static const char HEAD[] = "{\"log\":\"";

int log_open(struct log *log, const char *path)
{
	return logfile_open(&log->file, path);
}

static void note_error(struct log *log, const char *step, int error)
{
	if (error == 0 || log->error != 0)
		return;
	log->error = error;
	log->step = step;
}

int log_take_error(struct log *log, const char **step)
{
	int error = log->error;

	*step = log->step;
	log->error = 0;
	return error;
}

static int append(struct log *log)
{
	int result = fault_before("write log");

	if (result == 0)
		result = logfile_append(&log->file, batch, waiting);
	return fault_after("write log", result);
}

static int rotate(struct log *log)
{
	int result = fault_before("rotate log");

	if (result == 0)
		result = logfile_rotate(&log->file);
	return fault_after("rotate log", result);
}

static void flush(struct log *log)
{
	if (waiting > 0)
		note_error(log, "write log", append(log));
	waiting = 0;
}

static void make_room(struct log *log)
{
	if (logfile_is_full(&log->file, waiting)) {
		flush(log);
		/* A full disk may have kept the lines out: then there is nothing to rotate yet. */
		if (logfile_is_full(&log->file, 0))
			note_error(log, "rotate log", rotate(log));
	}
	if (BATCH_SIZE - waiting < LOG_LINE_MAX)
		flush(log);
}

static void put_line(struct log *log, const struct log_tail *tail, const void *bytes, size_t size, bool ended)
{
	char *at;

	make_room(log);
	at = batch + waiting;
	memcpy(at, HEAD, sizeof(HEAD) - 1);
	at = json_escape(at + sizeof(HEAD) - 1, bytes, size);
	if (ended) {
		memcpy(at, "\\n", 2);
		at += 2;
	}
	memcpy(at, tail->bytes, tail->length);
	waiting = (size_t)(at - batch) + tail->length;
}

/* Writes a line, or a part of one, of which the beginning may be held back from an earlier read. */
static void put_part(struct log *log, struct log_line *line, const struct log_tail *now, const void *bytes, size_t size,
		     bool ended)
{
	if (!ended && !line->continued) {
		line->tail = *now;
		line->continued = true;
	}
	if (line->length > 0) {
		memcpy(line->held + line->length, bytes, size);
		bytes = line->held;
		size += line->length;
	}
	put_line(log, line->continued ? &line->tail : now, bytes, size, ended);
	line->length = 0;
	if (ended)
		line->continued = false;
}

static void make_tail(struct log_tail *tail, enum stream_name stream)
{
	struct text text = TEXT_IN(tail->bytes);
	struct timespec now;
	char stamp[STAMP_SIZE];

	clock_gettime(CLOCK_REALTIME, &now);
	text_add(&text, stream == STREAM_STDOUT ? "\",\"stream\":\"stdout\",\"time\":\""
						: "\",\"stream\":\"stderr\",\"time\":\"");
	text_put(&text, stamp, stamp_write_short(stamp, &now));
	text_add(&text, "\"}\n");
	tail->length = (size_t)(text.at - tail->bytes);
}

void log_write(struct log *log, enum stream_name stream, const void *bytes, size_t size)
{
	struct log_line *line = &lines[stream];
	const char *at = bytes;
	const char *end = at + size;
	struct log_tail now;

	make_tail(&now, stream);
	while (at < end) {
		size_t room = LOG_PART - line->length;
		size_t left = (size_t)(end - at);
		size_t window = left < room ? left : room;
		const char *newline = memchr(at, '\n', window);

		if (!newline && window < room) {
			memcpy(line->held + line->length, at, left);
			line->length += left;
			break;
		}
		window = newline ? (size_t)(newline - at) : window;
		put_part(log, line, &now, at, window, newline != NULL);
		at += window + (newline != NULL);
	}
	flush(log);
}

void log_finish(struct log *log, enum stream_name stream)
{
	struct log_line *line = &lines[stream];
	struct log_tail now;

	if (line->length > 0) {
		make_tail(&now, stream);
		put_part(log, line, &now, "", 0, false);
	}
	line->continued = false;
	flush(log);
}

void log_rest(void)
{
	madvise(batch, BATCH_SIZE, MADV_DONTNEED);
}
