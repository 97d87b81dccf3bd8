/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `mounts` and `root`.  An entry has one key that says its kind, and keys that
 * only some kinds have.  Paths stay as written until they are resolved.
 */
#include "spec.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "error.h"

#define ONLY(kind)	(1U << RF_MOUNT_##kind)
#define BINDS		(ONLY(RO) | ONLY(RW))
#define MADE		(ONLY(TMPFS) | ONLY(DIR) | ONLY(FILE))
#define FRESH		(ONLY(TMPFS) | ONLY(PROC) | ONLY(SYSFS) | ONLY(MQUEUE) | \
			 ONLY(DEV) | ONLY(CGROUP) | ONLY(OVERLAY))
#define FIELD(name)	offsetof(struct rf_mount, name)

static const struct rf_word absent_words[] = {
	{ "refuse", RF_ABSENT_REFUSE }, { "freeze", RF_ABSENT_FREEZE },
	{ "placeholder", RF_ABSENT_PLACEHOLDER }, { NULL, 0 }
};

static const struct rf_word propagation_words[] = {
	{ "private", RF_PROP_PRIVATE }, { "slave", RF_PROP_SLAVE },
	{ "shared", RF_PROP_SHARED }, { "unbindable", RF_PROP_UNBINDABLE }, { NULL, 0 }
};

static const struct rf_word hidepid_words[] = {
	{ "0", 0 }, { "1", 1 }, { "2", 2 }, { "4", 4 }, { "off", 0 },
	{ "noaccess", 1 }, { "invisible", 2 }, { "ptraceable", 4 }, { NULL, 0 }
};

static const struct rf_word subset_words[] = { { "pid", 1 }, { NULL, 0 } };

static int read_fd(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	int64_t fd;
	int ret = rf_value_int(r, v, 0, INT32_MAX, &fd);

	if (!ret)
		m->source_fd = (int)fd;
	return ret;
}

/* The value of ro and rw: a path, or {fd: N}. */
static int read_source(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_key keys[] = {
		{ .name = "fd", .read = read_fd }, { .name = NULL }
	};
	struct rf_mount *m = obj;
	int ret;

	if (v->kind != RF_NODE_MAP)
		return rf_value_text(r, v, &m->source);
	ret = rf_read_map(r, v, keys, m);
	if (!ret && m->source_fd < 0)
		ret = rf_err_at(r->err, &v->place, EINVAL, "an empty map where a path or {fd: N} belongs");
	return ret;
}

static int read_target(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;

	m->at_place = v->place;
	return rf_value_text(r, v, &m->at);
}

static int read_link_text(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	int ret = rf_value_text(r, v, &m->source);

	if (!ret && !*m->source)
		ret = rf_err_at(r->err, &v->place, EINVAL, "a symlink needs a text");
	return ret;
}

static int read_hidepid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	int value, ret = rf_value_word(r, v, hidepid_words, &value);

	if (!ret)
		m->hidepid = v->text;
	return ret;
}

static int read_subset(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	int value, ret = rf_value_word(r, v, subset_words, &value);

	if (!ret)
		m->flags |= RF_MF_SUBSET_PID;
	return ret;
}

static int read_recursive(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	bool recursive;
	int ret = rf_value_bool(r, v, &recursive);

	if (!ret && !recursive)
		m->flags |= RF_MF_NONREC;
	return ret;
}

static int read_content(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	int ret = rf_value_text(r, v, &m->content);

	if (!ret)
		m->content_len = strlen(m->content);
	return ret;
}

static int read_lower(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_mount *m = obj;
	const char **lower;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of directories");

	if (ret < 0)
		return ret;
	if (!v->nr)
		return rf_err_at(r->err, &v->place, EINVAL, "an overlay needs a lower directory");
	lower = rf_sandbox_alloc(r->sb, v->nr * sizeof(*lower));
	if (!lower)
		return rf_err_set(r->err, ENOMEM, "reading 'lower'");
	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = rf_value_text(r, v->items[i], &lower[i]);
	if (ret < 0)
		return ret;
	m->lower = lower;
	m->nr_lower = v->nr;
	return 0;
}

static int read_owner_uid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return rf_read_uid(r, v, &((struct rf_mount *)obj)->uid);
}

static int read_owner_gid(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return rf_read_gid(r, v, &((struct rf_mount *)obj)->gid);
}

/* The kinds come first and in the order of their enum. */
const struct rf_key rf_mount_keys[] = {
	{ .name = "ro",		.read = read_source },
	{ .name = "rw",		.read = read_source },
	{ .name = "tmpfs",	.read = read_target },
	{ .name = "proc",	.read = read_target },
	{ .name = "sysfs",	.read = read_target },
	{ .name = "mqueue",	.read = read_target },
	{ .name = "dev",	.read = read_target },
	{ .name = "cgroup",	.read = read_target },
	{ .name = "symlink",	.read = read_link_text },
	{ .name = "dir",	.read = read_target },
	{ .name = "file",	.read = read_target },
	{ .name = "overlay",	.read = read_target },
	{ .name = "deny",	.read = read_target },

	{ .name = "at",		.read = read_target,	.only = BINDS | ONLY(SYMLINK) },
	{ .name = "nosuid",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_NOSUID, .only = BINDS | FRESH },
	{ .name = "nodev",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_NODEV, .only = BINDS | FRESH },
	{ .name = "noexec",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_NOEXEC, .only = BINDS | FRESH },
	{ .name = "noatime",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_NOATIME, .only = BINDS | FRESH },
	{ .name = "optional",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_OPTIONAL, .only = ~0U },
	{ .name = "create",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_CREATE, .only = ~ONLY(DENY) },
	{ .name = "readonly",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_RDONLY,
	  .only = FRESH & ~ONLY(CGROUP) },	/* which is read-only always */
	{ .name = "recursive",	.read = read_recursive,	.only = BINDS },
	{ .name = "idmap",	RF_VALUE_FLAG, FIELD(flags), .max = RF_MF_IDMAP, .only = BINDS },
	{ .name = "propagation", RF_VALUE_WORD, FIELD(propagation), .words = propagation_words, .only = BINDS },
	{ .name = "size",	RF_VALUE_SIZE, FIELD(size), .min = 1, .only = ONLY(TMPFS) },
	{ .name = "inodes",	RF_VALUE_SIZE, FIELD(inodes), .min = 1, .only = ONLY(TMPFS) },
	{ .name = "mode",	RF_VALUE_MODE, FIELD(mode), .only = MADE },
	{ .name = "uid",	.read = read_owner_uid,	.only = MADE },
	{ .name = "gid",	.read = read_owner_gid,	.only = MADE },
	{ .name = "hidepid",	.read = read_hidepid,	.only = ONLY(PROC) },
	{ .name = "subset",	.read = read_subset,	.only = ONLY(PROC) },
	{ .name = "content",	.read = read_content,	.only = ONLY(FILE) },
	{ .name = "fd",		.read = read_fd,	.only = ONLY(FILE) },
	{ .name = "lower",	.read = read_lower,	.only = ONLY(OVERLAY) },
	{ .name = "upper",	RF_VALUE_TEXT, FIELD(upper), .only = ONLY(OVERLAY) },
	{ .name = "work",	RF_VALUE_TEXT, FIELD(work), .only = ONLY(OVERLAY) },
	{ .name = "absent",	RF_VALUE_WORD, FIELD(absent), .words = absent_words, .only = ONLY(DENY) },
	{ .name = NULL }
};
static_assert(sizeof(rf_mount_keys) / sizeof(*rf_mount_keys) > RF_MOUNT_SPEC_NR,
	      "rf_mount_keys[] begins with every kind");

/* Which kind an entry is: the one key of it that names one. */
static int find_kind(struct rf_reader *r, const struct rf_node *v, struct rf_mount *m)
{
	const struct rf_node *seen = NULL, *k;
	const struct rf_key *key;

	for (size_t i = 0; i < v->nr; i += 2) {
		k = v->items[i];
		key = rf_find_key(r, k, rf_mount_keys);
		if (!key)
			return -EINVAL;
		if (key - rf_mount_keys >= RF_MOUNT_SPEC_NR)
			continue;
		if (seen)
			return rf_err_at(r->err, &k->place, EINVAL,
					 "an entry is either '%s' or '%s'", seen->text, k->text);
		seen = k;
		m->kind = (enum rf_mount_kind)(key - rf_mount_keys);
		m->place = m->at_place = v->items[i + 1]->place;
	}
	if (!seen)
		return rf_err_at(r->err, &v->place, EINVAL,
				 "an entry needs a key that says what it is: ro, rw, tmpfs, ...");
	return 0;
}

static int check_entry(struct rf_reader *r, const struct rf_mount *m)
{
	if (!m->at && m->kind == RF_MOUNT_SYMLINK)
		return rf_err_at(r->err, &m->place, EINVAL, "a symlink needs 'at', the place where it goes");
	if (!m->at && m->source_fd >= 0)
		return rf_err_at(r->err, &m->place, EINVAL, "a descriptor needs 'at', the place where it goes");
	if (m->content && m->source_fd >= 0)
		return rf_err_at(r->err, &m->place, EINVAL, "'content' and 'fd' are two contents for one file");
	if (m->kind == RF_MOUNT_OVERLAY) {
		bool kept = m->upper && strcmp(m->upper, "tmpfs");

		if (!m->nr_lower)
			return rf_err_at(r->err, &m->place, EINVAL, "an overlay needs 'lower', a list of directories");
		if (kept && !m->work)
			return rf_err_at(r->err, &m->place, EINVAL,
					 "an upper directory needs 'work', an empty directory beside it");
		if (!kept && m->work)
			return rf_err_at(r->err, &m->place, EINVAL, "'work' is only for an upper directory");
	}
	return 0;
}

static int read_entry(struct rf_reader *r, const struct rf_node *v, struct rf_mount *m)
{
	const struct rf_key *key;
	int ret;

	*m = (struct rf_mount){ .source_fd = -1, .mode = -1, .uid = -1, .gid = -1,
				.layer = r->layer };
	ret = rf_need(r, v, RF_NODE_MAP, "a map like {ro: /usr}");
	if (!ret)
		ret = rf_no_repeats(r, v);
	if (!ret)
		ret = find_kind(r, v, m);
	for (size_t i = 0; i < v->nr && !ret; i += 2) {
		key = rf_find_key(r, v->items[i], rf_mount_keys);
		if (key - rf_mount_keys >= RF_MOUNT_SPEC_NR && !(key->only & 1U << m->kind))
			return rf_err_at(r->err, &v->items[i]->place, EINVAL,
					 "'%s' is not for %s entries", key->name,
					 rf_mount_kind_names[m->kind]);
		ret = rf_read_key(r, key, v->items[i + 1], m);
	}
	if (!ret)
		ret = check_entry(r, m);
	if (!ret && m->upper && !strcmp(m->upper, "tmpfs"))
		m->upper = NULL;
	return ret;
}

int rf_read_mounts(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct rf_sandbox *sb = obj;
	int ret = rf_need(r, v, RF_NODE_LIST, "a list of mounts");

	for (size_t i = 0; i < v->nr && !ret; i++) {
		if (sb->nr_mounts >= RF_MOUNTS_MAX)
			return rf_err_at(r->err, &v->items[i]->place, EINVAL,
					 "more than %d mounts", RF_MOUNTS_MAX);
		if (!rf_sandbox_grow(sb, &sb->mounts, sb->nr_mounts, &r->draft->max_mounts,
				     sizeof(*sb->mounts)))
			return rf_err_set(r->err, ENOMEM, "reading 'mounts'");
		ret = read_entry(r, v->items[i], &sb->mounts[sb->nr_mounts]);
		if (!ret)
			sb->nr_mounts++;
	}
	return ret;
}

static int root_path(struct rf_reader *r, const struct rf_node *v, struct rf_root *root,
		     enum rf_root_kind kind)
{
	int ret;

	if (root->path)
		return rf_err_at(r->err, &v->place, EINVAL, "the root is either 'dir' or 'image'");
	ret = rf_value_text(r, v, &root->path);
	if (ret < 0)
		return ret;
	if (!*root->path)
		return rf_err_at(r->err, &v->place, EINVAL, "an empty path");
	root->kind = kind;
	root->place = v->place;
	return 0;
}

static int read_root_dir(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return root_path(r, v, obj, RF_ROOT_DIR);
}

static int read_root_image(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	return root_path(r, v, obj, RF_ROOT_IMAGE);
}

static int read_root_map(struct rf_reader *r, const struct rf_node *v, struct rf_root *root)
{
	static const struct rf_key keys[] = {
		{ .name = "dir",	.read = read_root_dir },
		{ .name = "image",	.read = read_root_image },
		{ .name = "rw",		RF_VALUE_BOOL, offsetof(struct rf_root, writable) },
		{ .name = NULL }
	};
	int ret = rf_read_map(r, v, keys, root);

	if (ret < 0)
		return ret;
	if (!root->path)
		return rf_err_at(r->err, &v->place, EINVAL, "the root needs 'dir' or 'image'");
	if (root->writable && root->kind == RF_ROOT_IMAGE)
		return rf_err_at(r->err, &v->place, EINVAL, "an image is never writable");
	return 0;
}

int rf_read_root(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	static const struct rf_word words[] = {
		{ "empty", RF_ROOT_EMPTY }, { "host", RF_ROOT_HOST }, { NULL, 0 }
	};
	struct rf_sandbox *sb = obj;
	struct rf_root root = { .place = v->place };
	int kind, ret;

	if (v->kind == RF_NODE_MAP) {
		ret = read_root_map(r, v, &root);
	} else if (v->kind == RF_NODE_SCALAR && (strchr(v->text, '/') || v->text[0] == '.' ||
						 v->text[0] == '~')) {
		/* whether directory or image is seen when it is resolved */
		ret = root_path(r, v, &root, RF_ROOT_DIR);
	} else {
		ret = rf_value_word(r, v, words, &kind);
		if (!ret)
			root.kind = (enum rf_root_kind)kind;
		else if (v->kind == RF_NODE_SCALAR)
			rf_err_hint(r->err, "a path is written with its directory: ./%.64s", v->text);
	}
	if (ret < 0)
		return ret;
	sb->root = root;
	r->draft->has_root = true;
	return 0;
}
