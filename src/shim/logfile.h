/* The file that a container's log is written to: whole lines, appended, rotated by size. */
#ifndef LOGFILE_H
#define LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct logfile {
	int descriptor;
	const char *path;
	uint64_t size;
	/* Bytes from which on the file is rotated; 0: never. */
	uint64_t max_size;
	/* How many files are kept, the one being written included. */
	uint64_t max_files;
	/* Bytes of an unfinished line at the end, to be cut off before anything else is written. */
	off_t torn;
};

/* Opens or creates the file and cuts off a line that an earlier writer left unfinished. */
int logfile_open(struct logfile *file, const char *path);
/* Appends whole lines. On an error the lines that were not written are lost, and no part of a line stays in the file. */
int logfile_append(struct logfile *file, const char *lines, size_t size);
bool logfile_is_full(const struct logfile *file, size_t waiting);
/* path becomes path.1, path.1 becomes path.2 and so on; with one file only, it is emptied. */
int logfile_rotate(struct logfile *file);

#endif
