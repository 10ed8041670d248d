#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

/* Where all distributions mount them; runc, too, knows only this place for v2. */
static const char V1_MEMORY[] = "/sys/fs/cgroup/memory";
static const char V2[] = "/sys/fs/cgroup";

static int read_membership(pid_t pid, char *to, size_t size)
{
	char path[48];
	struct text text = TEXT_IN(path);
	cleanup_close int descriptor = -1;
	size_t length = 0;
	ssize_t count;

	text_add(&text, "/proc/");
	text_number(&text, (uint64_t)pid);
	text_add(&text, "/cgroup");
	text_close(&text);
	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return -errno;
	while ((count = read(descriptor, to + length, size - 1 - length)) > 0)
		length += (size_t)count;
	to[length] = '\0';
	return count < 0 ? -errno : 0;
}

static bool names_memory(const char *controllers, const char *end)
{
	while (controllers < end) {
		size_t length = strcspn(controllers, ",:");

		if (length == strlen("memory") && memcmp(controllers, "memory", length) == 0)
			return true;
		controllers += length + 1;
	}
	return false;
}

/* The path in a line `4:memory:/path` (v1) or, if no line names the controller, `0::/path` (v2); cgroups(7). */
static char *find_path(char *lines, bool *unified)
{
	char *v2_path = NULL;

	*unified = false;
	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;

		if (!path)
			continue;
		if (names_memory(controllers + 1, path))
			return path + 1;
		if (path == controllers + 1)
			v2_path = path + 1;
	}
	*unified = true;
	return v2_path;
}

static int open_below(const char *base, const char *path)
{
	char name[PATH_MAX];
	struct text text = TEXT_IN(name);
	int descriptor;

	text_add(&text, base);
	text_add(&text, path);
	text_close(&text);
	descriptor = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return descriptor < 0 ? -errno : descriptor;
}

int cgroup_open_memory(pid_t pid, bool *unified)
{
	/* At most one line a controller, and a path is seldom longer than 200 bytes. */
	char lines[8192];
	int result = read_membership(pid, lines, sizeof(lines));
	const char *path;

	if (result < 0)
		return result;
	path = find_path(lines, unified);
	/*
	 * In a container without a cgroup namespace of its own the paths begin at the host's root, but what is mounted begins at the
	 * container's group: leave out names from the left until it is there.
	 */
	for (; path; path = strchr(path + 1, '/')) {
		result = open_below(*unified ? V2 : V1_MEMORY, path);
		if (result != -ENOENT)
			return result;
	}
	return -ENOENT;
}
