#include "shim.h"

struct shim shim = {
	.report = { .directory = -1, .channel = -1 },
	.control = { .descriptor = -1 },
	.output = { .streams = { { .pipe = -1, .fifo = -1 }, { .pipe = -1, .fifo = -1 } },
		    .log = { .file = { .descriptor = -1 } } },
	.terminal = { .listener = -1 },
	.input = { .fifo = -1 },
	.oom = { .notice = -1, .counter = -1 },
	.signals = -1,
	.stdin_hold = -1,
};

void begin(const char *step, const char *subject)
{
	shim.step = step;
	shim.subject = subject;
}

void tell_error(int error)
{
	report_error(&shim.report, shim.step, -error, shim.subject);
}

void fail(int error)
{
	tell_error(error);
	report_word(&shim.report, "failed");
	shim.failed = true;
}

/* A full disk must not hurt the container: it is told once, and lines are lost until there is room again. */
void tell_log_error(void)
{
	const char *step;
	int error = log_take_error(&shim.output.log, &step);

	if (error == 0 || shim.log_error_told)
		return;
	shim.log_error_told = true;
	begin(step, shim.options.log_path);
	tell_error(error);
}

void tell_oom(void)
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

int shim_master(void)
{
	const struct stream *stream = &shim.output.streams[STREAM_STDOUT];

	return stream->terminal ? stream->pipe : -1;
}
