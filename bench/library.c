/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library costs the program that embeds it.
 *
 *	library launch ROUNDS STAMP	from a small and from a large parent
 *	library rate COUNT FLIGHT STAMP	COUNT sandboxes over one ring, FLIGHT at once
 *
 * STAMP is bench/stamp, installed where the sandbox can see it.  The sandbox is
 * the one that bench/run gives to `ringfence run`.
 *
 * `launch` writes two kinds of lines, fields separated by tabs, each number as
 * lower quartile/median/upper quartile:
 *
 *	CASE		whole	call	microseconds from the call until the command has been
 *					reaped; and until the call returned
 *	ratio A B	whole	call	A over B, round by round
 *
 * `rate` writes one number: sandboxes per second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confined.h"
#include "measure.h"

#define LARGE	((size_t)1 << 30)
#define WARM_UP	5

/* ---------------------------------------------------------------- chains */

/* A task, exec, nothing else. */
static struct rf_chain *bare_chain(const char *stamp)
{
	char *const argv[] = { (char *)(uintptr_t)stamp, NULL };
	char *const envp[] = { NULL };
	struct rf_chain *chain = rf_chain_new();

	if (!chain)
		return NULL;
	rf_prep_clone(chain, RF_CLONE_CONTEXT, 0);
	rf_prep_close_range(chain);
	rf_prep_exec(chain, stamp, argv, envp);
	return chain;
}

/* -------------------------------------------------------------- launching */

static int launch_fork(const char *stamp, double *ret_returned)
{
	char *const argv[] = { (char *)(uintptr_t)stamp, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execve(stamp, argv, argv + 1);
		_exit(127);
	}
	*ret_returned = now_us();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return complain("fork", -EIO, NULL);
	return 0;
}

/* ---------------------------------------------------------------- workers */

enum kind { BARE, SANDBOX, FORK, KINDS };

struct times {
	double		 whole, call;
};

struct worker {
	int		 to, from;	/* the worker's ends are kept in it */
	pid_t		 pid;
};

static int work_once(struct rf_ring *ring, struct rf_chain *const chains[], enum kind kind,
		     const char *stamp, struct times *t)
{
	double begin = now_us(), returned = begin;
	int r = kind == FORK ? launch_fork(stamp, &returned)
			     : launch(ring, chains[kind], &returned);

	t->whole = now_us() - begin;
	t->call = returned - begin;
	return r;
}

/* Answer each letter with the times of one launch, until nobody asks any more. */
static int work(int from, int to, size_t memory, const char *stamp)
{
	struct rf_chain *chains[FORK] = { bare_chain(stamp), confined_chain(stamp, true, RF_PART_ALL) };
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring;
	unsigned char kind;
	struct times t;
	char *p;
	int r;

	if (!chains[BARE] || !chains[SANDBOX])
		return 1;
	r = rf_ring_new(RF_ENGINE_AUTO, &ring, &err);
	if (r < 0)
		return complain("ring", r, &err) != 0;
	/* small pages: what most programs have, and what fork has to copy the tables of */
	p = mmap(NULL, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return complain("memory", -errno, NULL) != 0;
	(void)madvise(p, memory, MADV_NOHUGEPAGE);
	/* all at once: a page at a time, a virtual machine takes a minute */
	if (madvise(p, memory, MADV_POPULATE_WRITE) < 0)
		memset(p, 1, memory);
	while (read(from, &kind, 1) == 1)
		if (work_once(ring, chains, kind, stamp, &t) < 0 ||
		    write(to, &t, sizeof(t)) != sizeof(t))
			return 1;
	rf_ring_free(ring);
	return 0;
}

static int worker_start(struct worker *w, size_t memory, const char *stamp)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return complain("pipe", -errno, NULL);
	w->pid = fork();
	if (w->pid < 0)
		return complain("fork", -errno, NULL);
	if (w->pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(in[1]);
		(void)close(out[0]);
		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(1);
		_exit(work(in[0], out[1], memory, stamp));
	}
	(void)close(in[0]);
	(void)close(out[1]);
	w->to = in[1];
	w->from = out[0];
	return 0;
}

static int worker_ask(const struct worker *w, enum kind kind, struct times *t)
{
	unsigned char letter = (unsigned char)kind;

	if (write(w->to, &letter, 1) != 1 || read(w->from, t, sizeof(*t)) != sizeof(*t))
		return complain("worker", -EPIPE, NULL);
	return 0;
}

/* -------------------------------------------------------------- the launch mode */

/* What forks has a parent of its own: a fork leaves copies to be made behind. */
enum { SMALL, WITH_1_GIB, FORKS, WORKERS };

static const struct launch_case {
	const char	*name;
	int		 worker;
	enum kind	 kind;
} cases[] = {
	{ "bare-small", SMALL, BARE }, { "bare-large", WITH_1_GIB, BARE },
	{ "sandbox-small", SMALL, SANDBOX }, { "sandbox-large", WITH_1_GIB, SANDBOX },
	{ "fork-large", FORKS, FORK },
};

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static const struct { int a, b; } ratios[] = { { 1, 0 }, { 3, 2 }, { 1, 4 }, { 3, 4 } };

/* @t: NR_CASES for each round; @scratch: room for one number a round. */
static void print_launches(struct times (*t)[NR_CASES], double *scratch, int rounds)
{
	for (size_t i = 0; i < NR_CASES; i++) {
		printf("%s", cases[i].name);
		for (int r = 0; r < rounds; r++)
			scratch[r] = t[r][i].whole;
		print_quartiles(stdout, scratch, rounds, 0);
		for (int r = 0; r < rounds; r++)
			scratch[r] = t[r][i].call;
		print_quartiles(stdout, scratch, rounds, 0);
		printf("\n");
	}
	for (size_t i = 0; i < sizeof(ratios) / sizeof(ratios[0]); i++) {
		int a = ratios[i].a, b = ratios[i].b;

		printf("ratio %s %s", cases[a].name, cases[b].name);
		for (int r = 0; r < rounds; r++)
			scratch[r] = t[r][a].whole / t[r][b].whole;
		print_quartiles(stdout, scratch, rounds, 4);
		for (int r = 0; r < rounds; r++)
			scratch[r] = t[r][a].call / t[r][b].call;
		print_quartiles(stdout, scratch, rounds, 4);
		printf("\n");
	}
}

static int main_launch(int rounds, const char *stamp)
{
	struct times (*t)[NR_CASES] = calloc((size_t)rounds + 1, sizeof(*t));
	double *scratch = calloc((size_t)rounds, sizeof(*scratch));
	struct worker w[WORKERS];

	if (!t || !scratch)
		return complain("memory", -ENOMEM, NULL);
	for (int i = 0; i < WORKERS; i++)
		if (worker_start(&w[i], i == SMALL ? 4096 : LARGE, stamp) < 0)
			return -1;
	for (int r = -WARM_UP; r < rounds; r++)
		for (size_t i = 0; i < NR_CASES; i++) {
			size_t k = (i + (size_t)(r + WARM_UP)) % NR_CASES;

			if (worker_ask(&w[cases[k].worker], cases[k].kind,
				       &t[r < 0 ? rounds : r][k]) < 0)
				return -1;
		}
	print_launches(t, scratch, rounds);
	/* all of them first: later workers hold the pipes of earlier ones, too */
	for (int i = 0; i < WORKERS; i++)
		(void)close(w[i].to);
	for (int i = 0; i < WORKERS; i++)
		(void)waitpid(w[i].pid, NULL, 0);
	free(scratch);
	free(t);
	return 0;
}

/* ---------------------------------------------------------------- the rate mode */

/* 0 or a negative errno. */
static int run_many(struct rf_ring *ring, const struct rf_chain *chain, int count, int flight)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	struct rf_context *ctx;
	int begun = 0, over = 0, r;

	while (over < count) {
		while (begun < count && begun - over < flight) {
			r = rf_submit(ring, chain, 0, 0, &ctx, &err);
			if (r < 0)
				return complain("submit", r, &err);
			begun++;
		}
		r = rf_ring_wait(ring, -1, &done);
		if (r < 0)
			return complain("wait", r, NULL);
		r = launch_outcome(&done);
		if (r < 0)
			return r;
		over += r == 0;
	}
	return 0;
}

static int main_rate(int count, int flight, const char *stamp)
{
	struct rf_chain *chain = confined_chain(stamp, true, RF_PART_ALL);
	int out = dup(STDOUT_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct rf_err err = RF_ERR_INIT;
	struct rf_ring *ring;
	double begin;
	int r;

	if (!chain)
		return -1;
	r = rf_ring_new(RF_ENGINE_AUTO, &ring, &err);
	if (r < 0)
		return complain("ring", r, &err);
	if (out < 0 || null < 0 || dup2(null, STDOUT_FILENO) < 0)
		return complain("standard output", -errno, NULL);
	begin = now_us();
	r = run_many(ring, chain, count, flight);
	if (r == 0)
		dprintf(out, "%.1f\n", count / (now_us() - begin) * 1e6);
	rf_ring_free(ring);
	rf_chain_free(chain);
	return r;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0, flight = argc > 3 ? atoi(argv[3]) : 0;

	if (argc == 4 && !strcmp(argv[1], "launch") && n > 0)
		return main_launch(n, argv[3]) < 0;
	if (argc == 5 && !strcmp(argv[1], "rate") && n > 0 && flight > 0)
		return main_rate(n, flight, argv[4]) < 0;
	fprintf(stderr, "usage: library launch ROUNDS STAMP | rate COUNT FLIGHT STAMP\n");
	return 2;
}
