/* The container's terminal: our side, the master of a pseudoterminal that the runtime makes inside of the container; pty(7). */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdint.h>

struct terminal {
	/* The runtime's console socket until it has brought the master. */
	int listener;
	/* A place in DIRECTORY for the socket's name that is short enough for a socket address, unix(7). */
	char path[64];
	/* Columns and rows; 0: never said. */
	uint64_t width;
	uint64_t height;
};

/* Makes the console socket, `console` in the task's directory. */
int terminal_listen(struct terminal *terminal, int directory);
/*
 * Takes the master off the socket and removes that. To be called when the runtime has ended well: then it has sent it. Returns the master,
 * which does not block and has the terminal's size.
 */
int terminal_receive(struct terminal *terminal, int directory);
/* Also before there is a master (-1): then the terminal will begin with that size. */
int terminal_resize(struct terminal *terminal, int master, const uint64_t size[2]);

#endif
