#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "text.h"

/* Docker's mode for log files; set by fchmod, since our umask is 077. */
enum { LOG_MODE = 0640 };

static int size_of(int descriptor, off_t *size)
{
	struct stat status;

	if (fstat(descriptor, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	*size = status.st_size;
	return 0;
}

/*
 * Cuts the unfinished line off. Counts from the file's real end: somebody else may have emptied the file, and our own count would then
 * fill it up with zeros.
 */
static int mend(struct logfile *file)
{
	off_t size;
	int result;

	if (file->torn == 0)
		return 0;
	result = size_of(file->descriptor, &size);
	if (result < 0)
		return result;
	if (size >= file->torn && ftruncate(file->descriptor, size - file->torn) < 0)
		return -errno;
	file->torn = 0;
	return 0;
}

/* How many bytes follow the last newline; the longest line fits in the part that is looked at. */
static int find_torn(struct logfile *file, off_t size)
{
	static char tail[LOG_LINE_MAX];
	size_t length = size < LOG_LINE_MAX ? (size_t)size : LOG_LINE_MAX;
	ssize_t got = pread(file->descriptor, tail, length, size - (off_t)length);
	const char *newline;

	if (got < 0)
		return -errno;
	newline = memrchr(tail, '\n', (size_t)got);
	file->torn = newline ? tail + got - newline - 1 : got;
	return 0;
}

int logfile_open(struct logfile *file, const char *path)
{
	cleanup_close int descriptor =
		open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, LOG_MODE);
	off_t size;
	int result;

	if (descriptor < 0)
		return -errno;
	result = size_of(descriptor, &size);
	if (result < 0)
		return result;
	if (size == 0 && fchmod(descriptor, LOG_MODE) < 0)
		return -errno;
	file->path = path;
	file->descriptor = descriptor;
	result = size > 0 ? find_torn(file, size) : 0;
	file->size = (uint64_t)(size - file->torn);
	if (result == 0)
		result = mend(file);
	if (result < 0)
		return result;
	keep_descriptor(&descriptor);
	return 0;
}

/* `written` bytes went in before the error: keeps the whole lines among them. */
static int give_up(struct logfile *file, const char *lines, size_t written, int error)
{
	const char *newline = memrchr(lines, '\n', written);
	size_t whole = newline ? (size_t)(newline - lines) + 1 : 0;

	file->size += whole;
	file->torn = (off_t)(written - whole);
	mend(file);
	return error;
}

int logfile_append(struct logfile *file, const char *lines, size_t size)
{
	size_t written = 0;
	int result = mend(file);

	if (result < 0)
		return result;
	while (written < size) {
		ssize_t count = write(file->descriptor, lines + written, size - written);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return give_up(file, lines, written, -errno);
		written += (size_t)count;
	}
	file->size += size;
	return 0;
}

bool logfile_is_full(const struct logfile *file, size_t waiting)
{
	return file->max_size > 0 && file->size + waiting >= file->max_size;
}

static int name_of(char name[PATH_MAX], const struct logfile *file, uint64_t number)
{
	struct text text = { name, name + PATH_MAX };

	text_add(&text, file->path);
	if (number > 0) {
		text_add(&text, ".");
		text_number(&text, number);
	}
	if (text.at == text.end)
		return -ENAMETOOLONG;
	text_close(&text);
	return 0;
}

/* Moves the files up by one, the oldest first; it is the one that falls off the end. */
static int shift(const struct logfile *file)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (uint64_t number = file->max_files - 1; number > 0; number--) {
		int result = name_of(to, file, number);

		if (result == 0)
			result = name_of(from, file, number - 1);
		if (result < 0)
			return result;
		if (rename(from, to) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* The new file is made aside before the old ones move: when that fails, all stays as it is. */
static int replace(struct logfile *file)
{
	char next[PATH_MAX];
	struct text text = { next, next + PATH_MAX };
	cleanup_close int descriptor = -1;
	int result;

	text_add(&text, file->path);
	text_add(&text, ".next");
	if (text.at == text.end)
		return -ENAMETOOLONG;
	text_close(&text);
	descriptor = open(next, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, LOG_MODE);
	if (descriptor < 0 || fchmod(descriptor, LOG_MODE) < 0)
		return -errno;
	result = shift(file);
	if (result < 0)
		return result;
	if (rename(next, file->path) < 0)
		return -errno;
	close(file->descriptor);
	file->descriptor = keep_descriptor(&descriptor);
	return 0;
}

int logfile_rotate(struct logfile *file)
{
	int result = mend(file);

	/* Also if it fails, or each further line would try again. */
	file->size = 0;
	if (result == 0 && file->max_files > 1)
		return replace(file);
	if (result == 0 && ftruncate(file->descriptor, 0) < 0)
		return -errno;
	return result;
}
