#include "input.h"

#include <errno.h>
#include <unistd.h>

#include "cleanup.h"

bool input_waits(const struct input *input)
{
	return input->head < input->tail;
}

void input_end(struct input *input)
{
	close_descriptor(&input->fifo);
	input->head = 0;
	input->tail = 0;
}

void input_pump(struct input *input, int master)
{
	ssize_t count = read(input->fifo, input->buffer, sizeof(input->buffer));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		input_end(input);
		return;
	}
	input->head = 0;
	input->tail = (size_t)count;
	input_forward(input, master);
}

void input_forward(struct input *input, int master)
{
	while (input_waits(input)) {
		ssize_t count = write(master, input->buffer + input->head, input->tail - input->head);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno != EAGAIN)
			input_end(input);
		if (count <= 0)
			return;
		input->head += (size_t)count;
	}
}
