#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "fifo.h"

/* The kernel holds a terminal's output in a buffer of 4 KiB and, before that, one of 8 KiB or a little more. */
enum { LARGEST_FIFO = 1024 * 1024, TERMINAL_HOLDS = 64 * 1024 };

int stream_open(struct stream *stream, const char *path, unsigned char *buffer)
{
	int ends[2];
	int result;

	*stream = (struct stream){ .pipe = -1, .fifo = -1, .path = path, .buffer = buffer };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	stream->pipe = ends[0];
	cleanup_close int container = ends[1];
	if (fcntl(stream->pipe, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	result = stream_attach(stream);
	return result < 0 ? result : keep_descriptor(&container);
}

void stream_use_terminal(struct stream *stream, int master)
{
	close_descriptor(&stream->pipe);
	stream->pipe = master;
	stream->terminal = true;
}

static bool has_reader(const struct stream *stream)
{
	struct pollfd fifo = { .fd = stream->fifo };

	return stream->fifo >= 0 && poll(&fifo, 1, 0) == 0;
}

int stream_attach(struct stream *stream)
{
	int fifo;

	if (!stream->path || has_reader(stream))
		return 0;
	stream_detach(stream);
	fifo = fifo_open_reader(stream->path);
	if (fifo < 0)
		return fifo == -ENXIO ? 0 : fifo;
	stream->fifo = fifo;
	/* A reader who comes after the end is to see it. */
	if (stream->pipe < 0)
		stream_detach(stream);
	return 0;
}

void stream_detach(struct stream *stream)
{
	close_descriptor(&stream->fifo);
	stream->head = 0;
	stream->tail = 0;
}

void stream_end(struct stream *stream)
{
	close_descriptor(&stream->pipe);
	if (stream_is_idle(stream))
		stream_detach(stream);
}

bool stream_is_idle(const struct stream *stream)
{
	return stream->head == stream->tail;
}

ssize_t stream_read(struct stream *stream, size_t limit, const unsigned char **bytes)
{
	ssize_t count;

	if (STREAM_CAPACITY - stream->tail < STREAM_CHUNK)
		stream_detach(stream);
	*bytes = stream->buffer + stream->tail;
	count = read(stream->pipe, stream->buffer + stream->tail, limit < STREAM_CHUNK ? limit : STREAM_CHUNK);
	/* How a terminal ends: nobody has its other side open any more. */
	if (count < 0 && stream->terminal && errno == EIO)
		return 0;
	if (count < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (stream->fifo >= 0)
		stream->tail += (size_t)count;
	return count;
}

void stream_forward(struct stream *stream)
{
	while (stream->head < stream->tail) {
		ssize_t count =
			write(stream->fifo, stream->buffer + stream->head, stream->tail - stream->head);

		if (count < 0 && errno == EAGAIN)
			return;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			stream_detach(stream);
			return;
		}
		stream->head += (size_t)count;
	}
	stream->head = 0;
	stream->tail = 0;
	if (stream->pipe < 0)
		stream_detach(stream);
}

size_t stream_unread(const struct stream *stream)
{
	int count = 0;

	/* FIONREAD does not count all that is on its way through a terminal. */
	if (stream->terminal)
		return TERMINAL_HOLDS;
	if (stream->pipe < 0 || ioctl(stream->pipe, FIONREAD, &count) < 0)
		return 0;
	return (size_t)count;
}

void stream_settle(struct stream *stream)
{
	if (stream_is_idle(stream))
		return;
	fcntl(stream->fifo, F_SETPIPE_SZ, LARGEST_FIFO);
	stream_forward(stream);
}

void stream_rest(struct stream *stream)
{
	if (stream_is_idle(stream))
		madvise(stream->buffer, STREAM_CAPACITY, MADV_DONTNEED);
}
