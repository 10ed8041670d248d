/* Commands that arrive on the `control` fifo: lines of three numbers. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stddef.h>
#include <stdint.h>

enum control_verb {
	/* 0 0 0: the container's stdin ends when its last writer has closed it. */
	CONTROL_CLOSE_STDIN = 0,
	/* 1 WIDTH HEIGHT: of the terminal, in columns and rows. */
	CONTROL_RESIZE = 1,
	/* 2 0 0: somebody attached; open the output fifos again. */
	CONTROL_ATTACH = 2,
};

struct command {
	uint64_t verb;
	uint64_t arguments[2];
};

struct control {
	int descriptor;
	/* A line that has not ended yet. */
	char line[128];
	size_t length;
};

/* 1 and the next command; 0 if none is there. Lines that are no commands are skipped. */
int control_next(struct control *control, struct command *command);

#endif
