#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

extern char **environ;

/* Docker's containers start with this umask unless the image says otherwise; runc creates mount points with it. */
enum { USUAL_UMASK = 022, MAX_ARGUMENTS = 20 };

struct arguments {
	const char *words[MAX_ARGUMENTS];
	size_t count;
	char log[PATH_MAX];
	char pid_file[PATH_MAX];
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

static void join(char path[PATH_MAX], const char *directory, const char *name)
{
	struct text text = { path, path + PATH_MAX };

	text_add(&text, directory);
	text_add(&text, name);
	text_close(&text);
}

static void make_arguments(struct arguments *arguments, const struct options *options)
{
	join(arguments->log, options->directory, "/log.json");
	join(arguments->pid_file, options->directory, "/pid");
	add(arguments, options->runtime);
	add_option(arguments, "--root", options->runtime_root);
	add_option(arguments, "--log", arguments->log);
	add_option(arguments, "--log-format", "json");
	if (options->systemd_cgroup)
		add(arguments, "--systemd-cgroup");
	add(arguments, "create");
	add_option(arguments, "--bundle", options->bundle);
	add_option(arguments, "--pid-file", arguments->pid_file);
	add(arguments, options->id);
	add(arguments, NULL);
}

/* Ignored and blocked signals are inherited through exec: the container must not have ours. */
static int reset_signals(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	int error;

	sigfillset(&all);
	sigemptyset(&none);
	error = posix_spawnattr_setsigdefault(attributes, &all);
	if (!error)
		error = posix_spawnattr_setsigmask(attributes, &none);
	if (!error)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	return error;
}

static int pass_stdio(posix_spawn_file_actions_t *actions, const struct stdio *stdio)
{
	int error = 0;

	for (int i = 0; i < 3 && !error; i++)
		error = posix_spawn_file_actions_adddup2(actions, stdio->descriptors[i], i);
	return error;
}

static pid_t spawn(const struct arguments *arguments, const posix_spawn_file_actions_t *actions,
		   const posix_spawnattr_t *attributes)
{
	mode_t ours = umask(USUAL_UMASK);
	pid_t pid;
	int error = posix_spawnp(&pid, arguments->words[0], actions, attributes,
				 (char *const *)arguments->words, environ);

	umask(ours);
	return error ? -error : pid;
}

pid_t runtime_create(const struct options *options, const struct stdio *stdio)
{
	struct arguments arguments = { .count = 0 };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	pid_t result;
	int error;

	make_arguments(&arguments, options);
	error = posix_spawn_file_actions_init(&actions);
	if (error)
		return -error;
	error = posix_spawnattr_init(&attributes);
	if (!error)
		error = reset_signals(&attributes);
	if (!error)
		error = pass_stdio(&actions, stdio);
	result = error ? -error : spawn(&arguments, &actions, &attributes);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return result;
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
