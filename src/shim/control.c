#include "control.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

static int parse(const char *line, struct command *command)
{
	uint64_t *const numbers[] = { &command->verb, &command->arguments[0], &command->arguments[1] };

	for (size_t i = 0; i < 3; i++) {
		if (i > 0 && *line++ != ' ')
			return -EINVAL;
		if (number_read(&line, numbers[i]) < 0)
			return -EINVAL;
	}
	return *line == '\0' ? 0 : -EINVAL;
}

/* Takes the first line out of the buffer. Returns whether it was a command. */
static int take_line(struct control *control, char *newline, struct command *command)
{
	size_t used = (size_t)(newline - control->line) + 1;
	int result;

	*newline = '\0';
	result = parse(control->line, command);
	control->length -= used;
	memmove(control->line, control->line + used, control->length);
	return result;
}

int control_next(struct control *control, struct command *command)
{
	for (;;) {
		char *newline = memchr(control->line, '\n', control->length);
		ssize_t count;

		if (newline && take_line(control, newline, command) == 0)
			return 1;
		if (newline)
			continue;
		/* A line that long is none of ours. */
		if (control->length == sizeof(control->line))
			control->length = 0;
		count = read(control->descriptor, control->line + control->length,
			     sizeof(control->line) - control->length);
		if (count <= 0)
			return 0;
		control->length += (size_t)count;
	}
}
