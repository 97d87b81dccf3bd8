/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lifecycle RUNTIME [OPTION...] BUNDLE ID: a container as an engine runs it.
 *
 * RUNTIME OPTION... create, start, then a wait for the process whose number
 * create has left, and delete.  0 when all went well.
 */
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS_MAX	8

extern char **environ;

static int fail(const char *what)
{
	fprintf(stderr, "lifecycle: %s: %s\n", what, strerror(errno));
	return -1;
}

/* Run @argv; 0 when it ends with 0. */
static int run(char **argv)
{
	pid_t pid;
	int status;

	errno = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (errno)
		return fail(argv[0]);
	if (waitpid(pid, &status, 0) < 0)
		return fail("waitpid");
	if (status == 0)
		return 0;
	fprintf(stderr, "lifecycle: %s: wait status %#x\n", argv[0], (unsigned int)status);
	return -1;
}

/* @head, which ends with NULL, and then @tail. */
static int run_with(char *const *head, char *const *tail)
{
	char *argv[OPTIONS_MAX + 8];
	size_t n = 0;

	while (*head)
		argv[n++] = *head++;
	while (*tail)
		argv[n++] = *tail++;
	argv[n] = NULL;
	return run(argv);
}

/* Wait for the process whose number is in @path. */
static int wait_for(const char *path)
{
	struct pollfd p = { .events = POLLIN };
	FILE *f = fopen(path, "re");
	int pid = 0, r;

	if (!f)
		return fail(path);
	r = fscanf(f, "%d", &pid);
	(void)fclose(f);
	if (r != 1 || pid <= 0) {
		errno = EINVAL;
		return fail(path);
	}
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd < 0)	/* it is over, and nobody's child any more */
		return errno == ESRCH ? 0 : fail("pidfd_open");
	while ((r = poll(&p, 1, -1)) < 0 && errno == EINTR)
		;
	(void)close(p.fd);
	return r < 0 ? fail("poll") : 0;
}

int main(int argc, char **argv)
{
	char pid_file[] = "/var/tmp/ringfence-bench-pid.XXXXXX", *bundle, *id;
	int fd, r;

	if (argc < 4 || argc > OPTIONS_MAX + 4) {
		fprintf(stderr, "usage: lifecycle RUNTIME [OPTION...] BUNDLE ID\n");
		return 2;
	}
	id = argv[argc - 1];
	bundle = argv[argc - 2];
	argv[argc - 2] = NULL;
	fd = mkstemp(pid_file);
	if (fd < 0)
		return fail(pid_file) ? 1 : 0;
	(void)close(fd);
	r = run_with(argv + 1, (char *[]){ "create", "--bundle", bundle, "--pid-file", pid_file, id, NULL });
	if (!r)
		r = run_with(argv + 1, (char *[]){ "start", id, NULL });
	if (!r)
		r = wait_for(pid_file);
	if (!r)
		r = run_with(argv + 1, (char *[]){ "delete", id, NULL });
	(void)unlink(pid_file);
	return r ? 1 : 0;
}
