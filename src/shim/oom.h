/* Notices when the kernel kills a process of the container for lack of memory, on cgroup v1 and v2. */
#ifndef OOM_H
#define OOM_H

#include <stdint.h>
#include <sys/types.h>

struct oom {
	/* Readable when something may have happened: an eventfd (v1) or an inotify descriptor (v2); -1: nothing is watched. */
	int notice;
	/* memory.oom_control (v1) or memory.events (v2): holds the counter `oom_kill`. */
	int counter;
	uint64_t kills;
	/* When the counter has to be read again by itself, in milliseconds of the monotonic clock, and after which pause; 0: not at all. */
	int64_t due;
	int64_t pause;
};

/* Watches the memory control group of a process. A host without that controller is no error: then nothing is watched. */
int oom_watch(struct oom *oom, pid_t pid);
/* After `notice` became readable: v1 says so before it kills, so the counter has to be looked at for a while. */
void oom_acknowledge(struct oom *oom);
/* Milliseconds until oom_check has to be called; -1: never. */
int oom_timeout(const struct oom *oom);
/* Reads the counter. 1 if it has risen since the last time, else 0. */
int oom_check(struct oom *oom);

#endif
