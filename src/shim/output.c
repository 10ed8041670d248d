#include "output.h"

#include <poll.h>

static _Alignas(4096) unsigned char buffers[STREAMS][STREAM_CAPACITY];

int output_open_log(struct output *output, const char *path, uint64_t max_size, uint64_t max_files)
{
	output->log.file.max_size = max_size;
	output->log.file.max_files = max_files;
	return log_open(&output->log, path);
}

int output_open(struct output *output, enum stream_name name, const char *path)
{
	return stream_open(&output->streams[name], path, buffers[name]);
}

static bool is_logged(const struct output *output)
{
	return output->log.file.path != NULL;
}

static void end_line(struct output *output, enum stream_name name)
{
	if (is_logged(output))
		log_finish(&output->log, name);
}

size_t output_pump(struct output *output, enum stream_name name, size_t limit)
{
	struct stream *stream = &output->streams[name];
	const unsigned char *bytes;
	ssize_t count = stream_read(stream, limit, &bytes);

	if (count == 0) {
		end_line(output, name);
		stream_end(stream);
	}
	if (count <= 0)
		return 0;
	output->warm = true;
	if (is_logged(output))
		log_write(&output->log, name, bytes, (size_t)count);
	stream_forward(stream);
	return (size_t)count;
}

static void drain(struct output *output, enum stream_name name)
{
	size_t left = stream_unread(&output->streams[name]);

	while (left > 0) {
		size_t count = output_pump(output, name, left);

		if (count == 0)
			break;
		left -= count;
	}
	end_line(output, name);
}

void output_drain(struct output *output)
{
	for (int i = 0; i < STREAMS; i++)
		drain(output, (enum stream_name)i);
}

/* Returns whether nobody waits any more. */
static bool hand_over(struct stream *stream)
{
	stream_settle(stream);
	if (!stream_is_idle(stream))
		return false;
	stream_detach(stream);
	return true;
}

void output_see_off_readers(struct output *output)
{
	for (;;) {
		bool done = hand_over(&output->streams[STREAM_STDOUT]);
		struct pollfd readers[STREAMS];

		if (hand_over(&output->streams[STREAM_STDERR]) && done)
			return;
		for (int i = 0; i < STREAMS; i++)
			readers[i] = (struct pollfd){ output->streams[i].fifo, POLLOUT, 0 };
		poll(readers, STREAMS, -1);
	}
}

void output_rest(struct output *output)
{
	log_rest();
	for (int i = 0; i < STREAMS; i++)
		stream_rest(&output->streams[i]);
	output->warm = false;
}
