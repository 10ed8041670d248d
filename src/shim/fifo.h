/* Named pipes that the engine and the supervisor made for us. */
#ifndef FIFO_H
#define FIFO_H

/*
 * Opens a fifo for reading and writing, which never waits and never meets a missing other end: what is written while nobody reads waits
 * for the next reader. Refuses anything that is no fifo.
 */
int fifo_open(int directory, const char *name);
/* Opens a fifo for writing. -ENXIO if nobody reads it. */
int fifo_open_reader(const char *path);
/*
 * Opens the container's standard input: the container's end, which blocks, is returned, and *hold is a writing end that keeps the fifo
 * from ending between two writers. Without a path it is /dev/null and *hold is -1.
 */
int fifo_open_stdin(const char *path, int *hold);

#endif
