#include "shim.h"

#include "fault.h"

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

int take_step(const char *step, const char *subject, int (*work)(void))
{
	int result;

	begin(step, subject);
	result = fault_before(step);
	return result < 0 ? result : fault_after(step, work());
}

void tell_word(const char *step, const char *word)
{
	fault_before(step);
	report_word(&shim.report, word);
	fault_after(step, 0);
}

void tell_number(const char *step, const char *word, uint64_t number)
{
	fault_before(step);
	report_number(&shim.report, word, number);
	fault_after(step, 0);
}

void tell_error(int error)
{
	report_error(&shim.report, shim.step, -error, shim.subject);
}

void tell_if_failed(int result)
{
	if (result < 0)
		tell_error(result);
}

void fail(int error)
{
	tell_error(error);
	tell_word("tell failed", "failed");
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

static int write_oom(void)
{
	return report_oom(&shim.report, shim.oom.kills);
}

void tell_oom(void)
{
	if (!oom_check(&shim.oom))
		return;
	shim.exit.oom_killed = true;
	tell_if_failed(take_step("write oom", NULL, write_oom));
	tell_word("tell oom", "oom");
}

int shim_master(void)
{
	const struct stream *stream = &shim.output.streams[STREAM_STDOUT];

	return stream->terminal ? stream->pipe : -1;
}
