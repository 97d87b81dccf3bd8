/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `mounts`: a type, a source, and options, of which some are attributes of the mount,
 * some of the mounts below it, some of its propagation, and the rest the file system's.
 *
 * The order of the list is that of the paths here, parents first, and of several for one
 * place the last counts: whatever an engine lists, it sees what it expects.
 */
#include "oci_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "error.h"
#include "spec.h"

/* What an option is. */
enum option_kind {
	SETS = 0,	/* attribute bits, or clears them */
	PROPAGATES,
	BINDS,
	COPIES,		/* what it covers is copied into it */
	LINKS,		/* what is done with a link: RF_MF_* */
	MAPS,		/* its ids are mapped */
	REMOUNTS,	/* what is mounted there already is changed */
	NOTHING,	/* the default, or a word that older kernels had */
	SUPERBLOCK,	/* a flag of the file system's */
	REFUSED,
};

struct option {
	const char	*name;
	enum option_kind kind;
	bool		 deep;		/* of the whole tree */
	uint64_t	 set, clear;
	enum rf_propagation propagation;
	unsigned int	 flag;
	const char	*why;		/* REFUSED */
	const char	*as;		/* SUPERBLOCK: what a file system calls it; NULL: the same */
};

/* An attribute, its opposite, and both for the whole tree. */
#define FLAG(on, off, bit) \
	{ .name = on, .set = bit }, { .name = off, .clear = bit }, \
	{ .name = "r" on, .deep = true, .set = bit }, { .name = "r" off, .deep = true, .clear = bit }
#define TIMES(word, bit) \
	{ .name = word, .set = bit, .clear = MOUNT_ATTR__ATIME }, \
	{ .name = "r" word, .deep = true, .set = bit, .clear = MOUNT_ATTR__ATIME }
#define PROPAGATION(word, how) \
	{ .name = word, .kind = PROPAGATES, .propagation = how }, \
	{ .name = "r" word, .kind = PROPAGATES, .deep = true, .propagation = how }

static const struct option options[] = {
	FLAG("ro", "rw", MOUNT_ATTR_RDONLY), FLAG("nosuid", "suid", MOUNT_ATTR_NOSUID),
	FLAG("nodev", "dev", MOUNT_ATTR_NODEV), FLAG("noexec", "exec", MOUNT_ATTR_NOEXEC),
	FLAG("nodiratime", "diratime", MOUNT_ATTR_NODIRATIME),
	FLAG("nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	TIMES("noatime", MOUNT_ATTR_NOATIME), TIMES("strictatime", MOUNT_ATTR_STRICTATIME),
	TIMES("relatime", 0), TIMES("atime", 0), TIMES("norelatime", 0), TIMES("nostrictatime", 0),
	PROPAGATION("private", RF_PROP_PRIVATE), PROPAGATION("slave", RF_PROP_SLAVE),
	PROPAGATION("shared", RF_PROP_SHARED), PROPAGATION("unbindable", RF_PROP_UNBINDABLE),
	{ .name = "bind", .kind = BINDS }, { .name = "rbind", .kind = BINDS, .deep = true },
	{ .name = "defaults", .kind = NOTHING }, { .name = "async", .kind = NOTHING },
	{ .name = "loud", .kind = NOTHING }, { .name = "nomand", .kind = NOTHING },
	{ .name = "noiversion", .kind = NOTHING }, { .name = "nolazytime", .kind = NOTHING },
	{ .name = "silent", .kind = NOTHING }, { .name = "rasync", .kind = NOTHING },
	{ .name = "rnomand", .kind = NOTHING },
	{ .name = "sync", .kind = SUPERBLOCK }, { .name = "dirsync", .kind = SUPERBLOCK },
	{ .name = "lazytime", .kind = SUPERBLOCK }, { .name = "mand", .kind = SUPERBLOCK },
	/* one that is new has nothing below */
	{ .name = "rsync", .kind = SUPERBLOCK, .as = "sync" },
	{ .name = "rdirsync", .kind = SUPERBLOCK, .as = "dirsync" },
	{ .name = "rmand", .kind = SUPERBLOCK, .as = "mand" },
	{ .name = "tmpcopyup", .kind = COPIES },
	{ .name = "copy-symlink", .kind = LINKS, .flag = RF_MF_COPY_LINK },
	{ .name = "src-nofollow", .kind = LINKS, .flag = RF_MF_SOURCE_LINK },
	{ .name = "dest-nofollow", .kind = LINKS, .flag = RF_MF_AT_LINK },
	{ .name = "idmap", .kind = MAPS }, { .name = "ridmap", .kind = MAPS, .deep = true },
	{ .name = "remount", .kind = REMOUNTS },
	{ .name = "iversion", .kind = REFUSED, .why = "a file system decides that by itself" },
	{ .name = NULL }
};

const char *const *rf_oci_mount_options(void)
{
	static const char *names[sizeof(options) / sizeof(*options)];
	size_t nr = 0;

	for (const struct option *opt = options; opt->name; opt++)
		if (opt->kind != REFUSED)
			names[nr++] = opt->name;
	return names;
}

struct rf_mount *rf_oci_mount_add(struct rf_sandbox *sb, struct rf_oci_config *c)
{
	struct rf_mount *m;

	if (!rf_sandbox_grow(sb, &sb->mounts, sb->nr_mounts, &c->max_mounts, sizeof(*sb->mounts)))
		return NULL;
	m = &sb->mounts[sb->nr_mounts++];
	*m = (struct rf_mount){ .source_fd = -1, .mode = -1, .uid = -1, .gid = -1,
				.flags = RF_MF_CREATE | RF_MF_NONREC };
	return m;
}

/* ------------------------------------------------------------------- options */

/* What the reader of one entry keeps until it has seen all of it. */
struct entry {
	struct rf_mount	 m;
	const char	*type, *source;
	const char	**rest;		/* pairs for the file system */
	size_t		 nr_rest;
	const struct rf_node *rest_node;
	struct rf_idrange *uids, *gids;
	size_t		 nr_uids, nr_gids;
	bool		 binds, remounts;
};

/* What is about the source or the place of a bind. */
#define ABOUT_LINKS (RF_MF_COPY_LINK | RF_MF_SOURCE_LINK | RF_MF_AT_LINK)

static void set_bits(struct rf_mount_attr *a, const struct option *opt)
{
	a->clear = (a->clear | opt->clear) & ~opt->set;
	a->set = (a->set & ~opt->clear) | opt->set;
}

static void apply(struct entry *e, const struct option *opt)
{
	switch (opt->kind) {
	case SETS:
		set_bits(opt->deep ? &e->m.deep : &e->m.attr, opt);
		break;
	case PROPAGATES:
		e->m.has_propagation = true;
		e->m.propagates_deep = opt->deep;
		e->m.propagation = opt->propagation;
		break;
	case BINDS:
		e->binds = true;
		if (opt->deep)
			e->m.flags &= ~RF_MF_NONREC;
		break;
	case COPIES:
		e->m.flags |= RF_MF_COPY_UP;
		break;
	case LINKS:
		e->m.flags |= opt->flag;
		break;
	case REMOUNTS:
		e->remounts = true;
		break;
	case MAPS:
		e->m.flags |= RF_MF_IDMAP | (opt->deep ? RF_MF_IDMAP_DEEP : 0);
		break;
	case NOTHING: case SUPERBLOCK: case REFUSED:
		break;
	}
}

/* NAME or NAME=VALUE, as the file system takes it. */
static int add_rest(struct rf_oci_reader *o, const struct rf_node *v, struct entry *e,
		    const char *text)
{
	const char *equals = strchr(text, '=');
	char *name = rf_sandbox_strdup(o->sb, text);

	if (!name)
		return rf_oci_no_memory(o);
	if (equals)
		name[equals - text] = '\0';
	if (!*name)
		return rf_oci_fail(o, v, "an empty option");
	e->rest[2 * e->nr_rest] = name;
	e->rest[2 * e->nr_rest + 1] = equals ? equals + 1 : "";
	e->nr_rest++;
	e->rest_node = v;
	return 0;
}

static int read_option(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const struct option *opt = options;
	struct entry *e = obj;
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	if (r < 0)
		return r;
	while (opt->name && strcmp(opt->name, text) != 0)
		opt++;
	if (!opt->name || opt->kind == SUPERBLOCK)
		return add_rest(o, v, e, opt->as ? opt->as : text);
	if (opt->kind == REFUSED)
		return rf_oci_fail(o, v, "'%s': %s", text, opt->why);
	apply(e, opt);
	return 0;
}

static int read_options(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct entry *e = obj;

	e->rest = rf_sandbox_alloc(o->sb, (2 * v->nr + 2) * sizeof(*e->rest));
	return e->rest ? rf_oci_list(o, v, read_option, e) : rf_oci_no_memory(o);
}

static int read_destination(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct entry *e = obj;
	const char *text = NULL;
	int r = rf_oci_text(o, v, &text);

	e->m.at_place = v->place;
	/* runtime-spec: it should be absolute; older engines leave the slash out */
	if (r == 0 && *text && *text != '/') {
		struct rf_node absolute = *v;

		absolute.text = rf_sandbox_printf(o->sb, "/%s", text);
		return absolute.text ? rf_oci_inside(o, &absolute, &e->m.at) : rf_oci_no_memory(o);
	}
	return r < 0 ? r : rf_oci_inside(o, v, &e->m.at);
}

static int read_uids(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct entry *e = obj;

	return rf_oci_ranges(o, v, &e->uids, &e->nr_uids);
}

static int read_gids(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	struct entry *e = obj;

	return rf_oci_ranges(o, v, &e->gids, &e->nr_gids);
}

/* ------------------------------------------------------------------- entries */

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

/* As the kernel reads it. */
static const char *map_text(struct rf_sandbox *sb, const struct rf_idrange *ranges, size_t nr)
{
	const char *text = "";

	for (size_t i = 0; text && i < nr; i++)
		text = rf_sandbox_printf(sb, "%s%u %u %u\n", text, ranges[i].inside,
					 ranges[i].outside, ranges[i].count);
	return text;
}

/* Mappings mean that it is mapped; without any they are the container's. */
static int finish_maps(struct rf_oci_reader *o, const struct rf_node *v, struct entry *e)
{
	if (!e->nr_uids != !e->nr_gids)
		return rf_oci_fail(o, v, "`uidMappings` and `gidMappings` come together");
	if (!e->nr_uids)
		return 0;
	e->m.flags |= RF_MF_IDMAP;
	e->m.uid_map = map_text(o->sb, e->uids, e->nr_uids);
	e->m.gid_map = map_text(o->sb, e->gids, e->nr_gids);
	return e->m.uid_map && e->m.gid_map ? 0 : rf_oci_no_memory(o);
}

static int finish_bind(struct rf_oci_reader *o, const struct rf_node *v, struct entry *e)
{
	if (e->m.flags & RF_MF_COPY_UP)
		return rf_oci_fail(o, v, "nothing is copied into a bind (tmpcopyup)");
	if (e->nr_rest)
		return rf_oci_fail(o, e->rest_node, "a bind has no option '%.40s'",
				   e->rest[2 * (e->nr_rest - 1)]);
	if (!e->source || !*e->source)
		return rf_oci_fail(o, v, "a bind needs a `source`");
	if (e->m.flags & RF_MF_COPY_LINK && e->m.flags & (RF_MF_SOURCE_LINK | RF_MF_AT_LINK))
		return rf_oci_fail(o, v, "copy-symlink goes with neither src-nofollow nor dest-nofollow");
	e->m.kind = RF_MOUNT_BIND;
	e->m.source = e->source;
	return finish_maps(o, v, e);
}

/* The file system that the list has mounted at @at so far; NULL: none. */
static struct rf_mount *mounted_at(struct rf_sandbox *sb, const char *at)
{
	struct rf_mount *found = NULL;

	for (size_t i = 0; i < sb->nr_mounts; i++)
		if (sb->mounts[i].at && !strcmp(sb->mounts[i].at, at))
			found = &sb->mounts[i];
	return found && found->kind == RF_MOUNT_FS ? found : NULL;
}

/* Those of @e behind its own: of two that say different things the last counts. */
static int add_options(struct rf_oci_reader *o, struct rf_mount *m, const struct entry *e)
{
	const size_t size = 2 * sizeof(*m->options);
	const char **all = rf_sandbox_alloc(o->sb, (m->nr_options + e->nr_rest + 1) * size);

	if (!all)
		return rf_oci_no_memory(o);
	if (m->nr_options)
		memcpy(all, m->options, m->nr_options * size);
	if (e->nr_rest)
		memcpy(all + 2 * m->nr_options, e->rest, e->nr_rest * size);
	m->options = all;
	m->nr_options += e->nr_rest;
	return 0;
}

/*
 * As of mount(2): with `bind` it is about a mount, else about a file system, and then that
 * has to be the container's.  What is not said stays as it is.
 */
static int finish_remount(struct rf_oci_reader *o, const struct rf_node *v, struct entry *e)
{
	struct rf_oci_sandbox *s = &o->sb->oci;
	struct rf_mount *m;
	int r = 0;

	e->binds |= e->type && !strcmp(e->type, "bind");
	e->m.kind = RF_MOUNT_BIND;
	if (!strcmp(e->m.at, "/"))
		return rf_oci_fail(o, v, "remount: what '/' is, `root` says");
	if (e->nr_uids || e->nr_gids || e->m.flags & (RF_MF_IDMAP | RF_MF_COPY_UP | ABOUT_LINKS))
		return rf_oci_fail(o, v, "remount changes attributes, and nothing that comes with a new mount");
	if (e->binds && e->nr_rest)
		return rf_oci_fail(o, e->rest_node, "a bind has no option '%.40s'",
				   e->rest[2 * (e->nr_rest - 1)]);
	if (!e->binds) {
		m = mounted_at(o->sb, e->m.at);
		if (!m)
			return rf_oci_fail(o, v, "remount: no file system of this list is at %.200s; with "
					   "`bind` it is about what is mounted there", e->m.at);
		r = add_options(o, m, e);
	}
	if (r == 0 && !rf_sandbox_grow(o->sb, &s->remounts, s->nr_remounts, &o->c->max_remounts,
				       sizeof(*s->remounts)))
		r = rf_oci_no_memory(o);
	if (r == 0)
		s->remounts[s->nr_remounts++] = e->m;
	return r;
}

static int finish(struct rf_oci_reader *o, const struct rf_node *v, struct entry *e)
{
	if (!e->m.at)
		return rf_oci_fail(o, v, "no `destination`");
	if (e->remounts)
		return finish_remount(o, v, e);
	if (e->binds || (e->type && !strcmp(e->type, "bind")))
		return finish_bind(o, v, e);
	if (!e->type || !*e->type)
		return rf_oci_fail(o, v, "neither a `type` nor a bind");
	if (e->nr_uids || e->nr_gids || e->m.flags & (RF_MF_IDMAP | ABOUT_LINKS))
		return rf_oci_fail(o, v, "%s is for binds", e->m.flags & RF_MF_COPY_LINK ? "copy-symlink" :
				   e->m.flags & RF_MF_SOURCE_LINK ? "src-nofollow" :
				   e->m.flags & RF_MF_AT_LINK ? "dest-nofollow" : "mapping ids");
	if (is_one_of(e->type, "cgroup", "cgroup2")) {
		e->m.kind = RF_MOUNT_CGROUP;
		e->m.fstype = e->type;
		return 0;
	}
	e->m.kind = RF_MOUNT_FS;
	e->m.fstype = e->type;
	if (e->m.flags & RF_MF_COPY_UP && strcmp(e->type, "tmpfs") != 0)
		return rf_oci_fail(o, v, "only a tmpfs can be copied into (tmpcopyup)");
	/* virtual file systems are called by their own name in /proc/mounts */
	if (e->source && *e->source && !e->rest)
		e->rest = rf_sandbox_alloc(o->sb, 2 * sizeof(*e->rest));
	if (e->source && *e->source) {
		if (!e->rest)
			return rf_oci_no_memory(o);
		e->rest[2 * e->nr_rest] = "source";
		e->rest[2 * e->nr_rest + 1] = e->source;
		e->nr_rest++;
	}
	e->m.options = e->rest;
	e->m.nr_options = e->nr_rest;
	return 0;
}

/* They were about what @at has been until now. */
static void forget_remounts(struct rf_oci_sandbox *s, const char *at)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_remounts; i++)
		if (strcmp(s->remounts[i].at, at) != 0)
			s->remounts[nr++] = s->remounts[i];
	s->nr_remounts = nr;
}

static int add_mount(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	static const struct rf_oci_key keys[] = {
		{ .name = "destination", .read = read_destination },
		{ .name = "type", .read = rf_oci_text, .offset = offsetof(struct entry, type) },
		{ .name = "source", .read = rf_oci_text, .offset = offsetof(struct entry, source) },
		{ .name = "options", .read = read_options },
		{ .name = "uidMappings", .read = read_uids },
		{ .name = "gidMappings", .read = read_gids },
		{ .name = NULL }
	};
	struct rf_mount *m = rf_oci_mount_add(o->sb, o->c);
	struct entry e;
	int r;

	(void)obj;
	if (!m)
		return rf_oci_no_memory(o);
	e = (struct entry){ .m = *m };
	e.m.place = e.m.at_place = v->place;
	r = rf_oci_map(o, v, keys, &e);
	/* it is looked for among those before */
	m->at = NULL;
	if (r == 0)
		r = finish(o, v, &e);
	*m = e.m;
	if (r == 0 && e.remounts)
		o->sb->nr_mounts--;
	else if (r == 0)
		forget_remounts(&o->sb->oci, m->at);
	return r;
}

struct covering {
	const char	*at;
	size_t		 index;
};

static int compare_covering(const void *a, const void *b)
{
	const struct covering *x = a, *y = b;
	int r = strcmp(x->at, y->at);

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

/*
 * Of several for one place the last is what is seen: containerd lists the memory that a
 * pod shares after the container's own.
 */
static int drop_covered(struct rf_oci_reader *o, size_t first)
{
	struct rf_sandbox *sb = o->sb;
	const size_t nr = sb->nr_mounts;
	struct covering *list = calloc(nr - first + 1, sizeof(*list));

	if (!list)
		return rf_oci_no_memory(o);
	for (size_t i = first; i < nr; i++)
		list[i - first] = (struct covering){ sb->mounts[i].at, i };
	qsort(list, nr - first, sizeof(*list), compare_covering);
	for (size_t i = 1; i < nr - first; i++)
		if (!strcmp(list[i - 1].at, list[i].at))
			sb->mounts[list[i - 1].index].at = NULL;
	free(list);
	sb->nr_mounts = first;
	for (size_t i = first; i < nr; i++)
		if (sb->mounts[i].at)
			sb->mounts[sb->nr_mounts++] = sb->mounts[i];
	return 0;
}

int rf_oci_read_mounts(struct rf_oci_reader *o, const struct rf_node *v, void *obj)
{
	const size_t first = o->sb->nr_mounts;
	int r = rf_oci_list(o, v, add_mount, obj);

	return r < 0 ? r : drop_covered(o, first);
}
