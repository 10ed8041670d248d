/*
 * tally-shim: the parent of a container's first process, or of one that is exec'd in it. Runs the OCI runtime's `create` or `exec`, carries
 * the output to the log and to who is attached, and records how the process ended. Outlives the daemon that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fifo.h"
#include "process.h"
#include "runtime.h"
#include "serve.h"
#include "shim.h"
#include "text.h"

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

static int start_runtime(const struct stdio *stdio)
{
	const struct options *options = &shim.options;

	begin("exec runtime", options->runtime);
	shim.runtime = runtime_start(options, options->terminal ? shim.terminal.path : NULL, stdio);
	return shim.runtime < 0 ? shim.runtime : 0;
}

/* Starts the runtime on pipes. The container's ends are ours only until then. */
static int start_on_pipes(void)
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
	return start_runtime(&(struct stdio){ { input, output, errors } });
}

static int open_terminal_input(void)
{
	begin("open stdin", shim.options.stdin_path);
	if (!shim.options.stdin_path)
		return 0;
	shim.input.fifo = fifo_open_stdin(shim.options.stdin_path, &shim.stdin_hold);
	if (shim.input.fifo < 0)
		return shim.input.fifo;
	return fcntl(shim.input.fifo, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* Starts the runtime, which will send the terminal. Its own stdio is a pipe for what it says if it fails. */
static int start_on_terminal(void)
{
	const struct options *options = &shim.options;
	cleanup_close int nothing = -1;
	cleanup_close int output = -1;
	int result;

	begin("open terminal", NULL);
	terminal_resize(&shim.terminal, -1, (uint64_t[]){ options->console_width, options->console_height });
	result = terminal_listen(&shim.terminal, shim.report.directory);
	if (result == 0)
		result = open_terminal_input();
	if (result < 0)
		return result;
	nothing = fifo_open_stdin(NULL, &(int){ -1 });
	if (nothing < 0)
		return nothing;
	output = open_output(STREAM_STDOUT);
	if (output < 0)
		return output;
	return start_runtime(&(struct stdio){ { nothing, output, output } });
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
		result = shim.options.terminal ? start_on_terminal() : start_on_pipes();
	if (result < 0)
		return result;
	report_word(&shim.report, "ready");
	process_ask_for_mercy();
	report_open_log(&shim.report);
	return 0;
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
