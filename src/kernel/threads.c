/*
 * A few threads that live as long as the process. Making a thread, like any clone(2), waits while a process is moved between control
 * groups, cgroups(7), which runtimes do all the time: a thread that is made for each program would halt who makes it, JavaScript's
 * thread, for as long. The same wait halts these threads, so they are several; the ends of any number of programs are awaited by one.
 */
#define _GNU_SOURCE
#include "threads.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STARTERS = 4, STACK = 128 * 1024, ENDS_AT_ONCE = 16 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int made;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static struct job *first;
static struct job **end = &first;

/* Holds a descriptor of each watched process, pidfd_open(2). */
static int watched = -1;

static struct job *take(void)
{
	pthread_mutex_lock(&lock);
	while (first == NULL)
		pthread_cond_wait(&filled, &lock);
	struct job *job = first;
	first = job->next;
	if (first == NULL)
		end = &first;
	pthread_mutex_unlock(&lock);
	return job;
}

static void *do_jobs(void *unused)
{
	(void)unused;
	for (;;) {
		struct job *job = take();
		job->work(job);
	}
	return NULL;
}

/* Closing alone is not enough: while a child that is not exec'd yet has a copy of the descriptor, epoll(7) goes on with it. */
static void forget(const struct job *job)
{
	epoll_ctl(watched, EPOLL_CTL_DEL, job->process, NULL);
	close(job->process);
}

static void *await_ends(void *unused)
{
	(void)unused;
	for (;;) {
		struct epoll_event ended[ENDS_AT_ONCE];
		int count = epoll_wait(watched, ended, ENDS_AT_ONCE, -1);
		for (int i = 0; i < count; i++) {
			struct job *job = ended[i].data.ptr;
			forget(job);
			job->work(job);
		}
	}
	return NULL;
}

static int make_thread(const pthread_attr_t *attributes, void *(*run)(void *))
{
	pthread_t thread;
	return pthread_create(&thread, attributes, run, NULL);
}

/* No signal handler of Node's runs on the small stacks. */
static int make_all(void)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigfillset(&all);
	watched = epoll_create1(EPOLL_CLOEXEC);
	if (watched < 0)
		return errno;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setsigmask_np(&attributes, &all);
	int error = make_thread(&attributes, await_ends);
	for (int i = 0; i < STARTERS && error == 0; i++)
		error = make_thread(&attributes, do_jobs);
	pthread_attr_destroy(&attributes);
	return error;
}

static void make_once(void)
{
	made = make_all();
}

int threads_make(void)
{
	pthread_once(&once, make_once);
	return made;
}

void threads_do(struct job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&lock);
	*end = job;
	end = &job->next;
	pthread_cond_signal(&filled);
	pthread_mutex_unlock(&lock);
}

int threads_do_after(pid_t child, struct job *job)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = job };
	job->process = (int)syscall(SYS_pidfd_open, child, 0);
	if (job->process < 0)
		return -errno;
	if (epoll_ctl(watched, EPOLL_CTL_ADD, job->process, &event) == 0)
		return 0;
	int error = errno;
	close(job->process);
	return -error;
}
