#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "text.h"

enum kind { NAME, PATH, NUMBER, FLAG };

struct option {
	const char *name;
	enum kind kind;
	bool required;
	size_t offset;
};

static const struct option OPTIONS[] = {
	{ "--dir", PATH, true, offsetof(struct options, directory) },
	{ "--id", NAME, true, offsetof(struct options, id) },
	{ "--run-id", NAME, true, offsetof(struct options, run_id) },
	{ "--bundle", PATH, false, offsetof(struct options, bundle) },
	{ "--exec", PATH, false, offsetof(struct options, process_path) },
	{ "--exec-id", NAME, false, offsetof(struct options, exec_id) },
	{ "--runtime", NAME, true, offsetof(struct options, runtime) },
	{ "--runtime-root", PATH, true, offsetof(struct options, runtime_root) },
	{ "--systemd-cgroup", FLAG, false, offsetof(struct options, systemd_cgroup) },
	{ "--stdin", PATH, false, offsetof(struct options, stdin_path) },
	{ "--stdout", PATH, false, offsetof(struct options, output_paths[STREAM_STDOUT]) },
	{ "--stderr", PATH, false, offsetof(struct options, output_paths[STREAM_STDERR]) },
	{ "--log-path", PATH, false, offsetof(struct options, log_path) },
	{ "--log-max-size", NUMBER, false, offsetof(struct options, log_max_size) },
	{ "--log-max-file", NUMBER, false, offsetof(struct options, log_max_file) },
	{ "--terminal", FLAG, false, offsetof(struct options, terminal) },
	{ "--console-width", NUMBER, false, offsetof(struct options, console_width) },
	{ "--console-height", NUMBER, false, offsetof(struct options, console_height) },
};

enum { OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0]) };

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (strcmp(OPTIONS[i].name, name) == 0)
			return &OPTIONS[i];
	}
	return NULL;
}

static void *field(struct options *options, const struct option *option)
{
	return (char *)options + option->offset;
}

static int fail(int error, const char *why, const char **problem)
{
	*problem = why;
	return error;
}

static int set_number(uint64_t *number, const char *value, const char **problem)
{
	if (number_read(&value, number) < 0 || *value != '\0')
		return fail(-EINVAL, "not a number", problem);
	return 0;
}

static int set(struct options *options, const struct option *option, const char *value, const char **problem)
{
	if (option->kind == NUMBER)
		return set_number(field(options, option), value, problem);
	if (option->kind == PATH && value[0] != '/')
		return fail(-EINVAL, "not an absolute path", problem);
	*(const char **)field(options, option) = value;
	return 0;
}

static int check_required(struct options *options, const char **problem)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (OPTIONS[i].required && !*(const char **)field(options, &OPTIONS[i]))
			return fail(-EINVAL, OPTIONS[i].name, problem);
	}
	if (!options->bundle == !options->process_path)
		return fail(-EINVAL, "one of --bundle and --exec is needed", problem);
	return 0;
}

int options_parse(struct options *options, char *const *arguments, const char **problem)
{
	int error = 0;

	*options = (struct options){ .log_max_file = 1 };
	for (char *const *at = arguments + 1; *at && error == 0; at++) {
		const struct option *option = find(*at);

		if (!option)
			return fail(-EINVAL, *at, problem);
		if (option->kind == FLAG)
			*(bool *)field(options, option) = true;
		else if (at[1])
			error = set(options, option, *++at, problem);
		else
			return fail(-EINVAL, "an option without its value", problem);
	}
	return error < 0 ? error : check_required(options, problem);
}
