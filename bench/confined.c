/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confined.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "measure.h"
#include "probe.h"
#include "spec.h"

#define MOUNTS	"root: host\n" \
		"mounts: [{tmpfs: /tmp}, {dev: /dev}, {proc: /proc}]\n" \
		"seccomp: off\n"	/* the peers have none */

static const char with_init[] = MOUNTS "init: true\n";
static const char without_init[] = MOUNTS "init: false\n";

int complain(const char *what, int r, const struct rf_err *err)
{
	fprintf(stderr, "%s: %s: %s%s%s\n", program_invocation_short_name, what,
		err ? err->msg : "", err && err->msg[0] ? ": " : "", strerror(-r));
	return r;
}

struct rf_chain *confined_chain(const char *stamp, bool init, enum rf_part part)
{
	static const int std[] = { 0, 1, 2 };
	static const struct rf_caller self = { .numbers = std, .fds = std, .nr_fds = 3,
					       .umask = 022 };
	const char *spec = init ? with_init : without_init;
	char *argv[] = { (char *)(uintptr_t)stamp, NULL };
	struct rf_err err = RF_ERR_INIT;
	struct rf_chain *chain = NULL;
	struct rf_features features;
	struct rf_sandbox *sb = rf_sandbox_new();
	int r = sb ? rf_probe(&features, &err) : -ENOMEM;

	if (r == 0)
		r = rf_spec_parse("bench", spec, strlen(spec), 0, sb, &err);
	if (r == 0)
		r = rf_command_set(1, argv, sb, &err);
	if (r == 0) {
		sb->part = part;
		sb->caller = part == RF_PART_BOTH ? &self : NULL;
		r = rf_sandbox_resolve(sb, &features, 0, &err);
	}
	if (r == 0)
		r = rf_compile(sb, &features, &chain, &err);
	if (r < 0)
		(void)complain("sandbox", r, &err);
	rf_sandbox_free(sb);
	return chain;
}

int launch_outcome(const struct rf_completion *done)
{
	if (done->kind == RF_DONE_FAILED)
		return complain("chain", done->result, NULL);
	if (done->kind != RF_DONE_EXIT)
		return 1;
	if (done->result < 0 || done->status != 0)
		return complain("command", done->result < 0 ? done->result : -EIO, NULL);
	return 0;
}

int launch(struct rf_ring *ring, const struct rf_chain *chain, double *ret_returned)
{
	struct rf_err err = RF_ERR_INIT;
	struct rf_completion done;
	struct rf_context *ctx;
	int r = rf_submit(ring, chain, 0, 0, &ctx, &err);

	*ret_returned = now_us();
	if (r < 0)
		return complain("submit", r, &err);
	do {
		r = rf_ring_wait(ring, -1, &done);
		if (r < 0)
			return complain("wait", r, NULL);
		r = launch_outcome(&done);
	} while (r > 0);
	return r;
}
