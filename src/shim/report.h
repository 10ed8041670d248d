/* What the shim tells: facts as files in the task's directory and as lines on the `exit` fifo, errors in shim-log.json. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct report {
	/* The task's directory. */
	int directory;
	/* The `exit` fifo. Every line on it is a fact that is in a file, too. */
	int channel;
};

struct exit_status {
	uint64_t code;
	struct timespec at;
	bool oom_killed;
};

/* A line on `exit`: a word, or a word and a number. Never waits; a line that nobody can take is lost. */
void report_word(const struct report *report, const char *word);
void report_number(const struct report *report, const char *word, uint64_t number);
/* Appends a line to shim-log.json. `error` is an errno, or 0 if only `detail` says what happened. */
void report_error(const struct report *report, const char *step, int error, const char *detail);
/* Makes shim-log.json, so that it is there also if all goes well. If that fails there is no place to say so. */
void report_open_log(const struct report *report);
/* Writes the files `exit-status` and `oom`: aside, fsynced, renamed. */
int report_exit_status(const struct report *report, const struct exit_status *status);
int report_oom(const struct report *report, uint64_t kills);

#endif
