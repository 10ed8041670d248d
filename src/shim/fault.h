/*
 * Fault points: `shim.STEP.before` and `shim.STEP.after` of every step by which the shim changes the world, where a test can make it die, fail
 * or wait. Only TALLY_FAULT switches one on; without it a point costs one look at a pointer.
 */
#ifndef FAULT_H
#define FAULT_H

/* What TALLY_FAULT names behind `shim.`; NULL: no point of the shim. */
extern const char *fault_asked;

/* Takes TALLY_FAULT (point:nth:kill|error|delay[=ms], or @FILE that holds this) and TALLY_FAULT_LOG out of the environment: neither is the runtime's. */
void fault_read(void);
/* The point of a step, with dashes for its spaces. Returns -EIO if it is to fail, else 0. */
int fault_reach(const char *step, const char *side);

static inline int fault_before(const char *step)
{
	return fault_asked ? fault_reach(step, ".before") : 0;
}

/* Of a step that had this result: passes it on, or fails though the step went well. */
static inline int fault_after(const char *step, int result)
{
	int fault = fault_asked && result >= 0 ? fault_reach(step, ".after") : 0;

	return fault < 0 ? fault : result;
}

#endif
