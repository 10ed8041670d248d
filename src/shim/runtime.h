/* Runs the OCI runtime. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <sys/types.h>

#include "options.h"

struct stdio {
	int descriptors[3];
};

/*
 * Starts `create`, or `exec` if that is asked for, which takes over the container's stdio; with a terminal it sends its master to `console`,
 * else that is NULL. Returns its pid, or -errno if it can't be executed.
 */
pid_t runtime_start(const struct options *options, const char *console, const struct stdio *stdio);
/* What it was started to do: `runc create` or `runc exec`. */
const char *runtime_step(const struct options *options);
/* Why it failed: how it ended, and what it printed into a pipe. */
void runtime_explain(char *why, size_t size, int status, int printed);
/* The pid of the process that it made, as it wrote it to DIR/pid. */
pid_t runtime_read_pid(int directory);

#endif
