#include "serve.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "children.h"
#include "cleanup.h"
#include "shim.h"

/* REST: after this long without output the buffers' memory goes back to the kernel. */
enum { REST_AFTER_MS = 1000 };

/* The places in the table that is polled. */
enum { SIGNALS, CONTROL, OOM, INPUT, PIPES, FIFOS = PIPES + STREAMS, PLACES = FIFOS + STREAMS };

static int attach_stdout(void)
{
	return stream_attach(&shim.output.streams[STREAM_STDOUT]);
}

static int attach_stderr(void)
{
	return stream_attach(&shim.output.streams[STREAM_STDERR]);
}

static void attach(void)
{
	const char *const *paths = shim.options.output_paths;

	tell_if_failed(take_step("attach stdout", paths[STREAM_STDOUT], attach_stdout));
	tell_if_failed(take_step("attach stderr", paths[STREAM_STDERR], attach_stderr));
}

/* The command that is being obeyed. */
static struct command command;

static int resize(void)
{
	return terminal_resize(&shim.terminal, shim_master(), command.arguments);
}

static int close_stdin(void)
{
	close_descriptor(&shim.stdin_hold);
	return 0;
}

static void obey(void)
{
	while (control_next(&shim.control, &command)) {
		if (command.verb == CONTROL_CLOSE_STDIN)
			tell_if_failed(take_step("close stdin", NULL, close_stdin));
		if (command.verb == CONTROL_RESIZE)
			tell_if_failed(take_step("resize", NULL, resize));
		if (command.verb == CONTROL_ATTACH)
			attach();
	}
}

/* Nothing is read before the container exists: what a failing runtime prints is not its output. */
static struct pollfd pipe_place(const struct stream *stream)
{
	bool writable = stream->terminal && input_waits(&shim.input);
	bool readable = stream_is_idle(stream) && shim.container > 0;
	short wanted = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));

	return (struct pollfd){ wanted ? stream->pipe : -1, wanted, 0 };
}

static void fill_table(struct pollfd table[PLACES])
{
	bool typing = shim_master() >= 0 && !input_waits(&shim.input);

	table[SIGNALS] = (struct pollfd){ shim.signals, POLLIN, 0 };
	table[CONTROL] = (struct pollfd){ shim.control.descriptor, POLLIN, 0 };
	table[OOM] = (struct pollfd){ shim.oom.notice, POLLIN, 0 };
	table[INPUT] = (struct pollfd){ typing ? shim.input.fifo : -1, POLLIN, 0 };
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *stream = &shim.output.streams[i];

		table[PIPES + i] = pipe_place(stream);
		table[FIFOS + i] = (struct pollfd){ stream->fifo, stream_is_idle(stream) ? 0 : POLLOUT, 0 };
	}
}

/* A terminal that nobody has open any more hangs up: then nothing that was typed finds a reader. */
static void serve_input(const struct pollfd table[PLACES])
{
	short terminal = table[PIPES + STREAM_STDOUT].revents;

	if (shim_master() < 0)
		return;
	if (terminal & POLLHUP)
		input_end(&shim.input);
	else if (terminal & POLLOUT)
		input_forward(&shim.input, shim_master());
	else if (table[INPUT].revents)
		input_pump(&shim.input, shim_master());
}

static void serve_streams(const struct pollfd table[PLACES])
{
	for (int i = 0; i < STREAMS; i++) {
		if (table[FIFOS + i].revents & POLLERR)
			stream_detach(&shim.output.streams[i]);
		else if (table[FIFOS + i].revents & POLLOUT)
			stream_forward(&shim.output.streams[i]);
		if ((table[PIPES + i].events & POLLIN) && (table[PIPES + i].revents & ~POLLOUT))
			output_pump(&shim.output, (enum stream_name)i, STREAM_CHUNK);
	}
	tell_log_error();
}

static int timeout(void)
{
	int oom = oom_timeout(&shim.oom);

	return oom < 0 && shim.output.warm ? REST_AFTER_MS : oom;
}

void serve(void)
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
	serve_input(table);
	serve_streams(table);
	if (table[SIGNALS].revents && read(shim.signals, &signal, sizeof(signal)) > 0)
		children_reap();
}
