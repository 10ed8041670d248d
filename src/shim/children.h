/* The runtime while it runs, the process that it makes, and the orphans below them. */
#ifndef CHILDREN_H
#define CHILDREN_H

/* Waits for all that have ended: the runtime makes the container known, the container's process ends the shim. */
void children_reap(void);

#endif
