/* Writes its standard input to a log as a container's stdout, for the tests: log-test PATH MAX_SIZE MAX_FILES CHUNK */
#include <errno.h>
#include <unistd.h>

#include "log.h"
#include "text.h"

static struct log container_log;
static char chunk[64 * 1024];

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	number_read(&text, &value);
	return value;
}

int main(int count, char **arguments)
{
	size_t size;
	ssize_t got;

	if (count != 5)
		return 2;
	container_log.file.max_size = number(arguments[2]);
	container_log.file.max_files = number(arguments[3]);
	size = number(arguments[4]);
	if (log_open(&container_log, arguments[1]) < 0)
		return 1;
	while ((got = read(STDIN_FILENO, chunk, size < sizeof(chunk) ? size : sizeof(chunk))) > 0)
		log_write(&container_log, STREAM_STDOUT, chunk, (size_t)got);
	log_finish(&container_log, STREAM_STDOUT);
	return container_log.error ? 1 : 0;
}
