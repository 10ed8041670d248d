/* What is typed: from the stdin fifo to the container's terminal. Without a terminal the fifo itself is the container's stdin. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct input {
	/* -1 if there is none, or once it has ended. */
	int fifo;
	/* What was read and the terminal has not taken yet is buffer[head..tail). */
	unsigned char buffer[4096];
	size_t head;
	size_t tail;
};

/* Whether something waits for the terminal: only when all is written more is read, which holds the writer back as a pipe does. */
bool input_waits(const struct input *input);
/* Reads once and passes on. At the fifo's end nothing more comes; the terminal stays, as it does when a person stops typing. */
void input_pump(struct input *input, int master);
/* Passes on what the terminal takes without waiting. */
void input_forward(struct input *input, int master);
/* For a terminal that nobody reads any more. */
void input_end(struct input *input);

#endif
