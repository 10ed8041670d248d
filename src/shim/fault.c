#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

enum { DEFAULT_DELAY_MS = 5000, FILE_MODE = 0600 };

static const char PREFIX[] = "shim.";

const char *fault_asked;

/* `kill`, `error`, `delay` or `delay=MS`. */
static const char *action;
static uint64_t left;
/* The file that is told that the point is reached, before the fault happens; NULL or empty: none. */
static const char *told_in;

static const char *take(const char *name)
{
	const char *value = getenv(name);

	unsetenv(name);
	return value;
}

/* `@` and a path: what stands in that file. */
static const char *read_asked(const char *asked)
{
	static char text[256];
	cleanup_close int descriptor = asked && *asked == '@' ? open(asked + 1, O_RDONLY | O_CLOEXEC) : -1;

	if (descriptor < 0)
		return asked;
	return read(descriptor, text, sizeof(text) - 1) < 0 ? NULL : text;
}

/* What is no point of ours, or is malformed, concerns nobody here: the daemon has checked it. */
void fault_read(void)
{
	const char *asked = read_asked(take("TALLY_FAULT"));
	const char *at;

	told_in = take("TALLY_FAULT_LOG");
	if (!asked || strncmp(asked, PREFIX, sizeof(PREFIX) - 1) != 0)
		return;
	at = strchr(asked, ':');
	if (!at)
		return;
	at++;
	if (number_read(&at, &left) < 0 || *at != ':')
		return;
	action = at + 1;
	fault_asked = asked + sizeof(PREFIX) - 1;
}

/* Compares as far as `word` goes; `step` has spaces where a point has dashes. Returns what follows, or NULL. */
static const char *skip(const char *asked, const char *word)
{
	for (; *word; word++, asked++) {
		if (*asked != (*word == ' ' ? '-' : *word))
			return NULL;
	}
	return asked;
}

static bool is_asked(const char *step, const char *side)
{
	const char *rest = skip(fault_asked, step);

	rest = rest ? skip(rest, side) : NULL;
	return rest && *rest == ':';
}

/* A line of its own in a file that others may write to, too. */
static void tell(void)
{
	cleanup_close int descriptor =
		told_in && *told_in ? open(told_in, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, FILE_MODE) : -1;
	char line[128];
	struct text text = TEXT_IN(line);

	text_add(&text, PREFIX);
	text_put(&text, fault_asked, (size_t)(strchr(fault_asked, ':') - fault_asked));
	text_add(&text, " ");
	text_number(&text, (uint64_t)getpid());
	text_add(&text, "\n");
	if (descriptor >= 0 && write(descriptor, line, (size_t)(text.at - line)) < 0)
		return;
}

static void wait_for(uint64_t milliseconds)
{
	struct timespec pause = { .tv_sec = (time_t)(milliseconds / 1000),
				  .tv_nsec = (long)(milliseconds % 1000) * 1000000 };

	while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
		continue;
}

static void delay(const char *given)
{
	uint64_t milliseconds = DEFAULT_DELAY_MS;

	if (*given == '=') {
		given++;
		number_read(&given, &milliseconds);
	}
	wait_for(milliseconds);
}

int fault_reach(const char *step, const char *side)
{
	if (!is_asked(step, side) || --left != 0)
		return 0;
	tell();
	if (strcmp(action, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strncmp(action, "delay", strlen("delay")) == 0)
		delay(action + strlen("delay"));
	return strcmp(action, "error") == 0 ? -EIO : 0;
}
