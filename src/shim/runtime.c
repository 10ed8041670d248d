#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "process.h"
#include "text.h"

/* The usual umask: runc makes mount points with it. */
enum { RUNTIME_UMASK = 022, MAX_ARGUMENTS = 20 };

struct arguments {
	const char *words[MAX_ARGUMENTS];
	size_t count;
	/* Holds the paths that are put together here; two, each shorter than PATH_MAX. */
	char paths[2 * PATH_MAX];
	struct text unused;
};

static void add(struct arguments *arguments, const char *word)
{
	arguments->words[arguments->count++] = word;
}

static void add_option(struct arguments *arguments, const char *name, const char *value)
{
	add(arguments, name);
	add(arguments, value);
}

static void add_path(struct arguments *arguments, const char *name, const char *directory, const char *file)
{
	struct text *text = &arguments->unused;

	add_option(arguments, name, text->at);
	text_add(text, directory);
	text_add(text, file);
	text_close(text);
	text->at++;
}

static void add_common(struct arguments *arguments, const struct options *options)
{
	add(arguments, options->runtime);
	add_option(arguments, "--root", options->runtime_root);
	add_path(arguments, "--log", options->directory, "/log.json");
	add_option(arguments, "--log-format", "json");
	if (options->systemd_cgroup)
		add(arguments, "--systemd-cgroup");
}

static void make_arguments(struct arguments *arguments, const struct options *options, const char *console)
{
	arguments->count = 0;
	arguments->unused = (struct text)TEXT_IN(arguments->paths);
	add_common(arguments, options);
	if (options->process_path) {
		add(arguments, "exec");
		add(arguments, "--detach");
		add_option(arguments, "--process", options->process_path);
	} else {
		add(arguments, "create");
		add_option(arguments, "--bundle", options->bundle);
	}
	add_path(arguments, "--pid-file", options->directory, "/pid");
	if (console)
		add_option(arguments, "--console-socket", console);
	add(arguments, options->id);
	add(arguments, NULL);
}

const char *runtime_step(const struct options *options)
{
	return options->process_path ? "runc exec" : "runc create";
}

/* Runs in the child. Returns only if it fails. */
static int become_runtime(const struct arguments *arguments, const struct stdio *stdio)
{
	for (int i = 0; i < 3; i++) {
		if (dup2(stdio->descriptors[i], i) < 0)
			return -errno;
	}
	umask(RUNTIME_UMASK);
	process_restore_signals();
	execvp(arguments->words[0], (char *const *)arguments->words);
	return -errno;
}

pid_t runtime_start(const struct options *options, const char *console, const struct stdio *stdio)
{
	struct arguments arguments;
	/* The child writes it: with vfork it shares our memory until it has become the runtime or ended. */
	volatile int error = 0;
	pid_t pid;

	make_arguments(&arguments, options, console);
	/* Not posix_spawn, which resets each of 64 signals and whose attributes take memory from a heap that we don't have otherwise. */
	pid = vfork();
	if (pid == 0) {
		error = become_runtime(&arguments, stdio);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	if (error == 0)
		return pid;
	waitpid(pid, NULL, 0);
	return error;
}

void runtime_explain(char *why, size_t size, int status, int printed)
{
	struct text text = { why, why + size };
	ssize_t said;

	text_add(&text, WIFSIGNALED(status) ? "killed by signal " : "exit status ");
	text_number(&text, (uint64_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
	text_add(&text, ": ");
	said = read(printed, text.at, (size_t)(text.end - text.at - 1));
	text.at += said > 0 ? said : -(ssize_t)strlen(": ");
	text_close(&text);
}

pid_t runtime_read_pid(int directory)
{
	cleanup_close int descriptor = openat(directory, "pid", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	const char *at = text;
	uint64_t pid;

	if (descriptor < 0 || read(descriptor, text, sizeof(text) - 1) < 0)
		return -errno;
	if (number_read(&at, &pid) < 0 || pid == 0 || pid > INT_MAX)
		return -EINVAL;
	return (pid_t)pid;
}
