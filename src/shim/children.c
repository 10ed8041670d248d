#include "children.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "runtime.h"
#include "shim.h"

enum { UNKNOWN_EXIT_CODE = 255 };

/* With a terminal the runtime prints both into one pipe. */
static int runtime_pipe(void)
{
	return shim.output.streams[shim.options.terminal ? STREAM_STDOUT : STREAM_STDERR].pipe;
}

/* The runtime says why in log.json; what it printed helps if it came to no log. */
static void fail_create(int status)
{
	char why[1024];

	runtime_explain(why, sizeof(why), status, runtime_pipe());
	begin(runtime_step(&shim.options), why);
	fail(0);
}

static int receive_terminal(void)
{
	int master = terminal_receive(&shim.terminal, shim.report.directory);

	if (master < 0)
		return master;
	stream_use_terminal(&shim.output.streams[STREAM_STDOUT], master);
	return 0;
}

static int watch_oom(void)
{
	return oom_watch(&shim.oom, shim.container);
}

static int read_pid(void)
{
	return runtime_read_pid(shim.report.directory);
}

/* An exec's kill is told by the container's own shim. */
static void notice_oom(void)
{
	if (!shim.options.process_path)
		tell_if_failed(take_step("watch oom", NULL, watch_oom));
}

/* The runtime has ended well. OOM is watched before the pid is told, hence before anybody can start the container's program. */
static void created(void)
{
	pid_t pid = take_step("read pid", NULL, read_pid);
	int result;

	if (pid < 0) {
		fail(pid);
		return;
	}
	result = shim.options.terminal ? take_step("receive terminal", NULL, receive_terminal) : 0;
	if (result < 0) {
		kill(pid, SIGKILL);
		fail(result);
		return;
	}
	shim.container = pid;
	notice_oom();
	tell_number("tell pid", "pid", (uint64_t)pid);
}

static void container_ended(uint64_t code)
{
	shim.ended = true;
	shim.exit.code = code;
	clock_gettime(CLOCK_REALTIME, &shim.exit.at);
}

static uint64_t exit_code(int status)
{
	return (uint64_t)(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* Until the container's pid is known nobody but the runtime is waited for: it may be the container that has ended. */
static void reap_runtime(void)
{
	int status;

	if (shim.runtime == 0 || waitpid(shim.runtime, &status, WNOHANG) != shim.runtime)
		return;
	shim.runtime = 0;
	if (status == 0)
		created();
	else
		fail_create(status);
}

void children_reap(void)
{
	int status;
	pid_t pid;

	reap_runtime();
	if (shim.container == 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == shim.container)
			container_ended(exit_code(status));
	}
	if (pid < 0 && errno == ECHILD && !shim.ended) {
		begin("wait for container", NULL);
		tell_error(-ECHILD);
		container_ended(UNKNOWN_EXIT_CODE);
	}
}
