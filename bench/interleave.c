/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interleave [-n ROUNDS] [-w WARM-UP] [-u UID] NAME COMMAND... [\; NAME COMMAND...]...
 *
 * Runs every command once a round, so that whatever disturbs the machine
 * disturbs all of them alike, and starts each round with another one.
 *
 * Each command must end with 0 and write one struct timespec to its standard
 * output, as bench/stamp does: when the sandboxed command began.  One line per
 * command, fields separated by tabs:
 *
 *	NAME	whole	start	end	cpu	ratio
 *
 * Times in microseconds: from before the launcher's exec until it has been
 * reaped, until stamp began, and from then on; cpu is user and system time of
 * the launcher and all that it has waited for.  `ratio` is whole over the
 * whole of the last command, round by round.  Each of the five is lower
 * quartile, median and upper quartile, joined by slashes.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "measure.h"

#define CASES_MAX	16
#define ROUNDS_MAX	100000

extern char **environ;

enum column { WHOLE, START, END, CPU, RATIO, COLUMNS };

struct bench_case {
	const char	*name;
	char		**argv;
	double		*column[COLUMNS];	/* one number per round */
};

struct bench {
	struct bench_case cases[CASES_MAX];
	size_t		 nr;
	int		 rounds, warm_up;
	int		 pipe[2];
};

static int fail(const char *what)
{
	fprintf(stderr, "interleave: %s: %s\n", what, strerror(errno));
	return -1;
}

static double usec(const struct timespec *ts)
{
	return (double)ts->tv_sec * 1e6 + (double)ts->tv_nsec / 1e3;
}

static double usec_of_day(const struct timeval *tv)
{
	return (double)tv->tv_sec * 1e6 + (double)tv->tv_usec;
}

/* Run case @c and, unless @round is -1, note what it took. */
static int run_once(struct bench *b, struct bench_case *c, int round)
{
	struct timespec begin, stamp, end;
	posix_spawn_file_actions_t actions;
	struct rusage usage;
	int status, r;
	pid_t pid;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, b->pipe[1], 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	r = posix_spawn(&pid, c->argv[0], &actions, NULL, c->argv, environ);
	if (r == 0 && wait4(pid, &status, 0, &usage) < 0)
		r = errno;
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (r != 0) {
		errno = r;
		return fail(c->argv[0]);
	}
	if (status != 0 || read(b->pipe[0], &stamp, sizeof(stamp)) != sizeof(stamp)) {
		fprintf(stderr, "interleave: %s: wait status 0x%x, or no time written\n",
			c->name, status);
		return -1;
	}
	if (round < 0)
		return 0;
	c->column[WHOLE][round] = usec(&end) - usec(&begin);
	c->column[START][round] = usec(&stamp) - usec(&begin);
	c->column[END][round] = usec(&end) - usec(&stamp);
	c->column[CPU][round] = usec_of_day(&usage.ru_utime) + usec_of_day(&usage.ru_stime);
	return 0;
}

static int run_all(struct bench *b)
{
	struct bench_case *last = &b->cases[b->nr - 1];

	for (int round = -b->warm_up; round < b->rounds; round++) {
		size_t first = (size_t)(round + b->warm_up) % b->nr;

		for (size_t i = 0; i < b->nr; i++)
			if (run_once(b, &b->cases[(first + i) % b->nr], round < 0 ? -1 : round) < 0)
				return -1;
		for (size_t i = 0; round >= 0 && i < b->nr; i++)
			b->cases[i].column[RATIO][round] =
				b->cases[i].column[WHOLE][round] / last->column[WHOLE][round];
	}
	return 0;
}

static void print_all(struct bench *b)
{
	for (size_t i = 0; i < b->nr; i++) {
		printf("%s", b->cases[i].name);
		for (int k = 0; k < COLUMNS; k++)
			print_quartiles(stdout, b->cases[i].column[k], b->rounds, k == RATIO ? 3 : 0);
		printf("\n");
	}
}

static int number(const char *text, int max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno || end == text || *end || n < 0 || n > max ? -1 : (int)n;
}

/* Everything from here on as user @uid, without groups and capabilities. */
static int become(const char *text)
{
	int uid = number(text, INT32_MAX);

	if (uid < 0) {
		errno = EINVAL;
		return fail(text);
	}
	if (setgroups(0, NULL) < 0 || setresgid((gid_t)uid, (gid_t)uid, (gid_t)uid) < 0 ||
	    setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
		return fail("setresuid");
	return 0;
}

/* "NAME COMMAND... ; NAME COMMAND..." */
static int parse_cases(struct bench *b, char **args)
{
	while (*args) {
		struct bench_case *c = &b->cases[b->nr++];

		if (b->nr > CASES_MAX || !args[1]) {
			errno = EINVAL;
			return fail(*args);
		}
		c->name = args[0];
		c->argv = ++args;
		while (*args && strcmp(*args, ";") != 0)
			args++;
		if (*args)
			*args++ = NULL;
		for (int k = 0; k < COLUMNS; k++) {
			c->column[k] = calloc((size_t)b->rounds, sizeof(double));
			if (!c->column[k])
				return fail("memory");
		}
	}
	return b->nr ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct bench b = { .rounds = 100, .warm_up = 5 };
	int opt, r = 0;

	while (r == 0 && (opt = getopt(argc, argv, "+n:w:u:")) != -1) {
		if (opt == 'n')
			r = (b.rounds = number(optarg, ROUNDS_MAX)) < 1 ? -1 : 0;
		else if (opt == 'w')
			r = (b.warm_up = number(optarg, ROUNDS_MAX)) < 0 ? -1 : 0;
		else
			r = opt == 'u' ? become(optarg) : -1;
	}
	if (r < 0 || parse_cases(&b, argv + optind) < 0) {
		fprintf(stderr, "usage: interleave [-n ROUNDS] [-w WARM-UP] [-u UID] NAME COMMAND... [\\; ...]\n");
		return 2;
	}
	if (pipe2(b.pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		(void)fail("pipe");
		return 1;
	}
	if (run_all(&b) < 0)
		return 1;
	print_all(&b);
	return 0;
}
