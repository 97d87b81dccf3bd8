/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small test runner: every program of a directory in a sandbox of its own, several
 * at once, from one thread that decides by completions.
 *
 *	cc testrun.c $(pkg-config --cflags --libs libringfence) -o testrun
 *	./testrun directory [seconds [at-once]]
 *
 * A test may read everything, and write to its own new directory, where it starts,
 * and nowhere else.  It has a time limit, no new privileges, no descriptor but 0 to 2,
 * and ends with the runner; what it leaves in the background stays.  Output is TAP;
 * that of a test is shown if it fails.  Needs no privilege, but Landlock.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* memfd_create, nftw */
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ringfence.h>

/* Rights to change something, of the first version of Landlock (Linux 5.13). */
#define CHANGES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
		 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
		 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
		 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
		 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

struct test {
	const char	*name;		/* file in the directory */
	char		 path[4096];
	char		 scratch[32];
	struct rf_chain	*chain;
	struct rf_context *ctx;
	int		 exec_op;
	int		 output;	/* memfd */
	const char	*why;		/* it did not pass; NULL: it did, so far */
	char		 why_text[640];
};

struct runner {
	struct rf_ring	*ring;
	struct test	*tests;
	int		 nr, begun, over, failed;
	unsigned long	 seconds, at_once;
};

static int complain(const char *what, int r, const struct rf_err *err)
{
	fprintf(stderr, "testrun: %s%s%s: %s\n", what, err && err->code ? ": " : "",
		err ? err->msg : "", strerror(-r));
	return -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void show(int fd)
{
	char text[4096];
	ssize_t n;
	int begin = 1;

	(void)lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (begin)
				(void)fputs("# ", stdout);
			(void)putchar(text[i]);
			begin = text[i] == '\n';
		}
	if (!begin)
		(void)putchar('\n');
}

/* The program by itself, or a script that names no interpreter by a shell. */
static void add_exec(struct test *t, int by_shell)
{
	char *const envp[] = { (char *)"PATH=/usr/bin:/bin", (char *)"HOME=.", NULL };
	char *const direct[] = { t->path, NULL }, *const shell[] = { (char *)"sh", t->path, NULL };

	t->exec_op = rf_prep_exec(t->chain, by_shell ? "/bin/sh" : t->path,
				  by_shell ? shell : direct, envp);
}

/*
 * The sandbox, behind the gate that the first chain ends in: whatever fails here hands
 * control back instead of ending the context.
 */
static void add_sandbox(struct test *t, int output)
{
	const struct rf_landlock_access may_write[] = {
		{ .access = CHANGES, .path = t->scratch, .slot = RF_SLOT_NONE },
		{ .access = CHANGES, .path = "/dev/null", .slot = RF_SLOT_NONE },
	};
	struct rf_chain *c = t->chain;
	int null;

	rf_prep_open(c, RF_SLOT_NONE, "/dev/null", O_RDONLY | O_CLOEXEC, 0, 0, &null);
	rf_prep_clone(c, RF_CLONE_PAYLOAD, 0);
	rf_prep_dup(c, null, 0);
	rf_prep_dup(c, output, 1);
	rf_prep_dup(c, output, 2);
	rf_prep_setsid(c);
	rf_prep_chdir(c, RF_SLOT_NONE, t->scratch);
	rf_prep_umask(c, 077);
	rf_prep_pdeathsig(c, SIGKILL);
	rf_prep_no_new_privs(c);
	rf_prep_sigdefault(c);
	rf_prep_sigmask(c, 0);
	rf_prep_landlock(c, CHANGES, 0, 0, may_write, 2);
}

static int begin(struct runner *run, struct test *t)
{
	struct rf_err err = RF_ERR_INIT;
	int output, r;

	(void)snprintf(t->scratch, sizeof(t->scratch), "/tmp/testrun.XXXXXX");
	if (!mkdtemp(t->scratch))
		return complain(t->scratch, -errno, NULL);
	t->output = memfd_create(t->name, MFD_CLOEXEC);
	if (t->output < 0)
		return complain("memfd", -errno, NULL);
	t->chain = rf_chain_new();
	if (!t->chain)
		return complain("chain", -ENOMEM, NULL);
	output = rf_chain_give(t->chain, t->output);
	rf_prep_clone(t->chain, RF_CLONE_CONTEXT, 0);
	rf_prep_close_range(t->chain);
	rf_prep_gate(t->chain);
	r = rf_submit(run->ring, t->chain, 0, (uint64_t)(t - run->tests), &t->ctx, &err);
	add_sandbox(t, output);
	add_exec(t, 0);
	if (r == 0)
		r = rf_context_deadline(t->ctx, run->seconds * 1000);
	return r < 0 ? complain(t->name, r, &err) : 0;
}

/* At the gate, or behind an op that has failed: what now? */
static void decide(struct test *t, const struct rf_completion *done)
{
	struct rf_err err = RF_ERR_INIT;
	int r = done->result;

	if (r == -ENOEXEC && done->index == t->exec_op) {
		(void)rf_chain_cut(t->chain, t->exec_op);
		add_exec(t, 1);
		r = 0;
	}
	if (r == 0)
		r = rf_context_submit(t->ctx, t->chain, &err);
	if (r == 0)
		return;
	(void)snprintf(t->why_text, sizeof(t->why_text), "%s: %s",
		       done->result < 0 ? rf_chain_op_name(t->chain, done->index) : err.msg,
		       strerror(-r));
	t->why = t->why_text;
	(void)rf_context_kill(t->ctx);
}

static void judge(struct test *t, const struct rf_completion *done)
{
	if (t->why)
		return;
	if (done->kind == RF_DONE_FAILED || done->result < 0)
		(void)snprintf(t->why_text, sizeof(t->why_text), "%s", strerror(-done->result));
	else if (WIFSIGNALED(done->status))
		(void)snprintf(t->why_text, sizeof(t->why_text), "%s",
			       strsignal(WTERMSIG(done->status)));
	else if (WEXITSTATUS(done->status))
		(void)snprintf(t->why_text, sizeof(t->why_text), "exit status %d",
			       WEXITSTATUS(done->status));
	else
		return;
	t->why = t->why_text;
}

static void end(struct runner *run, struct test *t)
{
	run->over++;
	run->failed += !!t->why;
	(void)printf("%sok %d - %s\n", t->why ? "not " : "", run->over, t->name);
	if (t->why) {
		(void)printf("# %s\n", t->why);
		show(t->output);
	}
	(void)close(t->output);
	t->chain = rf_chain_free(t->chain);
	(void)nftw(t->scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void handle(struct runner *run, const struct rf_completion *done)
{
	struct test *t = &run->tests[done->user_data];

	switch (done->kind) {
	case RF_DONE_PARKED:
		decide(t, done);
		return;
	case RF_DONE_TIMEOUT:
		t->why = "the time is up";
		(void)rf_context_kill(t->ctx);
		return;
	case RF_DONE_EXIT:
	case RF_DONE_FAILED:
		judge(t, done);
		end(run, t);
		return;
	default:
		return;
	}
}

static int run_all(struct runner *run)
{
	struct rf_completion done;
	int r;

	(void)printf("1..%d\n", run->nr);
	while (run->over < run->nr) {
		while (run->begun < run->nr &&
		       (unsigned long)(run->begun - run->over) < run->at_once)
			if (begin(run, &run->tests[run->begun++]) < 0)
				return -1;
		r = rf_ring_wait(run->ring, -1, &done);
		if (r < 0)
			return complain("wait", r, NULL);
		handle(run, &done);
	}
	return run->failed;
}

static int is_test(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct runner run = {
		.seconds = argc > 2 ? strtoul(argv[2], NULL, 10) : 60,
		.at_once = argc > 3 ? strtoul(argv[3], NULL, 10) : 4,
	};
	struct rf_err err = RF_ERR_INIT;
	struct dirent **names;
	char *dir;
	int r;

	if (argc < 2 || !run.seconds || !run.at_once) {
		fprintf(stderr, "usage: testrun directory [seconds [at-once]]\n");
		return 2;
	}
	dir = realpath(argv[1], NULL);
	run.nr = dir ? scandir(dir, &names, is_test, alphasort) : -1;
	if (run.nr < 0) {
		(void)complain(argv[1], -errno, NULL);
		return 2;
	}
	run.tests = calloc((size_t)run.nr + 1, sizeof(*run.tests));
	r = run.tests ? rf_ring_new(RF_ENGINE_AUTO, &run.ring, &err) : -ENOMEM;
	if (r < 0) {
		(void)complain("ring", r, &err);
		return 2;
	}
	for (int i = 0; i < run.nr; i++) {
		run.tests[i].name = names[i]->d_name;
		(void)snprintf(run.tests[i].path, sizeof(run.tests[i].path), "%s/%s", dir,
			       names[i]->d_name);
	}
	r = run_all(&run);
	rf_ring_free(run.ring);
	for (int i = 0; i < run.nr; i++)
		free(names[i]);
	free(names);
	free(run.tests);
	free(dir);
	if (fflush(stdout) == EOF) {
		perror("testrun: standard output");
		return 2;
	}
	return r < 0 ? 2 : r > 0;
}
