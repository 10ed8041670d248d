/* The one shim that this process is, and how it tells what goes wrong. */
#ifndef SHIM_H
#define SHIM_H

#include <stdbool.h>
#include <sys/types.h>

#include "control.h"
#include "input.h"
#include "oom.h"
#include "options.h"
#include "output.h"
#include "report.h"
#include "terminal.h"

struct shim {
	struct options options;
	struct report report;
	struct control control;
	struct output output;
	struct oom oom;
	struct terminal terminal;
	/* With a terminal only. */
	struct input input;
	int signals;
	/* Keeps the container's stdin from ending. */
	int stdin_hold;
	/* `runc create` or `runc exec` while it runs. */
	pid_t runtime;
	/* The container's first process, or the exec'd one, once it is known. */
	pid_t container;
	struct exit_status exit;
	bool ended;
	bool failed;
	bool log_error_told;
	/* What is being done, and with what, for the report of its failure. */
	const char *step;
	const char *subject;
};

extern struct shim shim;

void begin(const char *step, const char *subject);
/* Begins it, does it and passes on its result; between its two fault points. */
int take_step(const char *step, const char *subject, int (*work)(void));
/* Tells of a failure of what was begun last; error is a negative errno, or 0 if the subject says it all. */
void tell_error(int error);
/* For a step that the container can do without: tells of its failure, if it is one. */
void tell_if_failed(int result);
/* Tells of it as of the shim's end. */
void fail(int error);
/* Tells the supervisor a fact on `exit`; between two fault points, at which there is nothing to fail. */
void tell_word(const char *step, const char *word);
void tell_number(const char *step, const char *word, uint64_t number);
void tell_log_error(void);
/* Tells of an OOM kill that is not told yet. */
void tell_oom(void);
/* The master of the container's terminal; -1 without one, before there is one and when it has ended. */
int shim_master(void);

#endif
