/* Finds control groups. */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

/* Opens the directory of a process's memory control group. -ENOENT if the host has no such controller. */
int cgroup_open_memory(pid_t pid, bool *unified);

#endif
