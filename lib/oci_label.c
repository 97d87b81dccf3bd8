/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `process.apparmorProfile`, `process.selinuxLabel` and `linux.mountLabel`.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "spec.h"

#define LABEL_MAX 4000		/* a page is what the kernel takes, "exec " in it */

const char *rf_oci_label_wrong(const char *text)
{
	if (strlen(text) > LABEL_MAX)
		return "a label of more than 4000 bytes";
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "a control character in a label";
	return NULL;
}

/* An empty one is none, as engines write it. */
int rf_oci_read_label(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct rf_label *label = obj;
	const char *text = NULL, *wrong;
	int r = rf_oci_text(o, v, &text);

	if (r < 0 || !*text)
		return r;
	wrong = rf_oci_label_wrong(text);
	if (wrong)
		return rf_oci_fail(o, v, "%s", wrong);
	*label = (struct rf_label){ text, v->place };
	return 0;
}

bool rf_oci_has_labels(const struct rf_sandbox *sb)
{
	return sb->oci.apparmor.text || sb->oci.selinux.text || sb->oci.mount_label.text;
}

/* Kinds that SELinux labels by itself, whatever a mount says. */
static bool labels_itself(const char *fstype)
{
	return !strcmp(fstype, "proc") || !strcmp(fstype, "sysfs");
}

static bool has_context(const struct rf_mount *m)
{
	for (size_t i = 0; i < m->nr_options; i++)
		if (!strcmp(m->options[2 * i], "context"))
			return true;
	return false;
}

/* One more option of @m: what all of it is called. */
static int add_context(struct rf_sandbox *sb, struct rf_mount *m, const char *label)
{
	const char **options = rf_sandbox_alloc(sb, 2 * (m->nr_options + 1) * sizeof(*options));

	if (!options)
		return -ENOMEM;
	if (m->nr_options)
		memcpy(options, m->options, 2 * m->nr_options * sizeof(*options));
	options[2 * m->nr_options] = "context";
	options[2 * m->nr_options + 1] = label;
	m->options = options;
	m->nr_options++;
	return 0;
}

int rf_oci_label_mounts(struct rf_sandbox *sb, struct rf_err *err)
{
	const char *label = sb->oci.mount_label.text;
	int r = 0;

	for (size_t i = 0; label && r == 0 && i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];

		if (m->kind != RF_MOUNT_FS || labels_itself(m->fstype) || has_context(m))
			continue;
		/* the kernel has mounted it before, with the namespace, and without */
		if (!strcmp(m->fstype, "mqueue"))
			m->label = label;
		else
			r = add_context(sb, m, label);
	}
	return r < 0 ? rf_err_set(err, ENOMEM, "resolving a config.json") : 0;
}
