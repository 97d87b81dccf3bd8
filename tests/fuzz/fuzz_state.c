/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reader of states on anything: it answers 0 or one error with a message,
 * what it accepts holds what the compiler relies on, and is the same once it
 * was written and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ringfence.h"
#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(const struct rf_state *st)
{
	const struct rf_sandbox *sb = st->sb;

	if (st->launcher <= 0 || st->payload <= 0 || st->init < 0 || !sb->nr_argv || !sb->envp ||
	    sb->argv[sb->nr_argv] || sb->ambient & ~sb->capabilities)
		abort();
	for (size_t i = 0; i < sizeof(sb->rlimits) / sizeof(sb->rlimits[0]); i++)
		if (sb->rlimits[i].soft > sb->rlimits[i].hard)
			abort();
	if (sb->seccomp.on && (!sb->seccomp.insns || !sb->seccomp.nr))
		abort();
	for (size_t i = 0; i < sb->landlock.nr; i++)
		if (sb->landlock.rules[i].path && sb->landlock.rules[i].path[0] != '/')
			abort();
}

static void check_again(const struct rf_state *st)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_state *other = NULL;
	char *text = rf_state_print(st), *again;

	if (!text || rf_state_parse(text, strlen(text), &other, &err) < 0)
		abort();
	again = rf_state_print(other);
	if (!again || strcmp(text, again) != 0)
		abort();
	free(text);
	free(again);
	rf_state_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_state *st = NULL;
	struct rf_entry e;
	int r = rf_state_parse((const char *)data, size, &st, &err);

	if (!r) {
		check_state(st);
		check_again(st);
	} else if (r != -err.code || !err.msg[0] || (r != -EINVAL && r != -ENOMEM && r != -EFBIG)) {
		abort();
	}
	rf_state_free(st);
	err = (struct rf_err)RF_ERR_INIT;
	r = rf_entry_parse((const char *)data, size, &e, &err);
	if (r < 0 && (!err.msg[0] || (r != -EINVAL && r != -EFBIG)))
		abort();
	return 0;
}
