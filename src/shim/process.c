#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

static void handle_signals(void (*handler)(int))
{
	static const int SIGNALS[] = { SIGHUP,	SIGINT,	 SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2,
				       SIGALRM, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ };

	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
		signal(SIGNALS[i], handler);
}

void process_restore_signals(void)
{
	sigset_t none;

	handle_signals(SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int children_signal(void)
{
	sigset_t children;
	int descriptor;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	/* Node leaves SIGCHLD alone, but a parent that ignores it would take our children's exit codes away. */
	signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_SETMASK, &children, NULL) < 0)
		return -errno;
	descriptor = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
	return descriptor < 0 ? -errno : descriptor;
}

int process_stand_alone(void)
{
	if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0)
		return -errno;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L) < 0 || prctl(PR_SET_NAME, "tally-shim") < 0)
		return -errno;
	/* Fails if we lead a session already, which is all we want. */
	setsid();
	umask(077);
	/* So that we keep no file system from being unmounted. */
	if (chdir("/") < 0)
		return -errno;
	handle_signals(SIG_IGN);
	return children_signal();
}

void process_ask_for_mercy(void)
{
	cleanup_close int descriptor = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (descriptor >= 0 && write(descriptor, "-999", 4) < 0)
		return;
}
