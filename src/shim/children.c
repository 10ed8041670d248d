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
	int master;

	if (!shim.options.terminal)
		return 0;
	begin("receive terminal", NULL);
	master = terminal_receive(&shim.terminal, shim.report.directory);
	if (master < 0)
		return master;
	stream_use_terminal(&shim.output.streams[STREAM_STDOUT], master);
	return 0;
}

/* An exec's kill is told by the container's own shim. */
static void watch_oom(pid_t pid)
{
	int result;

	if (shim.options.process_path)
		return;
	begin("watch oom", NULL);
	result = oom_watch(&shim.oom, pid);
	if (result < 0)
		tell_error(result);
}

/* The runtime has ended well. OOM is watched before the pid is told, hence before anybody can start the container's program. */
static void created(void)
{
	pid_t pid;
	int result;

	begin("read pid", NULL);
	pid = runtime_read_pid(shim.report.directory);
	if (pid < 0) {
		fail(pid);
		return;
	}
	result = receive_terminal();
	if (result < 0) {
		kill(pid, SIGKILL);
		fail(result);
		return;
	}
	shim.container = pid;
	watch_oom(pid);
	report_number(&shim.report, "pid", (uint64_t)pid);
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
