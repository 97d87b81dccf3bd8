/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libringfence from one's own program: a chain built by hand, launched 1 000
 * times from one thread over one ring, every completion printed.
 *
 *	cc embed.c $(pkg-config --cflags --libs libringfence) -o embed
 *	./embed [count [at-once]]
 *
 * Needs no privilege.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <ringfence.h>

static const char *const kinds[] = {
	[RF_DONE_OP]		= "op",
	[RF_DONE_STARTED]	= "started",
	[RF_DONE_PARKED]	= "parked",
	[RF_DONE_FAILED]	= "failed",
	[RF_DONE_EXIT]		= "exit",
	[RF_DONE_TIMEOUT]	= "timeout",
	[RF_DONE_WATCH]		= "watch",
	[RF_DONE_FD]		= "descriptor",
	[RF_DONE_ENDED]		= "ended",
};

static int complain(const char *what, int r, const struct rf_err *err)
{
	fprintf(stderr, "embed: %s%s%s: %s\n", what, err->code ? ": " : "", err->msg, strerror(-r));
	return EXIT_FAILURE;
}

/*
 * What a new task is to do.  A link that fails ends the chain; of the two
 * execs, the first is hard-linked: when it fails, the second has its turn.
 */
static struct rf_chain *build(void)
{
	static char *const argv[] = { (char *)"true", NULL };
	static char *const envp[] = { (char *)"PATH=/usr/bin:/bin", NULL };
	struct rf_chain *chain = rf_chain_new();

	if (!chain)
		return NULL;
	rf_prep_clone(chain, RF_CLONE_CONTEXT, 0);
	rf_prep_close_range(chain);
	rf_prep_umask(chain, 077);
	rf_prep_no_new_privs(chain);
	rf_prep_sigdefault(chain);
	rf_prep_sigmask(chain, 0);
	rf_op_link(chain, rf_prep_exec(chain, "/bin/no-such-true", argv, envp), RF_LINK_HARD);
	rf_prep_exec(chain, "/bin/true", argv, envp);
	return chain;
}

static void print(const struct rf_chain *chain, const struct rf_completion *done)
{
	const char *op = done->index >= 0 ? rf_chain_op_name(chain, done->index) : NULL;

	printf("launch %llu: %s", (unsigned long long)done->user_data, kinds[done->kind]);
	if (op)
		printf(" %d %s", done->index, op);
	if (done->kind == RF_DONE_EXIT && done->result == 0)
		printf(": status %d", WIFEXITED(done->status) ? WEXITSTATUS(done->status)
							      : 128 + WTERMSIG(done->status));
	else if (done->result < 0)
		printf(": %s", strerror(-done->result));
	else
		printf(": %d", done->result);
	putchar('\n');
}

/* Keep @at_once of @count launches going until all are over. */
static int launch(struct rf_ring *ring, const struct rf_chain *chain,
		  unsigned long count, unsigned long at_once)
{
	unsigned long submitted = 0, over = 0, succeeded = 0;
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	struct rf_context *ctx;
	int r;

	while (over < count) {
		while (submitted < count && submitted - over < at_once) {
			r = rf_submit(ring, chain, RF_SUBMIT_OPS, submitted + 1, &ctx, &err);
			if (r < 0)
				return complain("submit", r, &err);
			submitted++;
		}
		r = rf_ring_wait(ring, -1, &done);
		if (r < 0)
			return complain("wait", r, &err);
		print(chain, &done);
		if (done.kind != RF_DONE_EXIT && done.kind != RF_DONE_FAILED)
			continue;
		over++;
		succeeded += done.kind == RF_DONE_EXIT && done.result == 0 && done.status == 0;
	}
	printf("%lu launches, %lu succeeded, engine %s\n", over, succeeded,
	       rf_ring_engine(ring, NULL));
	return succeeded == count ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	unsigned long at_once = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
	struct rf_err err = RF_ERR_INIT;
	struct rf_chain *chain;
	struct rf_ring *ring;
	int r, status;

	if (!count || !at_once) {
		fprintf(stderr, "usage: embed [count [at-once]]\n");
		return 2;
	}
	chain = build();
	r = chain ? rf_chain_check(chain, &err) : -ENOMEM;
	if (r < 0)
		return complain("chain", r, &err);
	r = rf_ring_new(RF_ENGINE_AUTO, &ring, &err);
	if (r < 0)
		return complain("ring", r, &err);
	status = launch(ring, chain, count, at_once);
	rf_ring_free(ring);
	rf_chain_free(chain);
	if (fflush(stdout) == EOF) {
		perror("embed: standard output");
		return EXIT_FAILURE;
	}
	return status;
}
