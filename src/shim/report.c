#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "json.h"
#include "stamp.h"
#include "text.h"

enum { DETAIL_MAX = 2048, LINE_MAX_SIZE = DETAIL_MAX * JSON_GROWTH + 512, FILE_MODE = 0600 };

static void send_line(const struct report *report, const char *line, size_t size)
{
	/* EAGAIN and a supervisor that is gone: it reads the files when it is back. */
	while (write(report->channel, line, size) < 0 && errno == EINTR)
		continue;
}

void report_word(const struct report *report, const char *word)
{
	char line[64];
	struct text text = TEXT_IN(line);

	text_add(&text, word);
	text_add(&text, "\n");
	send_line(report, line, (size_t)(text.at - line));
}

void report_number(const struct report *report, const char *word, uint64_t number)
{
	char line[64];
	struct text text = TEXT_IN(line);

	text_add(&text, word);
	text_add(&text, " ");
	text_number(&text, number);
	text_add(&text, "\n");
	send_line(report, line, (size_t)(text.at - line));
}

static int open_error_log(const struct report *report)
{
	return openat(report->directory, "shim-log.json",
		      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
}

void report_open_log(const struct report *report)
{
	cleanup_close int descriptor = open_error_log(report);

	(void)descriptor;
}

static void add_escaped(struct text *text, const char *string)
{
	size_t size = strnlen(string, DETAIL_MAX);

	text->at = json_escape(text->at, string, size);
}

static void add_stamp(struct text *text, const struct timespec *time)
{
	char stamp[STAMP_SIZE];

	stamp_write(stamp, time);
	text_add(text, stamp);
}

static size_t make_error(char line[LINE_MAX_SIZE], const char *step, int error, const char *detail)
{
	struct text text = { line, line + LINE_MAX_SIZE };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_add(&text, "{\"level\":\"error\",\"time\":\"");
	add_stamp(&text, &now);
	text_add(&text, "\",\"step\":\"");
	text_add(&text, step);
	text_add(&text, "\",\"errno\":");
	text_number(&text, (uint64_t)error);
	text_add(&text, ",\"msg\":\"");
	if (detail)
		add_escaped(&text, detail);
	if (detail && error)
		text_add(&text, ": ");
	if (error)
		text_add(&text, strerror(error));
	text_add(&text, "\"}\n");
	return (size_t)(text.at - line);
}

void report_error(const struct report *report, const char *step, int error, const char *detail)
{
	char line[LINE_MAX_SIZE];
	size_t size = make_error(line, step, error, detail);
	cleanup_close int descriptor = open_error_log(report);

	/* Nothing can be told about a log of errors that can't be written; the supervisor sees `failed` or our end. */
	if (descriptor < 0 || write(descriptor, line, size) < 0)
		return;
}

static int write_durably(int directory, const char *name, const char *bytes, size_t size)
{
	cleanup_close int descriptor =
		openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
	ssize_t written;

	if (descriptor < 0)
		return -errno;
	written = write(descriptor, bytes, size);
	if (written < 0 || fsync(descriptor) < 0)
		return -errno;
	return (size_t)written == size ? 0 : -ENOSPC;
}

static int write_fact(int directory, const char *name, const char *bytes, size_t size)
{
	char aside[32];
	struct text text = TEXT_IN(aside);
	int result;

	text_add(&text, name);
	text_add(&text, ".new");
	text_close(&text);
	result = write_durably(directory, aside, bytes, size);
	if (result < 0)
		return result;
	if (renameat(directory, aside, directory, name) < 0 || fsync(directory) < 0)
		return -errno;
	return 0;
}

int report_exit_status(const struct report *report, const struct exit_status *status)
{
	char line[128];
	struct text text = TEXT_IN(line);

	text_add(&text, "{\"exitCode\":");
	text_number(&text, status->code);
	text_add(&text, ",\"exitedAt\":\"");
	add_stamp(&text, &status->at);
	text_add(&text, "\",\"oomKilled\":");
	text_add(&text, status->oom_killed ? "true}\n" : "false}\n");
	return write_fact(report->directory, "exit-status", line, (size_t)(text.at - line));
}

int report_oom(const struct report *report, uint64_t kills)
{
	char line[32];
	struct text text = TEXT_IN(line);

	text_number(&text, kills);
	text_add(&text, "\n");
	return write_fact(report->directory, "oom", line, (size_t)(text.at - line));
}
