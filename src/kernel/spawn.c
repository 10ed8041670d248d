/*
 * Starts programs: spawn(words, environment, descriptors, session, wait, told).
 *
 * fork(2) copies the page tables of a large process, milliseconds in which its event loop stands still. vfork(2) shares the memory until
 * the program is exec'd and halts only the thread that calls it, so threads.c's do. If `wait` is true the end is awaited as well; otherwise
 * the caller reaps the process.
 *
 * told(error) if it can't be started, else told(pid), then, if waited for, told(pid, code). The process is reaped just before
 * the latter, on JavaScript's thread: until told, the pid can be signalled without meaning another process.
 */
#define _GNU_SOURCE
#include "addon.h"
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define cleanup_close __attribute__((cleanup(close_descriptor)))

enum { STREAMS = 3 };

struct program {
	struct job job; /* comes first: the same address */
	pid_t pid;
	char **words;
	char **environment;
	/* For stdin, stdout and stderr; negative: /dev/null. */
	int32_t descriptors[STREAMS];
	bool session;
	bool wait;
	napi_threadsafe_function told;
};

/* One call of `told`. */
struct word {
	pid_t pid; /* or -errno if the program was not started */
	bool ended;
};

static void close_descriptor(const int *descriptor)
{
	if (*descriptor >= 0)
		close(*descriptor);
}

static void free_texts(char **texts)
{
	for (char **text = texts; text != NULL && *text != NULL; text++)
		free(*text);
	free(texts);
}

static void free_program(struct program *program)
{
	free_texts(program->words);
	free_texts(program->environment);
	free(program);
}

/* On the threads */

static int take_streams(const int32_t descriptors[STREAMS])
{
	for (int i = 0; i < STREAMS; i++) {
		cleanup_close int null = descriptors[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
		if (dup2(descriptors[i] < 0 ? null : descriptors[i], i) < 0)
			return -errno;
	}
	return close_range(STREAMS, ~0U, 0) < 0 ? -errno : 0;
}

/* What Node or its starter did about signals is not the program's. Before they are let through, none may have a handler of Node's. */
static void reset_signals(void)
{
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Runs in the child, in our memory. Returns only if it fails. */
static int become(const struct program *program)
{
	if (program->session && setsid() < 0)
		return -errno;
	/* So that it keeps no file system from being unmounted. */
	if (chdir("/") < 0)
		return -errno;
	int result = take_streams(program->descriptors);
	if (result < 0)
		return result;
	reset_signals();
	execvpe(program->words[0], program->words, program->environment);
	return -errno;
}

/* Not posix_spawn(3): it leaves the signals 32 and 33 ignored, down to the container's program. */
static pid_t start(const struct program *program)
{
	/* The child writes it: it shares our memory until it has become the program or ended. */
	volatile int error = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		error = become(program);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	if (error == 0)
		return pid;
	waitpid(pid, NULL, 0);
	return error;
}

/* False if JavaScript has ended. */
static bool tell(const struct program *program, struct word word)
{
	struct word *copy = malloc(sizeof(*copy));
	if (copy == NULL)
		abort();
	*copy = word;
	if (napi_call_threadsafe_function(program->told, copy, napi_tsfn_blocking) == napi_ok)
		return true;
	free(copy);
	return false;
}

/* Leaves the zombie to who tells JavaScript. */
static void await_end(pid_t pid)
{
	siginfo_t info;
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
}

/* A call of a threadsafe function that is closing has released it already. */
static void finish(struct program *program, bool told)
{
	if (told)
		napi_release_threadsafe_function(program->told, napi_tsfn_release);
	free_program(program);
}

static void tell_end(struct job *job)
{
	struct program *program = (struct program *)job;
	finish(program, tell(program, (struct word){ .pid = program->pid, .ended = true }));
}

static void start_and_tell(struct job *job)
{
	struct program *program = (struct program *)job;
	program->pid = start(program);
	bool told = tell(program, (struct word){ .pid = program->pid });
	if (!told || program->pid < 0 || !program->wait) {
		finish(program, told);
		return;
	}
	job->work = tell_end;
	if (threads_do_after(program->pid, job) == 0)
		return;
	/* Without a descriptor left. */
	await_end(program->pid);
	tell_end(job);
}

/* On JavaScript's thread */

static int32_t exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static size_t make_arguments(napi_env env, const struct word *word, napi_value arguments[2])
{
	if (word->pid < 0) {
		arguments[0] = error_value(env, "spawn", -word->pid);
		return 1;
	}
	napi_create_int32(env, word->pid, &arguments[0]);
	if (!word->ended)
		return 1;
	int status = 0;
	waitpid(word->pid, &status, 0);
	napi_create_int32(env, exit_code(status), &arguments[1]);
	return 2;
}

/* Without `env` JavaScript is ending and can't be told. */
static void pass_on(napi_env env, napi_value told, void *context, void *data)
{
	(void)context;
	struct word *word = data;
	if (env != NULL) {
		napi_value arguments[2], undefined;
		size_t count = make_arguments(env, word, arguments);
		napi_get_undefined(env, &undefined);
		napi_call_function(env, undefined, told, count, arguments, NULL);
	}
	free(word);
}

static bool read_texts(napi_env env, napi_value array, char ***texts)
{
	uint32_t count;
	if (napi_get_array_length(env, array, &count) != napi_ok)
		return refuse(env, "an array of strings is needed");
	*texts = calloc((size_t)count + 1, sizeof(**texts));
	if (*texts == NULL)
		return refuse(env, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		napi_value value;
		if (napi_get_element(env, array, i, &value) != napi_ok || !read_text(env, value, &(*texts)[i]))
			return false;
	}
	return true;
}

/* Those below 3 would be overwritten before they are copied. */
static bool read_descriptors(napi_env env, napi_value array, int32_t descriptors[STREAMS])
{
	for (uint32_t i = 0; i < STREAMS; i++) {
		napi_value value;
		if (napi_get_element(env, array, i, &value) != napi_ok ||
		    napi_get_value_int32(env, value, &descriptors[i]) != napi_ok ||
		    (descriptors[i] >= 0 && descriptors[i] < STREAMS))
			return refuse(env, "three descriptors are needed, none of them 0, 1 or 2");
	}
	return true;
}

static bool read_flag(napi_env env, napi_value value, bool *flag)
{
	return napi_get_value_bool(env, value, flag) == napi_ok || refuse(env, "a boolean is needed");
}

static bool read_told(napi_env env, napi_value value, struct program *program)
{
	napi_value name;
	napi_create_string_utf8(env, "tallyman:spawn", NAPI_AUTO_LENGTH, &name);
	return napi_create_threadsafe_function(env, value, NULL, name, 0, 1, NULL, NULL, NULL, pass_on,
					       &program->told) == napi_ok ||
	       refuse(env, "a function is needed");
}

/* The function comes last: once it is made, only the thread releases it. */
static bool read_program(napi_env env, napi_value given[6], struct program *program)
{
	return read_texts(env, given[0], &program->words) &&
	       (program->words[0] != NULL || refuse(env, "a program is needed")) &&
	       read_texts(env, given[1], &program->environment) &&
	       read_descriptors(env, given[2], program->descriptors) &&
	       read_flag(env, given[3], &program->session) && read_flag(env, given[4], &program->wait) &&
	       read_told(env, given[5], program);
}

napi_value spawn_program(napi_env env, napi_callback_info info)
{
	napi_value given[6];
	size_t count = 6;
	napi_get_cb_info(env, info, &count, given, NULL, NULL);
	struct program *program = calloc(1, sizeof(*program));
	if (program == NULL) {
		refuse(env, "out of memory");
		return NULL;
	}
	int error = threads_make();
	if (error != 0)
		napi_throw(env, error_value(env, "pthread_create", error));
	if (error != 0 || !read_program(env, given, program)) {
		free_program(program);
		return NULL;
	}
	program->job.work = start_and_tell;
	threads_do(&program->job);
	return NULL;
}
