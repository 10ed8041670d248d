/* The shim's command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"

struct options {
	/* The task's directory, which holds the fifos `control` and `exit`; absolute, like all paths. */
	const char *directory;
	const char *id;
	/* Names one start. Only here so that it stands in /proc/<pid>/cmdline. */
	const char *run_id;
	/* NULL for an exec. */
	const char *bundle;
	/* The file with an OCI process, to be exec'd in the container that is there; NULL: the container is to be created. */
	const char *process_path;
	/* Like run_id. */
	const char *exec_id;
	/* A path, or a name to be found in PATH. */
	const char *runtime;
	const char *runtime_root;
	bool systemd_cgroup;
	/* The container's stdio is a terminal. */
	bool terminal;
	/* In columns and rows; 0: not said. */
	uint64_t console_width;
	uint64_t console_height;
	/* Named pipes to whoever is attached; NULL if there is none. */
	const char *stdin_path;
	const char *output_paths[STREAMS];
	/* NULL: no log. */
	const char *log_path;
	uint64_t log_max_size;
	uint64_t log_max_file;
};

/* 0, or -EINVAL and in *problem why. */
int options_parse(struct options *options, char *const *arguments, const char **problem);

#endif
