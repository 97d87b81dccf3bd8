/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What AppArmor and SELinux are to call the command, and what is mounted for it.
 *
 * A label of the command is written to a file of /proc, by the task that is going to be
 * it.  Whatever is at /proc inside may be the container's own making (CVE-2019-16884), so
 * the host's is opened before anything of the container is joined or mounted, and the
 * file in it, by the payload task, before the root changes.  The kernel takes from there
 * only what its opener writes, and looks at it at exec.
 */
#include "compile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

#define IN_PROC	(RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS)

static int check(struct rf_compile *k, const struct rf_label *label, bool on, const char *key,
		 const char *module)
{
	if (!label->text || on)
		return 0;
	return rf_err_at(k->err, &label->place, EOPNOTSUPP, "%s: %s is not on in this kernel", key,
			 module);
}

int rf_plan_labels(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;
	int r = check(k, &o->apparmor, k->f->apparmor, "process.apparmorProfile", "AppArmor");

	if (r == 0)
		r = check(k, &o->selinux, k->f->selinux, "process.selinuxLabel", "SELinux");
	return r < 0 ? r : check(k, &o->mount_label, k->f->selinux, "linux.mountLabel", "SELinux");
}

static bool has_labels(const struct rf_compile *k)
{
	return k->sb->oci.apparmor.text || k->sb->oci.selinux.text;
}

void rf_emit_label_proc(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	if (!has_labels(k))
		return;
	rf_chain_set_place(k->c, o->apparmor.text ? &o->apparmor.place : &o->selinux.place);
	k->proc = rf_emit_open(k, RF_SLOT_NONE, "/proc", O_PATH | O_DIRECTORY, 0);
}

static int32_t emit_file(struct rf_compile *k, const struct rf_label *label, const char *path)
{
	if (!label->text)
		return RF_SLOT_NONE;
	rf_chain_set_place(k->c, &label->place);
	return rf_emit_open(k, k->proc, path, O_WRONLY, IN_PROC);
}

void rf_emit_label_files(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;

	if (!has_labels(k))
		return;
	k->apparmor = emit_file(k, &o->apparmor, "thread-self/attr/apparmor/exec");
	k->selinux = emit_file(k, &o->selinux, "thread-self/attr/exec");
	rf_emit_close(k, k->proc);
}

static void emit_label(struct rf_compile *k, int32_t slot, const char *attr, const char *text)
{
	rf_str a = rf_chain_str(k->c, attr);
	struct rf_blob b = rf_chain_blob(k->c, text, strlen(text));
	struct rf_op *op = rf_chain_add(k->c, RF_OP_LABEL);

	op->u.label.attr = a;
	op->u.label.slot = slot;
	op->u.label.label = b;
}

static void emit_write(struct rf_compile *k, int32_t slot, const struct rf_place *place,
		       const char *attr, const char *text)
{
	rf_chain_set_place(k->c, place);
	emit_label(k, slot, attr, text);
	rf_emit_close(k, slot);
}

void rf_emit_labels(struct rf_compile *k)
{
	const struct rf_oci_sandbox *o = &k->sb->oci;
	const char *text;

	if (o->selinux.text)
		emit_write(k, k->selinux, &o->selinux.place, "exec", o->selinux.text);
	if (!o->apparmor.text)
		return;
	text = rf_sandbox_printf(k->mem, "exec %s", o->apparmor.text);
	if (!text)
		rf_no_memory(k);
	else
		emit_write(k, k->apparmor, &o->apparmor.place, "apparmor/exec", text);
}

/* SELinux has one for all of a kernel's file system of that kind: its root gets another. */
void rf_emit_mount_label(struct rf_compile *k, int32_t mount, const char *label)
{
	emit_label(k, mount, "security.selinux", label);
}
