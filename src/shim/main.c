/*
 * tally-shim: the parent of a container's first process. Runs the OCI runtime's `create`, carries the container's output to its log and to
 * who is attached, and records how it ended. Outlives the daemon that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "control.h"
#include "fifo.h"
#include "oom.h"
#include "options.h"
#include "output.h"
#include "process.h"
#include "report.h"
#include "runtime.h"
#include "text.h"

/* REST: after this long without output the buffers' memory goes back to the kernel. */
enum { REST_AFTER_MS = 1000, UNKNOWN_EXIT_CODE = 255 };

/* The places in the table that is polled. */
enum { SIGNALS, CONTROL, OOM, PIPES, FIFOS = PIPES + STREAMS, PLACES = FIFOS + STREAMS };

struct shim {
	struct options options;
	struct report report;
	struct control control;
	struct output output;
	struct oom oom;
	int signals;
	/* Keeps the container's stdin from ending. */
	int stdin_hold;
	/* `runc create` while it runs. */
	pid_t runtime;
	/* The container's first process once it is known. */
	pid_t container;
	struct exit_status exit;
	bool ended;
	bool failed;
	bool log_error_told;
	/* What is being done, and with what, for the report of its failure. */
	const char *step;
	const char *subject;
};

static struct shim shim = {
	.report = { .directory = -1, .channel = -1 },
	.control = { .descriptor = -1 },
	.output = { .streams = { { .pipe = -1, .fifo = -1 }, { .pipe = -1, .fifo = -1 } },
		    .log = { .file = { .descriptor = -1 } } },
	.oom = { .notice = -1, .counter = -1 },
	.signals = -1,
	.stdin_hold = -1,
};

static void begin(const char *step, const char *subject)
{
	shim.step = step;
	shim.subject = subject;
}

static void tell_error(int error)
{
	report_error(&shim.report, shim.step, -error, shim.subject);
}

static int open_directory(void)
{
	begin("open directory", shim.options.directory);
	shim.report.directory = open(shim.options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim.report.directory < 0)
		return -errno;
	begin("open exit", NULL);
	shim.report.channel = fifo_open(shim.report.directory, "exit");
	if (shim.report.channel < 0)
		return shim.report.channel;
	begin("open control", NULL);
	shim.control.descriptor = fifo_open(shim.report.directory, "control");
	return shim.control.descriptor < 0 ? shim.control.descriptor : 0;
}

static int open_log(void)
{
	const struct options *options = &shim.options;

	begin("open log", options->log_path);
	if (!options->log_path)
		return 0;
	return output_open_log(&shim.output, options->log_path, options->log_max_size, options->log_max_file);
}

static int open_output(enum stream_name name)
{
	const char *path = shim.options.output_paths[name];

	begin(name == STREAM_STDOUT ? "open stdout" : "open stderr", path);
	return output_open(&shim.output, name, path);
}

/* Opens the container's stdio and starts `runc create` on it. The container's ends are ours only until then. */
static int start_runtime(void)
{
	cleanup_close int input = -1;
	cleanup_close int output = -1;
	cleanup_close int errors = -1;

	begin("open stdin", shim.options.stdin_path);
	input = fifo_open_stdin(shim.options.stdin_path, &shim.stdin_hold);
	if (input < 0)
		return input;
	output = open_output(STREAM_STDOUT);
	if (output < 0)
		return output;
	errors = open_output(STREAM_STDERR);
	if (errors < 0)
		return errors;
	begin("exec runtime", shim.options.runtime);
	shim.runtime = runtime_create(&shim.options, &(struct stdio){ { input, output, errors } });
	return shim.runtime < 0 ? shim.runtime : 0;
}

static int launch(void)
{
	int result;

	begin("set up process", NULL);
	shim.signals = process_stand_alone();
	if (shim.signals < 0)
		return shim.signals;
	result = open_directory();
	if (result == 0)
		result = open_log();
	if (result == 0)
		result = start_runtime();
	if (result < 0)
		return result;
	report_word(&shim.report, "ready");
	process_ask_for_mercy();
	report_open_log(&shim.report);
	return 0;
}

static void fail(int error)
{
	tell_error(error);
	report_word(&shim.report, "failed");
	shim.failed = true;
}

/* The runtime says why in log.json; what it printed helps if it came to no log. */
static void fail_create(int status)
{
	char why[1024];
	struct text text = TEXT_IN(why);
	ssize_t said;

	text_add(&text, WIFSIGNALED(status) ? "killed by signal " : "exit status ");
	text_number(&text, (uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
	text_add(&text, ": ");
	said = read(shim.output.streams[STREAM_STDERR].pipe, text.at, (size_t)(text.end - text.at - 1));
	text.at += said > 0 ? said : -(ssize_t)strlen(": ");
	text_close(&text);
	begin("runc create", why);
	fail(0);
}

static void tell_oom(void)
{
	int result;

	if (!oom_check(&shim.oom))
		return;
	shim.exit.oom_killed = true;
	begin("write oom", NULL);
	result = report_oom(&shim.report, shim.oom.kills);
	if (result < 0)
		tell_error(result);
	report_word(&shim.report, "oom");
}

/* `runc create` has ended well. OOM is watched before the pid is told, hence before anybody can start the container's program. */
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
	shim.container = pid;
	begin("watch oom", NULL);
	result = oom_watch(&shim.oom, pid);
	if (result < 0)
		tell_error(result);
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

static void reap(void)
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

static void attach(void)
{
	for (int i = 0; i < STREAMS; i++) {
		int result = stream_attach(&shim.output.streams[i]);

		begin("attach", shim.options.output_paths[i]);
		if (result < 0)
			tell_error(result);
	}
}

static void obey(void)
{
	struct command command;

	while (control_next(&shim.control, &command)) {
		if (command.verb == CONTROL_CLOSE_STDIN)
			close_descriptor(&shim.stdin_hold);
		if (command.verb == CONTROL_ATTACH)
			attach();
	}
}

/* A full disk must not hurt the container: it is told once, and lines are lost until there is room again. */
static void tell_log_error(void)
{
	const char *step;
	int error = log_take_error(&shim.output.log, &step);

	if (error == 0 || shim.log_error_told)
		return;
	shim.log_error_told = true;
	begin(step, shim.options.log_path);
	tell_error(error);
}

static void fill_table(struct pollfd table[PLACES])
{
	table[SIGNALS] = (struct pollfd){ shim.signals, POLLIN, 0 };
	table[CONTROL] = (struct pollfd){ shim.control.descriptor, POLLIN, 0 };
	table[OOM] = (struct pollfd){ shim.oom.notice, POLLIN, 0 };
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *stream = &shim.output.streams[i];
		bool idle = stream_is_idle(stream);

		/* Nothing is read before the container exists: what a failing runtime prints is not its output. */
		table[PIPES + i] = (struct pollfd){ idle && shim.container > 0 ? stream->pipe : -1, POLLIN, 0 };
		table[FIFOS + i] = (struct pollfd){ stream->fifo, idle ? 0 : POLLOUT, 0 };
	}
}

static void serve_streams(const struct pollfd table[PLACES])
{
	for (int i = 0; i < STREAMS; i++) {
		if (table[FIFOS + i].revents & POLLERR)
			stream_detach(&shim.output.streams[i]);
		else if (table[FIFOS + i].revents & POLLOUT)
			stream_forward(&shim.output.streams[i]);
		if (table[PIPES + i].revents)
			output_pump(&shim.output, (enum stream_name)i, STREAM_CHUNK);
	}
	tell_log_error();
}

static int timeout(void)
{
	int oom = oom_timeout(&shim.oom);

	return oom < 0 && shim.output.warm ? REST_AFTER_MS : oom;
}

static void serve(void)
{
	struct pollfd table[PLACES];
	struct signalfd_siginfo signal;
	int ready;

	fill_table(table);
	ready = poll(table, PLACES, timeout());
	if (ready == 0 && oom_timeout(&shim.oom) < 0)
		output_rest(&shim.output);
	if (ready < 0)
		return;
	if (table[OOM].revents)
		oom_acknowledge(&shim.oom);
	if (oom_timeout(&shim.oom) == 0)
		tell_oom();
	if (table[CONTROL].revents)
		obey();
	serve_streams(table);
	if (table[SIGNALS].revents && read(shim.signals, &signal, sizeof(signal)) > 0)
		reap();
}

/* The log is complete and every OOM is known before anybody learns of the end. */
static void finish(void)
{
	int result;

	output_drain(&shim.output);
	tell_log_error();
	tell_oom();
	begin("write exit-status", NULL);
	result = report_exit_status(&shim.report, &shim.exit);
	if (result < 0)
		tell_error(result);
	report_number(&shim.report, "exited", shim.exit.code);
	output_see_off_readers(&shim.output);
}

static int refuse(int error, const char *problem)
{
	char line[256];
	struct text text = TEXT_IN(line);

	text_add(&text, "tally-shim: ");
	text_add(&text, problem);
	text_add(&text, ": ");
	text_add(&text, strerror(-error));
	text_add(&text, "\n");
	if (shim.options.directory && open_directory() == 0) {
		begin("read options", problem);
		fail(error);
	}
	return write(STDERR_FILENO, line, (size_t)(text.at - line)) < 0 ? 3 : 2;
}

int main(int count, char **arguments)
{
	const char *problem;
	int result = options_parse(&shim.options, arguments, &problem);

	(void)count;
	if (result < 0)
		return refuse(result, problem);
	result = launch();
	if (result < 0)
		fail(result);
	while (!shim.ended && !shim.failed)
		serve();
	if (shim.failed)
		return 1;
	finish();
	return 0;
}
