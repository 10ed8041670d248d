/* One of the container's output streams: a pipe or a terminal that it writes to, and a fifo to whoever is attached. */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct stream {
	/* Our end of the container's pipe, or its terminal's master; -1 once it has ended. */
	int pipe;
	bool terminal;
	/* -1 while nobody is attached. */
	int fifo;
	const char *path;
	/* What was read and not yet forwarded is buffer[head..tail). */
	unsigned char *buffer;
	size_t head;
	size_t tail;
};

/* Makes the pipe and opens the fifo if somebody reads it. Returns the container's end of the pipe. */
int stream_open(struct stream *stream, const char *path, unsigned char *buffer);
/* From now on the stream is what is written to a terminal. Takes over its master; the pipe before it was the runtime's alone. */
void stream_use_terminal(struct stream *stream, int master);
/* Opens the fifo if nobody is attached yet. That nobody reads it is no error. */
int stream_attach(struct stream *stream);
void stream_detach(struct stream *stream);
/* The container's end is closed: so is ours, and who is attached sees the end once nothing waits. */
void stream_end(struct stream *stream);
/* Whether all that was read has been forwarded: only then is more read, which holds the container back as a pipe does. */
bool stream_is_idle(const struct stream *stream);
/*
 * Reads at most `limit` bytes behind what still waits. Returns their number and in *bytes where they are, 0 at the end of the stream,
 * -EAGAIN if there is nothing to read.
 */
ssize_t stream_read(struct stream *stream, size_t limit, const unsigned char **bytes);
/* Passes on what the reader takes without waiting. A reader that is gone is detached. */
void stream_forward(struct stream *stream);
/* How many bytes the container has written that were not read yet; of a terminal as many as it can hold at most. */
size_t stream_unread(const struct stream *stream);
/* Lets the fifo take as much as possible of what still waits, so that we need not stay for a slow reader. */
void stream_settle(struct stream *stream);
/* Gives the buffer's memory back to the kernel. */
void stream_rest(struct stream *stream);

/* One read; a pipe's usual capacity. */
#define STREAM_CHUNK (64 * 1024)
/*
 * What a stream's buffer holds: one chunk that waits for a slow reader and, when the container has ended, all that was left in its pipe
 * (by default at most 1 MiB, /proc/sys/fs/pipe-max-size). Memory is used only as far as it was ever filled.
 */
#define STREAM_CAPACITY (STREAM_CHUNK + 1024 * 1024)

#endif
