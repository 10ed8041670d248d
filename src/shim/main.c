/*
 * tally-shim: the parent of a container's first process, or of one that is exec'd in it. Runs the OCI runtime's `create` or `exec`, carries
 * the output to the log and to who is attached, and records how the process ended. Outlives the daemon that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "fault.h"
#include "fifo.h"
#include "process.h"
#include "runtime.h"
#include "serve.h"
#include "shim.h"
#include "text.h"

/* How its steps open what they open: a descriptor, or -errno. */
static int open_task(void)
{
	shim.report.directory = open(shim.options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return shim.report.directory < 0 ? -errno : 0;
}

static int open_exit(void)
{
	return shim.report.channel = fifo_open(shim.report.directory, "exit");
}

static int open_control(void)
{
	return shim.control.descriptor = fifo_open(shim.report.directory, "control");
}

static int open_directory(void)
{
	int result = take_step("open directory", shim.options.directory, open_task);

	if (result >= 0)
		result = take_step("open exit", NULL, open_exit);
	if (result >= 0)
		result = take_step("open control", NULL, open_control);
	return result;
}

static int open_log(void)
{
	const struct options *options = &shim.options;

	return output_open_log(&shim.output, options->log_path, options->log_max_size, options->log_max_file);
}

/* The container's ends of its stdio; ours only until the runtime has them. */
static struct stdio stdio = { { -1, -1, -1 } };

static int open_stdin(void)
{
	return stdio.descriptors[0] = fifo_open_stdin(shim.options.stdin_path, &shim.stdin_hold);
}

static int open_output(enum stream_name name)
{
	return stdio.descriptors[1 + name] = output_open(&shim.output, name, shim.options.output_paths[name]);
}

static int open_stdout(void)
{
	return open_output(STREAM_STDOUT);
}

static int open_stderr(void)
{
	return open_output(STREAM_STDERR);
}

static int open_pipes(void)
{
	const struct options *options = &shim.options;
	int result = take_step("open stdin", options->stdin_path, open_stdin);

	if (result >= 0)
		result = take_step("open stdout", options->output_paths[STREAM_STDOUT], open_stdout);
	if (result >= 0)
		result = take_step("open stderr", options->output_paths[STREAM_STDERR], open_stderr);
	return result;
}

static int open_console(void)
{
	const struct options *options = &shim.options;

	terminal_resize(&shim.terminal, -1, (uint64_t[]){ options->console_width, options->console_height });
	return terminal_listen(&shim.terminal, shim.report.directory);
}

static int open_terminal_input(void)
{
	shim.input.fifo = fifo_open_stdin(shim.options.stdin_path, &shim.stdin_hold);
	if (shim.input.fifo < 0)
		return shim.input.fifo;
	return fcntl(shim.input.fifo, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/* The runtime will send the terminal. Its own stdio is a pipe for what it says if it fails. */
static int open_terminal(void)
{
	const struct options *options = &shim.options;
	int result = take_step("open terminal", NULL, open_console);

	if (result >= 0 && options->stdin_path)
		result = take_step("open stdin", options->stdin_path, open_terminal_input);
	if (result < 0)
		return result;
	stdio.descriptors[0] = fifo_open_stdin(NULL, &(int){ -1 });
	if (stdio.descriptors[0] < 0)
		return stdio.descriptors[0];
	return take_step("open stdout", options->output_paths[STREAM_STDOUT], open_stdout);
}

static int start_runtime(void)
{
	const struct options *options = &shim.options;

	if (options->terminal)
		stdio.descriptors[2] = stdio.descriptors[1];
	shim.runtime = runtime_start(options, options->terminal ? shim.terminal.path : NULL, &stdio);
	return shim.runtime < 0 ? shim.runtime : 0;
}

static void close_stdio(void)
{
	if (shim.options.terminal)
		stdio.descriptors[2] = -1;
	for (int i = 0; i < 3; i++)
		close_descriptor(&stdio.descriptors[i]);
}

static int stand_alone(void)
{
	return shim.signals = process_stand_alone();
}

static int open_error_log(void)
{
	report_open_log(&shim.report);
	return 0;
}

static int launch(void)
{
	int result = take_step("set up process", NULL, stand_alone);

	if (result >= 0)
		result = open_directory();
	if (result >= 0 && shim.options.log_path)
		result = take_step("open log", shim.options.log_path, open_log);
	if (result >= 0)
		result = shim.options.terminal ? open_terminal() : open_pipes();
	if (result >= 0)
		result = take_step("exec runtime", shim.options.runtime, start_runtime);
	close_stdio();
	if (result < 0)
		return result;
	tell_word("tell ready", "ready");
	process_ask_for_mercy();
	return take_step("open error log", NULL, open_error_log);
}

static int complete_log(void)
{
	output_drain(&shim.output);
	return 0;
}

static int write_exit_status(void)
{
	return report_exit_status(&shim.report, &shim.exit);
}

static int see_off_readers(void)
{
	output_see_off_readers(&shim.output);
	return 0;
}

/* The log is complete and every OOM is known before anybody learns of the end. */
static void finish(void)
{
	tell_if_failed(take_step("complete log", NULL, complete_log));
	tell_log_error();
	tell_oom();
	tell_if_failed(take_step("write exit-status", NULL, write_exit_status));
	tell_number("tell exited", "exited", shim.exit.code);
	tell_if_failed(take_step("see off readers", NULL, see_off_readers));
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
	if (shim.options.directory && open_directory() >= 0) {
		begin("read options", problem);
		fail(error);
	}
	return write(STDERR_FILENO, line, (size_t)(text.at - line)) < 0 ? 3 : 2;
}

int main(int count, char **arguments)
{
	const char *problem;
	int result;

	fault_read();
	result = options_parse(&shim.options, arguments, &problem);
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
