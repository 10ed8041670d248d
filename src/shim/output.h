/* Carries the container's output: from its pipes to its log and to who is attached. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "log.h"
#include "stream.h"

struct output {
	struct stream streams[STREAMS];
	struct log log;
	/* The buffers hold memory that a container at rest does not need. */
	bool warm;
};

/* Opens the log. */
int output_open_log(struct output *output, const char *path, uint64_t max_size, uint64_t max_files);
/* Makes the stream and opens its fifo. Returns the container's end. */
int output_open(struct output *output, enum stream_name name, const char *path);
/* Reads once and passes it on, to the log before who is attached. Returns how much was read. */
size_t output_pump(struct output *output, enum stream_name name, size_t limit);
/*
 * For a container that has ended: reads what is left in its pipes and no more, since who still holds the other end (a process outside of the
 * container's pid namespace) could go on for ever. Then the log is complete.
 */
void output_drain(struct output *output);
/* Stays until a slow reader has taken the rest or is gone. */
void output_see_off_readers(struct output *output);
/* Gives memory back to the kernel. */
void output_rest(struct output *output);

#endif
