/* The threads on which programs are started and their ends are awaited. */
#ifndef TALLY_THREADS_H
#define TALLY_THREADS_H

#include <sys/types.h>

/* Part of what is worked on; whoever does the work owns it. */
struct job {
	void (*work)(struct job *job);
	/* The threads' own. */
	struct job *next;
	int process;
};

/* Makes the threads, once. 0 or an errno, ever after the same. */
int threads_make(void);

/* Has a thread do the job, first come, first served. The threads are made. */
void threads_do(struct job *job);

/* Has the job done once the child has ended, which leaves the zombie. -errno if it can't be watched. */
int threads_do_after(pid_t child, struct job *job);

#endif
