/* Runs the OCI runtime. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <sys/types.h>

#include "options.h"

struct stdio {
	int descriptors[3];
};

/* Starts `create`, which takes over the container's stdio. Returns its pid, or -errno if it can't be executed. */
pid_t runtime_create(const struct options *options, const struct stdio *stdio);
/* The pid of the container's first process, as the runtime wrote it to DIR/pid. */
pid_t runtime_read_pid(int directory);

#endif
