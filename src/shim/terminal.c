#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

static const char NAME[] = "console";

/* The task's directory may have a longer name than fits in an address; the runtime, too, gets there through our descriptor. */
static void make_path(struct terminal *terminal, int directory)
{
	struct text text = TEXT_IN(terminal->path);

	text_add(&text, "/proc/");
	text_number(&text, (uint64_t)getpid());
	text_add(&text, "/fd/");
	text_number(&text, (uint64_t)directory);
	text_add(&text, "/");
	text_add(&text, NAME);
	text_close(&text);
}

int terminal_listen(struct terminal *terminal, int directory)
{
	cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	make_path(terminal, directory);
	memcpy(address.sun_path, terminal->path, sizeof(terminal->path));
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (fchmodat(directory, NAME, 0600, 0) < 0 || listen(listener, 1) < 0)
		return -errno;
	terminal->listener = keep_descriptor(&listener);
	return 0;
}

/* One message with one descriptor, unix(7). What else it says is the terminal's name, which we don't need. */
static int receive_descriptor(int connection)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char name[PATH_MAX];
	struct iovec data = { name, sizeof(name) };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	const struct cmsghdr *header;
	int descriptor;

	if (recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EPROTO;
	memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
	return descriptor;
}

static int set_size(const struct terminal *terminal, int master)
{
	struct winsize size = { .ws_col = (unsigned short)terminal->width, .ws_row = (unsigned short)terminal->height };

	if (master < 0 || (size.ws_col == 0 && size.ws_row == 0))
		return 0;
	return ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}

int terminal_receive(struct terminal *terminal, int directory)
{
	cleanup_close int connection = accept4(terminal->listener, NULL, NULL, SOCK_CLOEXEC);
	cleanup_close int master = -1;
	int result;

	if (connection < 0)
		return -errno;
	master = receive_descriptor(connection);
	if (master < 0)
		return master;
	close_descriptor(&terminal->listener);
	unlinkat(directory, NAME, 0);
	if (fcntl(master, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	result = set_size(terminal, master);
	return result < 0 ? result : keep_descriptor(&master);
}

int terminal_resize(struct terminal *terminal, int master, const uint64_t size[2])
{
	if (size[0] > USHRT_MAX || size[1] > USHRT_MAX)
		return -EINVAL;
	terminal->width = size[0];
	terminal->height = size[1];
	return set_size(terminal, master);
}
