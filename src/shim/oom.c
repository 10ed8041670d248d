#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cleanup.h"
#include "text.h"

enum { FIRST_PAUSE = 5, LONGEST_PAUSE = 1000 };

static int read_kills(int counter, uint64_t *kills)
{
	char text[1024];
	ssize_t count = pread(counter, text, sizeof(text) - 1, 0);
	const char *at;

	if (count < 0)
		return -errno;
	text[count] = '\0';
	at = strstr(text, "\noom_kill ");
	if (!at)
		return -ENOENT;
	at += strlen("\noom_kill ");
	return number_read(&at, kills);
}

/* Documentation/admin-guide/cgroup-v1/memory.rst, 10: "<event_fd> <fd of memory.oom_control>" registers an eventfd. */
static int notice_v1(const struct oom *oom, int group)
{
	cleanup_close int control = openat(group, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
	cleanup_close int notice = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	char line[48];
	struct text text = TEXT_IN(line);

	if (control < 0 || notice < 0)
		return -errno;
	text_number(&text, (uint64_t)notice);
	text_add(&text, " ");
	text_number(&text, (uint64_t)oom->counter);
	if (write(control, line, (size_t)(text.at - line)) < 0)
		return -errno;
	return keep_descriptor(&notice);
}

/* Documentation/admin-guide/cgroup-v2.rst: a change of memory.events raises a file modified event. */
static int notice_v2(int counter)
{
	cleanup_close int notice = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char path[48];
	struct text text = TEXT_IN(path);

	if (notice < 0)
		return -errno;
	text_add(&text, "/proc/self/fd/");
	text_number(&text, (uint64_t)counter);
	text_close(&text);
	if (inotify_add_watch(notice, path, IN_MODIFY) < 0)
		return -errno;
	return keep_descriptor(&notice);
}

int oom_watch(struct oom *oom, pid_t pid)
{
	bool unified;
	cleanup_close int group = cgroup_open_memory(pid, &unified);
	int result;

	if (group < 0)
		return group == -ENOENT ? 0 : group;
	oom->counter = openat(group, unified ? "memory.events" : "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (oom->counter < 0)
		return errno == ENOENT ? 0 : -errno;
	result = unified ? notice_v2(oom->counter) : notice_v1(oom, group);
	if (result < 0)
		return result;
	oom->notice = result;
	return read_kills(oom->counter, &oom->kills);
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A pause longer than the longest ends the looking. */
static void look_again_after(struct oom *oom, int64_t pause)
{
	oom->pause = pause <= LONGEST_PAUSE ? pause : 0;
	oom->due = oom->pause > 0 ? milliseconds() + pause : 0;
}

void oom_acknowledge(struct oom *oom)
{
	char events[4096];

	if (read(oom->notice, events, sizeof(events)) > 0) {
		look_again_after(oom, FIRST_PAUSE);
		oom->due -= FIRST_PAUSE;
	}
}

int oom_timeout(const struct oom *oom)
{
	int64_t left;

	if (oom->due == 0)
		return -1;
	left = oom->due - milliseconds();
	return left > 0 ? (int)left : 0;
}

int oom_check(struct oom *oom)
{
	uint64_t kills = oom->kills;
	bool risen;

	if (oom->counter < 0 || read_kills(oom->counter, &kills) < 0) {
		oom->due = 0;
		return 0;
	}
	risen = kills > oom->kills;
	oom->kills = kills;
	if (oom->due > 0)
		look_again_after(oom, oom->pause * 2);
	return risen;
}
