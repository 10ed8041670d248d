/* What the shim makes of its own process before it does anything else. */
#ifndef PROCESS_H
#define PROCESS_H

/*
 * Stands alone: parent of all orphans below it, in a session of its own, with no file of its parent's open, and deaf to every signal that can
 * be ignored: the container outlives all who may want to stop its shim. Returns a signalfd for SIGCHLD.
 */
int process_stand_alone(void);
/* Undoes what is done to signals, in a child: what is ignored or blocked stays so through exec, and the container must not inherit it. */
void process_restore_signals(void);
/*
 * Asks the kernel to spare us when memory is short. Allowed only with CAP_SYS_RESOURCE; not being allowed is no error. To be called after the
 * runtime was started, or the container inherits it.
 */
void process_ask_for_mercy(void);

#endif
