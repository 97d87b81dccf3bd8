/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an OCI container must not see (maskedPaths) or write (readonlyPaths), the
 * kernel parameters that it has, and its console.
 *
 * What is not there needs no cover; any other reason why a path cannot be opened is
 * an error.  Covers come out of the stage, which is the sandbox's own: a file of the
 * container that takes the place of /dev/null is nobody's mask (CVE-2025-31133).
 */
#include "compile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

/* The slot of @p, which may be absent unless it is needed. */
static int32_t emit_open_some(struct rf_compile *k, const struct rf_oci_path *p)
{
	int32_t slot;

	rf_chain_set_place(k->c, &p->place);
	slot = rf_emit_open_in_root(k, p->path);
	if (k->c->nr_ops && !p->needed)
		k->c->ops[k->c->nr_ops - 1].flags |= RF_OP_F_ABSENT;
	return slot;
}

static void emit_readonly(struct rf_compile *k, const struct rf_oci_path *p)
{
	int32_t at = emit_open_some(k, p);
	int32_t tree = rf_emit_open_tree(k, at, NULL, true);

	rf_emit_setattr(k, tree, MOUNT_ATTR_RDONLY, 0, true);
	rf_emit_move(k, tree, at, NULL, RF_ENTRY_NONE);
	rf_emit_close(k, tree);
	rf_emit_close(k, at);
}

static void emit_mask(struct rf_compile *k, const struct rf_oci_path *p)
{
	int32_t at = emit_open_some(k, p);
	rf_str dir = rf_chain_str(k->c, RF_STAGE_DIR), file = rf_chain_str(k->c, RF_STAGE_FILE);
	struct rf_op *op = rf_chain_add(k->c, RF_OP_MASK);

	op->u.mask.to = at;
	op->u.mask.from = k->stage;
	op->u.mask.dir = dir;
	op->u.mask.file = file;
	rf_emit_close(k, at);
}

void rf_emit_masks(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	for (size_t i = 0; i < o->nr_readonly; i++)
		emit_readonly(k, &o->readonly[i]);
	for (size_t i = 0; i < o->nr_masked; i++)
		emit_mask(k, &o->masked[i]);
}

/* By the host's /proc, which shows the namespaces of the task that looks. */
void rf_emit_sysctls(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	for (size_t i = 0; i < o->nr_sysctls; i++) {
		const struct rf_sysctl *s = &o->sysctls[i];
		rf_str path = rf_chain_str(k->c, s->path);
		struct rf_blob value = rf_chain_blob(k->c, s->value, strlen(s->value));
		struct rf_op *op;

		rf_chain_set_place(k->c, &s->place);
		op = rf_chain_add(k->c, RF_OP_SYSCTL);
		op->u.sysctl.path = path;
		op->u.sysctl.value = value;
	}
}

/* The terminal itself, by its descriptor, on whatever is /dev/console inside. */
void rf_emit_console(struct rf_compile *k)
{
	int32_t tree, at;

	if (!k->sb->oci.console || k->tty == RF_SLOT_NONE)
		return;
	rf_chain_set_place(k->c, &k->sb->terminal_place);
	rf_emit_mkfile(k, k->newroot, "dev/console", 0600, RF_MAKE_PARENTS | RF_MAKE_ANYWHERE |
		       RF_MAKE_EXIST_OK);
	at = rf_emit_open_in_root(k, "/dev/console");
	tree = rf_emit_open_tree(k, k->tty, NULL, false);
	rf_emit_move(k, tree, at, NULL, RF_ENTRY_NONE);
	rf_emit_close(k, tree);
	rf_emit_close(k, at);
}
