/*
 * tally-shim: the parent of a container's first process. Runs the OCI runtime's `create`, carries the container's output to its log and to
 * who is attached, and records how it ended. Outlives the daemon that started it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "control.h"
#include "fifo.h"
#include "log.h"
#include "oom.h"
#include "options.h"
#include "report.h"
#include "runtime.h"
#include "stream.h"
#include "text.h"

/* After this long without output the buffers' memory goes back to the kernel. */
enum { REST_AFTER_MS = 1000, UNKNOWN_EXIT_CODE = 255 };

/* The places in the table that is polled. */
enum { SIGNALS, CONTROL, OOM, PIPES, FIFOS = PIPES + STREAMS, PLACES = FIFOS + STREAMS };

struct shim {
	struct options options;
	struct report report;
	struct control control;
	struct stream streams[STREAMS];
	struct log log;
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
	/* The buffers hold memory. */
	bool warm;
	bool log_error_told;
	/* What is being done, for the report of its failure. */
	const char *step;
};

static _Alignas(4096) unsigned char buffers[STREAMS][STREAM_CAPACITY];
static struct shim shim = {
	.report = { .directory = -1, .channel = -1 },
	.control = { .descriptor = -1 },
	.streams = { { .pipe = -1, .fifo = -1 }, { .pipe = -1, .fifo = -1 } },
	.log = { .file = { .descriptor = -1 } },
	.oom = { .notice = -1, .counter = -1 },
	.signals = -1,
	.stdin_hold = -1,
};

static void tell_error(int error, const char *detail)
{
	report_error(&shim.report, shim.step, -error, detail);
}

/* The container outlives all who may want to stop its shim: only SIGKILL ends it early. */
static int take_signals(void)
{
	static const int IGNORED[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
				       SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ };
	sigset_t children;

	for (size_t i = 0; i < sizeof(IGNORED) / sizeof(IGNORED[0]); i++)
		signal(IGNORED[i], SIG_IGN);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &children, NULL) < 0)
		return -errno;
	shim.signals = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
	return shim.signals < 0 ? -errno : 0;
}

static int stand_alone(void)
{
	shim.step = "set up process";
	if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0)
		return -errno;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L) < 0 || prctl(PR_SET_NAME, "tally-shim") < 0)
		return -errno;
	/* It fails if we lead a session already, which is all we want. */
	setsid();
	umask(077);
	if (chdir("/") < 0)
		return -errno;
	return take_signals();
}

static int open_directory(void)
{
	shim.step = "open directory";
	shim.report.directory = open(shim.options.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shim.report.directory < 0)
		return -errno;
	shim.step = "open exit";
	shim.report.channel = fifo_open(shim.report.directory, "exit");
	if (shim.report.channel < 0)
		return shim.report.channel;
	shim.step = "open control";
	shim.control.descriptor = fifo_open(shim.report.directory, "control");
	return shim.control.descriptor < 0 ? shim.control.descriptor : 0;
}

static int start_log(void)
{
	shim.step = "open log";
	if (!shim.options.log_path)
		return 0;
	shim.log.file.max_size = shim.options.log_max_size;
	shim.log.file.max_files = shim.options.log_max_file;
	return log_open(&shim.log, shim.options.log_path);
}

/* Opens the container's stdio and starts `runc create` on it. The container's ends are ours only until then. */
static int start_runtime(void)
{
	static const char *const STEPS[STREAMS] = { "open stdout", "open stderr" };
	cleanup_close int input = -1;
	cleanup_close int output = -1;
	cleanup_close int errors = -1;
	int *const outputs[STREAMS] = { &output, &errors };

	shim.step = "open stdin";
	input = fifo_open_stdin(shim.options.stdin_path, &shim.stdin_hold);
	if (input < 0)
		return input;
	for (int i = 0; i < STREAMS; i++) {
		shim.step = STEPS[i];
		*outputs[i] = stream_open(&shim.streams[i], shim.options.output_paths[i], buffers[i]);
		if (*outputs[i] < 0)
			return *outputs[i];
	}
	shim.step = "exec runtime";
	shim.runtime = runtime_create(&shim.options, &(struct stdio){ { input, output, errors } });
	return shim.runtime < 0 ? shim.runtime : 0;
}

/* Allowed only with CAP_SYS_RESOURCE. After the runtime was started, so that the container does not inherit it. */
static void ask_oom_killer_for_mercy(void)
{
	cleanup_close int descriptor = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (descriptor >= 0 && write(descriptor, "-999", 4) < 0)
		return;
}

static int launch(void)
{
	int result = stand_alone();

	if (result == 0)
		result = open_directory();
	if (result == 0)
		result = start_log();
	if (result == 0)
		result = start_runtime();
	if (result < 0)
		return result;
	report_word(&shim.report, "ready");
	ask_oom_killer_for_mercy();
	shim.step = "open shim log";
	return report_open_log(&shim.report);
}

static void fail(int error, const char *detail)
{
	tell_error(error, detail);
	report_word(&shim.report, "failed");
	shim.failed = true;
}

/* The runtime says why in log.json; what it printed helps if it came to no log. */
static void fail_create(int status)
{
	char detail[1024];
	struct text text = TEXT_IN(detail);
	ssize_t said;

	text_add(&text, WIFSIGNALED(status) ? "killed by signal " : "exit status ");
	text_number(&text, (uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
	text_add(&text, ": ");
	said = read(shim.streams[STREAM_STDERR].pipe, text.at, (size_t)(text.end - text.at - 1));
	text.at += said > 0 ? said : -(ssize_t)strlen(": ");
	text_close(&text);
	fail(0, detail);
}

static void tell_oom(void)
{
	int result;

	if (!oom_check(&shim.oom))
		return;
	shim.exit.oom_killed = true;
	result = report_oom(&shim.report, shim.oom.kills);
	shim.step = "write oom";
	if (result < 0)
		tell_error(result, NULL);
	report_word(&shim.report, "oom");
}

/* `runc create` has ended. OOM is watched before the pid is told, hence before anybody can start the container's program. */
static void created(int status)
{
	pid_t pid;
	int result;

	shim.step = "runc create";
	if (status != 0) {
		fail_create(status);
		return;
	}
	shim.step = "read pid";
	pid = runtime_read_pid(shim.report.directory);
	if (pid < 0) {
		fail(pid, NULL);
		return;
	}
	shim.container = pid;
	shim.step = "watch oom";
	result = oom_watch(&shim.oom, pid);
	if (result < 0)
		tell_error(result, NULL);
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

/* Until the container's pid is known only the runtime is waited for: it may be the container that has ended. */
static void reap(void)
{
	int status;
	pid_t pid;

	if (shim.runtime > 0 && waitpid(shim.runtime, &status, WNOHANG) == shim.runtime) {
		shim.runtime = 0;
		created(status);
	}
	if (shim.container == 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == shim.container)
			container_ended(exit_code(status));
	}
	if (pid < 0 && errno == ECHILD && !shim.ended) {
		shim.step = "wait for container";
		tell_error(-ECHILD, NULL);
		container_ended(UNKNOWN_EXIT_CODE);
	}
}

static void attach(void)
{
	shim.step = "attach";
	for (int i = 0; i < STREAMS; i++) {
		int result = stream_attach(&shim.streams[i]);

		if (result < 0)
			tell_error(result, shim.options.output_paths[i]);
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
	int error = log_take_error(&shim.log, &shim.step);

	if (error == 0 || shim.log_error_told)
		return;
	shim.log_error_told = true;
	tell_error(error, shim.options.log_path);
}

static void stream_ended(enum stream_name name)
{
	if (shim.options.log_path)
		log_finish(&shim.log, name);
	stream_detach(&shim.streams[name]);
}

/* Reads once from the container; the log comes before who is attached. Returns how much was read. */
static size_t pump(enum stream_name name, size_t limit)
{
	struct stream *stream = &shim.streams[name];
	const unsigned char *bytes;
	ssize_t count = stream_read(stream, limit, &bytes);

	if (count == 0)
		stream_ended(name);
	if (count <= 0)
		return 0;
	shim.warm = true;
	if (shim.options.log_path) {
		log_write(&shim.log, name, bytes, (size_t)count);
		tell_log_error();
	}
	stream_forward(stream);
	return (size_t)count;
}

static void rest(void)
{
	log_rest();
	for (int i = 0; i < STREAMS; i++)
		stream_rest(&shim.streams[i]);
	shim.warm = false;
}

static void fill_table(struct pollfd table[PLACES])
{
	table[SIGNALS] = (struct pollfd){ shim.signals, POLLIN, 0 };
	table[CONTROL] = (struct pollfd){ shim.control.descriptor, POLLIN, 0 };
	table[OOM] = (struct pollfd){ shim.oom.notice, POLLIN, 0 };
	for (int i = 0; i < STREAMS; i++) {
		const struct stream *stream = &shim.streams[i];
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
			stream_detach(&shim.streams[i]);
		else if (table[FIFOS + i].revents & POLLOUT)
			stream_forward(&shim.streams[i]);
		if (table[PIPES + i].revents)
			pump((enum stream_name)i, STREAM_CHUNK);
	}
}

static int timeout(void)
{
	int oom = oom_timeout(&shim.oom);

	return oom < 0 && shim.warm ? REST_AFTER_MS : oom;
}

static void serve(void)
{
	struct pollfd table[PLACES];
	struct signalfd_siginfo signal;
	int ready;

	fill_table(table);
	ready = poll(table, PLACES, timeout());
	if (ready == 0 && oom_timeout(&shim.oom) < 0)
		rest();
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

/*
 * Reads what the container left in its pipe and no more: who still holds the other end (a process outside of the container's pid namespace)
 * could go on for ever.
 */
static void drain(enum stream_name name)
{
	size_t left = stream_unread(&shim.streams[name]);

	while (left > 0) {
		size_t count = pump(name, left);

		if (count == 0)
			break;
		left -= count;
	}
	if (shim.options.log_path)
		log_finish(&shim.log, name);
}

/* Stays until a slow reader has taken the rest or is gone. */
static void see_off_readers(void)
{
	struct pollfd table[STREAMS] = { { -1, POLLOUT, 0 }, { -1, POLLOUT, 0 } };

	for (int i = 0; i < STREAMS; i++) {
		stream_settle(&shim.streams[i]);
		if (stream_is_idle(&shim.streams[i]))
			stream_detach(&shim.streams[i]);
		table[i].fd = shim.streams[i].fifo;
	}
	if (table[0].fd < 0 && table[1].fd < 0)
		return;
	poll(table, STREAMS, -1);
	see_off_readers();
}

/* The log is complete and every OOM is known before anybody learns of the end. */
static void finish(void)
{
	int result;

	for (int i = 0; i < STREAMS; i++)
		drain((enum stream_name)i);
	tell_log_error();
	tell_oom();
	shim.step = "write exit-status";
	result = report_exit_status(&shim.report, &shim.exit);
	if (result < 0)
		tell_error(result, NULL);
	report_number(&shim.report, "exited", shim.exit.code);
	see_off_readers();
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
		shim.step = "read options";
		fail(error, problem);
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
		fail(result, shim.step[0] == 'e' ? shim.options.runtime : NULL);
	while (!shim.ended && !shim.failed)
		serve();
	if (shim.failed)
		return 1;
	finish();
	return 0;
}
