/* Descriptors that close themselves where they go out of scope. */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <errno.h>
#include <unistd.h>

static inline void close_descriptor(int *descriptor)
{
	int before = errno;

	if (*descriptor >= 0)
		close(*descriptor);
	*descriptor = -1;
	errno = before;
}

/* Hands a descriptor on, so that its scope does not close it. */
static inline int keep_descriptor(int *descriptor)
{
	int kept = *descriptor;

	*descriptor = -1;
	return kept;
}

#define cleanup_close __attribute__((cleanup(close_descriptor)))

#endif
