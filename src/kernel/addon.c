/*
 * The system calls that Node has no word for, as one bridge: callSync(name, arguments) on this thread and
 * call(name, arguments, directory) on libuv's pool. src/kernel/addon.ts holds the types and is its only user.
 *
 * An argument is a number, a bigint, a string (passed NUL-terminated), null, or an ArrayBuffer view whose memory the kernel reads or
 * fills. A failed call throws (rejects with) an Error that carries errno, code ('EBUSY') and syscall. There is no state outside the
 * calls under way, so that the addon loads in any number of worker threads. spawn.c has one more function, threads.c the process's threads.
 */
#define _GNU_SOURCE
#include "addon.h"
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 6, MAX_NAME = 32 };

struct syscall_entry {
	const char *name;
	long number;
};

/* Only what the project uses: a name that is not here is a mistake of the caller. */
static const struct syscall_entry syscalls[] = {
	{"mount", SYS_mount},           {"umount2", SYS_umount2},       {"openat2", SYS_openat2},
	{"mkdirat", SYS_mkdirat},       {"symlinkat", SYS_symlinkat},   {"linkat", SYS_linkat},
	{"mknodat", SYS_mknodat},       {"fchownat", SYS_fchownat},     {"fchmodat", SYS_fchmodat},
	{"utimensat", SYS_utimensat},   {"unlinkat", SYS_unlinkat},     {"renameat2", SYS_renameat2},
	{"getxattr", SYS_getxattr},     {"setxattr", SYS_setxattr},     {"lgetxattr", SYS_lgetxattr},
	{"lsetxattr", SYS_lsetxattr},   {"fgetxattr", SYS_fgetxattr},   {"fsetxattr", SYS_fsetxattr},
	{"llistxattr", SYS_llistxattr}, {"syncfs", SYS_syncfs},         {"getsockopt", SYS_getsockopt},
	{"wait4", SYS_wait4},           {"memfd_create", SYS_memfd_create},
	{"unshare", SYS_unshare},       {"umask", SYS_umask},
};

struct argument {
	long value;
	char *text;    /* our copy of a string */
	napi_ref held; /* keeps a view alive while another thread uses its memory */
};

struct call {
	const struct syscall_entry *entry;
	struct argument arguments[MAX_ARGUMENTS];
	char *directory; /* a working directory for this call alone, or NULL */
	long result;     /* -errno on failure */
	napi_deferred deferred;
	napi_async_work work;
};

static const struct syscall_entry *find_syscall(const char *name)
{
	for (size_t i = 0; i < sizeof(syscalls) / sizeof(syscalls[0]); i++)
		if (strcmp(syscalls[i].name, name) == 0)
			return &syscalls[i];
	return NULL;
}

static void free_call(napi_env env, struct call *call)
{
	for (int i = 0; i < MAX_ARGUMENTS; i++) {
		free(call->arguments[i].text);
		if (call->arguments[i].held != NULL)
			napi_delete_reference(env, call->arguments[i].held);
	}
	if (call->work != NULL)
		napi_delete_async_work(env, call->work);
	free(call->directory);
	free(call);
}

/* Making the call */

static void make_call(struct call *call)
{
	const struct argument *a = call->arguments;
	long result = syscall(call->entry->number, a[0].value, a[1].value, a[2].value, a[3].value, a[4].value,
			      a[5].value);
	call->result = result < 0 ? -errno : result;
}

/* chdir(2) acts on the whole process unless the thread has left the shared file system attributes, unshare(2) CLONE_FS. */
static void *make_call_in_directory(void *data)
{
	struct call *call = data;
	if (unshare(CLONE_FS) < 0 || chdir(call->directory) < 0)
		call->result = -errno;
	else
		make_call(call);
	return NULL;
}

/* On a thread that ends with the call: a thread of the pool would keep the directory for ever. */
static void make_call_on_own_thread(struct call *call)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, make_call_in_directory, call);
	if (error == 0)
		error = pthread_join(thread, NULL);
	if (error != 0)
		call->result = -error;
}

static void execute(napi_env env, void *data)
{
	(void)env;
	struct call *call = data;
	if (call->directory != NULL)
		make_call_on_own_thread(call);
	else
		make_call(call);
}

/* Answers */

static void set_property(napi_env env, napi_value object, const char *name, napi_value value)
{
	napi_set_named_property(env, object, name, value);
}

napi_value error_value(napi_env env, const char *syscall_name, int error)
{
	char text[256];
	const char *code_name = strerrorname_np(error);
	if (code_name == NULL)
		code_name = "UNKNOWN";
	snprintf(text, sizeof(text), "%s: %s, %s", code_name, strerrordesc_np(error), syscall_name);

	napi_value code, message, number, name, result;
	napi_create_string_utf8(env, code_name, NAPI_AUTO_LENGTH, &code);
	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
	napi_create_int32(env, error, &number);
	napi_create_string_utf8(env, syscall_name, NAPI_AUTO_LENGTH, &name);
	napi_create_error(env, code, message, &result);
	set_property(env, result, "errno", number);
	set_property(env, result, "syscall", name);
	return result;
}

static napi_value number_value(napi_env env, long number)
{
	napi_value value;
	napi_create_int64(env, number, &value);
	return value;
}

static void complete(napi_env env, napi_status status, void *data)
{
	struct call *call = data;
	if (status == napi_cancelled)
		call->result = -ECANCELED;
	if (call->result < 0)
		napi_reject_deferred(env, call->deferred,
				     error_value(env, call->entry->name, (int)-call->result));
	else
		napi_resolve_deferred(env, call->deferred, number_value(env, call->result));
	free_call(env, call);
}

/* Reading what JavaScript passed; false with a pending exception if it does not fit. */

bool refuse(napi_env env, const char *message)
{
	napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
	return false;
}

bool read_text(napi_env env, napi_value value, char **text)
{
	size_t length, copied;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
		return refuse(env, "a string is needed");
	*text = malloc(length + 1);
	if (*text == NULL)
		return refuse(env, "out of memory");
	napi_get_value_string_utf8(env, value, *text, length + 1, &copied);
	return strlen(*text) == length || refuse(env, "a string holds a NUL byte");
}

static bool read_view(napi_env env, napi_value value, struct argument *argument)
{
	void *bytes;
	if (napi_get_typedarray_info(env, value, NULL, NULL, &bytes, NULL, NULL) != napi_ok)
		return refuse(env, "an argument is neither number, bigint, string, null nor typed array");
	argument->value = (long)(intptr_t)bytes;
	return napi_create_reference(env, value, 1, &argument->held) == napi_ok;
}

static bool read_bigint(napi_env env, napi_value value, struct argument *argument)
{
	int64_t number;
	bool lossless;
	napi_get_value_bigint_int64(env, value, &number, &lossless);
	argument->value = (long)number;
	return lossless || refuse(env, "a bigint has more than 64 bits");
}

static bool read_argument(napi_env env, napi_value value, struct argument *argument)
{
	napi_valuetype type;
	int64_t number;
	if (napi_typeof(env, value, &type) != napi_ok)
		return false;
	switch (type) {
	case napi_null:
		return true;
	case napi_number:
		napi_get_value_int64(env, value, &number);
		argument->value = (long)number;
		return true;
	case napi_bigint:
		return read_bigint(env, value, argument);
	case napi_string:
		if (!read_text(env, value, &argument->text))
			return false;
		argument->value = (long)(intptr_t)argument->text;
		return true;
	default:
		return read_view(env, value, argument);
	}
}

static bool read_arguments(napi_env env, napi_value array, struct call *call)
{
	uint32_t count;
	if (napi_get_array_length(env, array, &count) != napi_ok || count > MAX_ARGUMENTS)
		return refuse(env, "arguments must be an array of at most six");
	for (uint32_t i = 0; i < count; i++) {
		napi_value value;
		if (napi_get_element(env, array, i, &value) != napi_ok ||
		    !read_argument(env, value, &call->arguments[i]))
			return false;
	}
	return true;
}

static bool read_name(napi_env env, napi_value value, struct call *call)
{
	char name[MAX_NAME];
	size_t length;
	if (napi_get_value_string_utf8(env, value, name, sizeof(name), &length) != napi_ok)
		return refuse(env, "the system call's name must be a string");
	call->entry = find_syscall(name);
	return call->entry != NULL || refuse(env, "unknown system call");
}

static bool read_directory(napi_env env, napi_value value, struct call *call)
{
	napi_valuetype type;
	napi_typeof(env, value, &type);
	return type == napi_undefined || read_text(env, value, &call->directory);
}

/* NULL with a pending exception if the arguments do not fit; absent ones read as undefined. */
static struct call *read_call(napi_env env, napi_callback_info info)
{
	napi_value given[3];
	size_t count = 3;
	napi_get_cb_info(env, info, &count, given, NULL, NULL);
	struct call *call = calloc(1, sizeof(*call));
	if (call == NULL) {
		refuse(env, "out of memory");
		return NULL;
	}
	if (read_name(env, given[0], call) && read_arguments(env, given[1], call) &&
	    read_directory(env, given[2], call))
		return call;
	free_call(env, call);
	return NULL;
}

/* Exported functions */

static napi_value call_sync(napi_env env, napi_callback_info info)
{
	struct call *call = read_call(env, info);
	if (call == NULL)
		return NULL;
	execute(env, call);
	long result = call->result;
	if (result < 0)
		napi_throw(env, error_value(env, call->entry->name, (int)-result));
	free_call(env, call);
	return result < 0 ? NULL : number_value(env, result);
}

static napi_value call_async(napi_env env, napi_callback_info info)
{
	struct call *call = read_call(env, info);
	if (call == NULL)
		return NULL;
	napi_value promise, resource;
	napi_create_string_utf8(env, "tallyman:syscall", NAPI_AUTO_LENGTH, &resource);
	if (napi_create_async_work(env, NULL, resource, execute, complete, call, &call->work) != napi_ok ||
	    napi_create_promise(env, &call->deferred, &promise) != napi_ok) {
		free_call(env, call);
		return NULL;
	}
	napi_queue_async_work(env, call->work);
	return promise;
}

NAPI_MODULE_INIT()
{
	napi_value function;
	/* Now, when nothing is in a hurry; if they can't be made, it is spawn that says so. */
	threads_make();
	napi_create_function(env, "callSync", NAPI_AUTO_LENGTH, call_sync, NULL, &function);
	set_property(env, exports, "callSync", function);
	napi_create_function(env, "call", NAPI_AUTO_LENGTH, call_async, NULL, &function);
	set_property(env, exports, "call", function);
	napi_create_function(env, "spawn", NAPI_AUTO_LENGTH, spawn_program, NULL, &function);
	set_property(env, exports, "spawn", function);
	return exports;
}
