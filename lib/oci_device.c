/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices: those of `linux.devices`, those that every container has, and the links
 * that belong to them.
 *
 * Root of the host makes nodes.  In a user namespace the kernel lets nobody make one:
 * there the host's node of the same path is bound.
 */
#include "oci_config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "error.h"
#include "probe.h"
#include "spec.h"

struct device {
	const char	*type, *path;
	uint64_t	 major, minor, mode;
	uint32_t	 uid, gid;
};

static int read_number(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_uint(o, v, (1U << 20) - 1, obj);
}

static int read_mode(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	/* engines copy st_mode, with the type in it */
	int r = rf_oci_uint(o, v, UINT32_MAX, obj);

	*(uint64_t *)obj &= 07777;
	return r;
}

static int read_path(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_inside(o, v, obj);
}

/* S_IFMT of a type's letter; 0: there is none. */
static unsigned int type_bits(const char *type)
{
	static const struct { const char *letter; unsigned int bits; } types[] = {
		{ "c", S_IFCHR }, { "u", S_IFCHR }, { "b", S_IFBLK }, { "p", S_IFIFO },
	};

	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i].letter))
			return types[i].bits;
	return 0;
}

static int add_device(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
#define FIELD(field) offsetof(struct device, field)
	static const struct rf_oci_key keys[] = {
		{ .name = "type", .read = rf_oci_text, .offset = FIELD(type) },
		{ .name = "path", .read = read_path, .offset = FIELD(path) },
		{ .name = "major", .read = read_number, .offset = FIELD(major) },
		{ .name = "minor", .read = read_number, .offset = FIELD(minor) },
		{ .name = "fileMode", .read = read_mode, .offset = FIELD(mode) },
		{ .name = "uid", .read = rf_oci_id, .offset = FIELD(uid) },
		{ .name = "gid", .read = rf_oci_id, .offset = FIELD(gid) },
		{ .name = NULL }
	};
#undef FIELD
	struct device d = { .mode = 0666 };
	int r = rf_oci_map(o, v, keys, &d);
	struct rf_mount *m;

	(void)obj;
	if (r < 0)
		return r;
	if (!type_bits(d.type))
		return rf_oci_fail(o, v, "no device of type '%.10s'", d.type ? d.type : "");
	if (!d.path || !d.path[1])
		return rf_oci_fail(o, v, "no `path`");
	m = rf_oci_mount_add(o->sb, o->c);
	if (!m)
		return rf_oci_no_memory(o);
	m->kind = RF_MOUNT_NODE;
	m->at = d.path;
	m->mode = (int)(d.mode | type_bits(d.type));
	m->dev = makedev(d.major, d.minor);
	m->uid = (int)d.uid;
	m->gid = (int)d.gid;
	m->flags |= RF_MF_REPLACE;
	m->place = m->at_place = v->place;
	return 0;
}

int rf_oci_read_devices(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	return rf_oci_list(o, v, add_device, obj);
}

/* ----------------------------------------------------------- what is always there */

static struct rf_mount *at(const struct rf_sandbox *sb, const char *path)
{
	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (!strcmp(sb->mounts[i].at, path))
			return &sb->mounts[i];
	return NULL;
}

static struct rf_mount *add_unless_there(struct rf_sandbox *sb, struct rf_oci_config *c,
					 enum rf_mount_kind kind, const char *path, bool *ret_there)
{
	struct rf_mount *m;

	*ret_there = at(sb, path);
	if (*ret_there)
		return NULL;
	m = rf_oci_mount_add(sb, c);
	if (!m)
		return NULL;
	m->kind = kind;
	m->at = path;
	m->flags |= RF_MF_REPLACE;
	return m;
}

static int add_nodes(struct rf_sandbox *sb, struct rf_oci_config *c)
{
	static const struct { const char *path; unsigned int minor, major; } nodes[] = {
		{ "/dev/null", 3, 1 }, { "/dev/zero", 5, 1 }, { "/dev/full", 7, 1 },
		{ "/dev/random", 8, 1 }, { "/dev/urandom", 9, 1 }, { "/dev/tty", 0, 5 },
	};

	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		bool there;
		struct rf_mount *m = add_unless_there(sb, c, RF_MOUNT_NODE, nodes[i].path, &there);

		if (!m && !there)
			return -ENOMEM;
		if (!m)
			continue;
		m->mode = S_IFCHR | 0666;
		m->dev = makedev(nodes[i].major, nodes[i].minor);
		m->uid = m->gid = 0;
	}
	return 0;
}

static int add_links(struct rf_sandbox *sb, struct rf_oci_config *c)
{
	static const struct { const char *path, *text; } links[] = {
		{ "/dev/fd", "/proc/self/fd" }, { "/dev/stdin", "/proc/self/fd/0" },
		{ "/dev/stdout", "/proc/self/fd/1" }, { "/dev/stderr", "/proc/self/fd/2" },
		{ "/dev/core", "/proc/kcore" }, { "/dev/ptmx", "pts/ptmx" },
	};

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		bool there;
		struct rf_mount *m = add_unless_there(sb, c, RF_MOUNT_SYMLINK, links[i].path, &there);

		if (!m && !there)
			return -ENOMEM;
		if (m)
			m->source = links[i].text;
	}
	return 0;
}

/* Of the host, so of the caller's devices, and nothing may be made in it. */
static bool dev_is_bound(const struct rf_sandbox *sb)
{
	const struct rf_mount *m = at(sb, "/dev");

	return m && m->kind == RF_MOUNT_BIND;
}

int rf_oci_default_devices(struct rf_sandbox *sb, struct rf_oci_config *c,
			   const struct rf_features *f)
{
	bool may_make = f->host_root && sb->ns[RF_NS_USER].mode == RF_NS_HOST;
	int r = 0;

	if (!dev_is_bound(sb)) {
		r = add_nodes(sb, c);
		if (r == 0)
			r = add_links(sb, c);
	}
	if (r < 0 || may_make)
		return r;
	for (size_t i = 0; i < sb->nr_mounts; i++) {
		struct rf_mount *m = &sb->mounts[i];

		/* a fifo is no device: anybody makes one */
		if (m->kind != RF_MOUNT_NODE || S_ISFIFO(m->mode))
			continue;
		m->source = m->at;
		m->flags |= RF_MF_IS_FILE;
		m->flags &= ~RF_MF_REPLACE;
	}
	return 0;
}
