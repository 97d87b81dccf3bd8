/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drive a command on a terminal of its own:
 *
 *	pty STEP... -- COMMAND [ARGUMENT...]
 *
 * Steps:
 *
 *	expect:TEXT	read until the terminal has shown TEXT after what the step
 *			before was about
 *	send:TEXT	type it; \r is Enter, \cX Control-X
 *	size:ROWSxCOLS	change the size of the terminal; as the first step, before the
 *			command is there to see another
 *	raw:, cooked:	wait until the terminal is so
 *	signal:N	send signal N to the command
 *	fg-signal:N	send signal N to the terminal's foreground
 *	wait:FILE	until FILE is there
 *	shell:COMMAND	run that, elsewhere, to its end
 *	unread:		nothing lies there typed and not read
 *	hangup:		the terminal goes away
 *
 * After the last step the terminal is read until the command has ended.  What was
 * shown is printed.  Exit status: the command's, 128+N for signal N, 99 when
 * something did not come in 30 seconds or was not so.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
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

static void wait_for_mode(int fd, bool is_raw)
{
	struct termios mode;

	/* nothing tells of a change: look again and again */
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (tcgetattr(fd, &mode) == 0 &&
		    ((mode.c_lflag & (ICANON | ECHO | ISIG)) == 0) == is_raw)
			return;
		(void)poll(NULL, 0, 1);
	}
	give_up("did not come", is_raw ? "raw mode" : "cooked mode");
}

static void wait_for_file(const char *path)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (access(path, F_OK) == 0)
			return;
		(void)poll(NULL, 0, 1);
	}
	give_up("did not come", path);
}

/* In canonical mode a line that has not ended does not count: look without it. */
static void expect_nothing_typed(int fd, const char *terminal)
{
	int tty = open(terminal, O_RDWR | O_NOCTTY | O_CLOEXEC), n = -1;
	struct termios mode, looking;

	if (tty < 0 || tcgetattr(fd, &mode) < 0)
		give_up("cannot look", terminal);
	looking = mode;
	looking.c_lflag &= ~(tcflag_t)ICANON;
	if (tcsetattr(fd, TCSANOW, &looking) < 0 || ioctl(tty, TIOCINQ, &n) < 0 || n != 0)
		give_up("was typed, and not by us", terminal);
	(void)tcsetattr(fd, TCSANOW, &mode);
	(void)close(tty);
}

static struct winsize size_of(const char *text)
{
	struct winsize size = { .ws_row = 0 };

	if (sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2)
		give_up("no size", text);
	return size;
}

static void set_size(int fd, const char *text)
{
	const struct winsize size = size_of(text);

	if (ioctl(fd, TIOCSWINSZ, &size) < 0)
		give_up("no size", text);
}

/* The rest of @step if it begins with @name. */
static const char *is_step(const char *step, const char *name)
{
	size_t len = strlen(name);

	return strncmp(step, name, len) == 0 ? step + len : NULL;
}

static void take(const char *step, int *fd, pid_t pid, const char *terminal)
{
	const char *text;

	if ((text = is_step(step, "expect:")))
		expect(*fd, text);
	else if ((text = is_step(step, "send:")))
		type(*fd, text);
	else if ((text = is_step(step, "size:")))
		set_size(*fd, text);
	else if (is_step(step, "raw:"))
		wait_for_mode(*fd, true);
	else if (is_step(step, "cooked:"))
		wait_for_mode(*fd, false);
	else if ((text = is_step(step, "signal:")))
		(void)kill(pid, atoi(text));
	else if ((text = is_step(step, "fg-signal:")))
		(void)kill(-tcgetpgrp(*fd), atoi(text));
	else if ((text = is_step(step, "shell:")))
		(void)!system(text);
	else if ((text = is_step(step, "wait:")))
		wait_for_file(text);
	else if (is_step(step, "unread:"))
		expect_nothing_typed(*fd, terminal);
	else if (is_step(step, "hangup:")) {
		(void)close(*fd);
		*fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} else
		give_up("no step", step);
}

int main(int argc, char **argv)
{
	char terminal[64];
	int fd, first = 1, step = 1, status;
	struct winsize size = { .ws_row = 0 };
	const char *text;
	pid_t pid;

	while (first < argc && strcmp(argv[first], "--") != 0)
		first++;
	if (first + 1 >= argc) {
		fprintf(stderr, "usage: pty STEP... -- COMMAND...\n");
		return 2;
	}
	text = is_step(argv[1], "size:");
	if (text) {
		size = size_of(text);
		step++;
	}
	pid = forkpty(&fd, terminal, NULL, &size);
	if (pid < 0) {
		perror("pty: forkpty");
		return 99;
	}
	if (pid == 0) {
		execvp(argv[first + 1], argv + first + 1);
		perror("pty: exec");
		_exit(127);
	}
	for (; step < first; step++)
		take(argv[step], &fd, pid, terminal);
	while (read_more(fd, "the end"))
		;
	if (waitpid(pid, &status, 0) < 0) {
		perror("pty: waitpid");
		return 99;
	}
	printf("%s", shown);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
