/* The shim's work while the container lives. */
#ifndef SERVE_H
#define SERVE_H

/* Waits until something happens and deals with it. */
void serve(void);

#endif
