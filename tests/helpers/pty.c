/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drive a command on a terminal of its own:
 *
 *	pty STEP... -- COMMAND [ARGUMENT...]
 *
 * A step is `expect:TEXT`, which reads until the terminal has shown TEXT after
 * what the step before was about, or `send:TEXT`, which types it.  In TEXT, \r
 * is Enter, \cX is Control-X.  After the last step the terminal is read until
 * the command has ended.  What was shown is printed.  Exit status: the
 * command's, 128+N for signal N, 99 when something did not come in 30 seconds.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_MAX	65536
#define PATIENCE_MS	30000

static char shown[SHOWN_MAX + 1];
static size_t nr_shown;
static size_t looked;	/* text before here has been expected already */

static _Noreturn void give_up(const char *what, const char *text)
{
	printf("%s\n", shown);
	fflush(stdout);
	fprintf(stderr, "pty: %s: %s\n", what, text);
	exit(99);
}

/* 1 when there is more, 0 at the end. */
static int read_more(int fd, const char *waiting_for)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, PATIENCE_MS) <= 0)
		give_up("did not come", waiting_for);
	if (nr_shown == SHOWN_MAX)
		give_up("too much output", waiting_for);
	n = read(fd, shown + nr_shown, SHOWN_MAX - nr_shown);
	if (n <= 0)	/* EIO: nobody has the terminal open any more */
		return 0;
	for (ssize_t i = 0; i < n; i++)
		if (!shown[nr_shown + (size_t)i])
			shown[nr_shown + (size_t)i] = '?';
	nr_shown += (size_t)n;
	shown[nr_shown] = '\0';
	return 1;
}

static void expect(int fd, const char *text)
{
	const char *at;

	while (!(at = strstr(shown + looked, text)))
		if (!read_more(fd, text))
			give_up("ended before", text);
	looked = (size_t)(at - shown) + strlen(text);
}

static void type(int fd, const char *text)
{
	char c;

	for (; *text; text++) {
		c = *text;
		if (c == '\\' && text[1] == 'r') {
			c = '\r';
			text++;
		} else if (c == '\\' && text[1] == 'c' && text[2]) {
			c = (char)(text[2] & 0x1f);
			text += 2;
		}
		if (write(fd, &c, 1) != 1)
			give_up("cannot type", text);
	}
}

int main(int argc, char **argv)
{
	int fd, first = 1, status;
	pid_t pid;

	while (first < argc && strcmp(argv[first], "--") != 0)
		first++;
	if (first + 1 >= argc) {
		fprintf(stderr, "usage: pty STEP... -- COMMAND...\n");
		return 2;
	}
	pid = forkpty(&fd, NULL, NULL, NULL);
	if (pid < 0) {
		perror("pty: forkpty");
		return 99;
	}
	if (pid == 0) {
		execvp(argv[first + 1], argv + first + 1);
		perror("pty: exec");
		_exit(127);
	}
	for (int i = 1; i < first; i++) {
		if (strncmp(argv[i], "expect:", 7) == 0)
			expect(fd, argv[i] + 7);
		else if (strncmp(argv[i], "send:", 5) == 0)
			type(fd, argv[i] + 5);
		else
			give_up("no step", argv[i]);
	}
	while (read_more(fd, "the end"))
		;
	if (waitpid(pid, &status, 0) < 0) {
		perror("pty: waitpid");
		return 99;
	}
	printf("%s", shown);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
