/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lingering.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "sandboxed.h"

const unsigned int linger_memories[LINGER_MEMORIES] = { 0, RF_SUBMIT_OWN_MEMORY };

/* Of other contexts of the same ring, until somebody asks. */
static struct rf_completion kept[4096];
static size_t nr_kept;

struct rf_completion linger_next(struct linger *l)
{
	struct rf_completion d;

	for (size_t i = 0; i < nr_kept; i++) {
		if (kept[i].user_data != l->id)
			continue;
		d = kept[i];
		memmove(&kept[i], &kept[i + 1], (--nr_kept - i) * sizeof(d));
		return d;
	}
	for (;;) {
		EXPECT_INT(1, rf_ring_wait(l->ring, 20000, &d));
		if (d.user_data == l->id)
			return d;
		assert_in_range(nr_kept, 0, ARRAY_SIZE(kept) - 1);
		kept[nr_kept++] = d;
	}
}

struct rf_completion linger_until(struct linger *l, enum rf_completion_kind kind)
{
	struct rf_completion d;

	do
		d = linger_next(l);
	while (d.kind != kind);
	return d;
}

void linger_parks_at(struct linger *l, int index, int result)
{
	struct rf_completion d = linger_until(l, RF_DONE_PARKED);

	EXPECT_INT(index, d.index);
	EXPECT_INT(result, d.result);
}

int linger_park(struct linger *l, unsigned int flags)
{
	int gate = rf_prep_gate(l->c);

	l->ring = sandboxed_ring();
	l->ctx = sandboxed_submit(l->ring, l->c, flags);
	linger_parks_at(l, gate, 0);
	return gate;
}

struct rf_chain *linger_chain(void)
{
	struct rf_chain *c = rf_chain_new();

	assert_non_null(c);
	rf_prep_clone(c, RF_CLONE_CONTEXT, 0);
	return c;
}

void linger_more(struct linger *l)
{
	struct rf_err err = RF_ERR_INIT;

	if (rf_context_submit(l->ctx, l->c, &err) < 0)
		fail_msg("%s: %s", err.msg, strerror(err.code));
}

void linger_refused(struct linger *l, const struct rf_chain *c, int want, const char *why)
{
	struct rf_err err = RF_ERR_INIT;

	EXPECT_INT(want, rf_context_submit(l->ctx, c, &err));
	if (!strstr(err.msg, why))
		fail_msg("'%s' has no '%s'", err.msg, why);
}

void linger_done(struct linger *l)
{
	l->ring = rf_ring_free(l->ring);
	l->c = rf_chain_free(l->c);
	nr_kept = 0;
	EXPECT_INT(-1, waitpid(-1, NULL, __WALL));
	EXPECT_INT(ECHILD, errno);
}

int linger_add_exec(struct rf_chain *c, const char *path, const char *command)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };
	char *const no_env[] = { NULL };

	return rf_prep_exec(c, path, argv, no_env);
}

void linger_exits(struct linger *l, int status)
{
	struct rf_completion d = linger_until(l, RF_DONE_EXIT);

	EXPECT_TRUE(WIFEXITED(d.status));
	EXPECT_INT(status, WEXITSTATUS(d.status));
}
