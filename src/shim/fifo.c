#include "fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

#include "cleanup.h"

static int open_checked(int directory, const char *name, int flags)
{
	cleanup_close int descriptor = openat(directory, name, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (descriptor < 0 || fstat(descriptor, &status) < 0)
		return -errno;
	if (!S_ISFIFO(status.st_mode))
		return -EINVAL;
	return keep_descriptor(&descriptor);
}

int fifo_open(int directory, const char *name)
{
	return open_checked(directory, name, O_RDWR);
}

int fifo_open_reader(const char *path)
{
	return open_checked(AT_FDCWD, path, O_WRONLY);
}

int fifo_open_stdin(const char *path, int *hold)
{
	cleanup_close int reading = -1;
	int writing;

	*hold = -1;
	if (!path) {
		reading = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return reading < 0 ? -errno : keep_descriptor(&reading);
	}
	reading = open_checked(AT_FDCWD, path, O_RDONLY);
	if (reading < 0)
		return reading;
	writing = open_checked(AT_FDCWD, path, O_WRONLY);
	if (writing < 0)
		return writing;
	*hold = writing;
	if (fcntl(reading, F_SETFL, 0) < 0)
		return -errno;
	return keep_descriptor(&reading);
}
