/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The front end for OCI: a bundle's config.json (runtime-spec 1.0 to 1.3, Linux)
 * becomes a sandbox, by the same tree of nodes as a spec, so that each error has its
 * line, its column and its path in the file.
 *
 *	read	oci_read.c	maps and lists by tables of keys; scalars
 *	top	oci.c		the document, root, hostname, annotations
 *	process	oci_process.c	`process` but for
 *	schedule oci_schedule.c	when it runs, on what, and where its memory is
 *	label	oci_label.c	what security modules call it
 *	mount	oci_mount.c	`mounts`: types and options
 *	linux	oci_linux.c	`linux` but for what has a file of its own
 *	device	oci_device.c	`linux.devices`, and what /dev has anyhow
 *	limit	oci_resource.c	`linux.resources`, as values of control files
 *	access	oci_access.c	its `devices`: which may be used
 *	disk	oci_disk.c	its `blockIO`
 *	net	oci_net.c	`linux.netDevices`
 *	rdt	oci_rdt.c	`linux.intelRdt`
 *	seccomp	oci_seccomp.c	`linux.seccomp`
 *	hook	oci_hook.c	`hooks`
 *	fragment oci_fragment.c	the annotation that tightens a container
 *	tighten	oci_tighten.c	what that does to it
 *	resolve	oci_resolve.c	what the host has to say
 *	idmap	oci_idmap.c	id-mapped mounts, made before the container is
 *	view	oci_view.c	mounts of type cgroup
 *	group	oci_cgroup.c	control groups by their path
 *	hold	oci_limit.c	limits written into them
 *
 * Keys that the specification does not have are left alone, as it demands.  Those
 * that it has and this reader cannot honour are errors, unless they ask for nothing.
 */
#ifndef RF_OCI_CONFIG_H
#define RF_OCI_CONFIG_H

#include "cgroup_device.h"
#include "sandbox.h"

struct rf_err;
struct rf_features;

struct rf_oci_pair {
	const char	*key, *value;
};

/*
 * A value for a control file, on either version; a text of NULL: there is none there.
 * A file called "": the other version says it in another entry.
 */
struct rf_oci_limit {
	const char	*controller;	/* of version 1 */
	const char	*v1_file, *v2_file;
	const char	*v1_text, *v2_text;
	/* of version 2, where the kernel has no @v2_file; NULL: that is an error */
	const char	*v2_else_file, *v2_else_text;
	/* of version 2, where @v2_text is NULL: @v1_text without what this file says */
	const char	*v2_less;
	const char	*v2_usage;	/* the limit may not be below what this file says; NULL */
	const char	*path;		/* in the config.json */
	bool		 optional;	/* a kernel without the file has nothing to limit */
	struct rf_place	 place;
};

/* Of the devices that the container may use.  The first is for all of them. */
struct rf_oci_rule {
	struct rf_device_rule is;
	const char	*path;		/* in the config.json */
	struct rf_place	 place;
	bool		 usual;		/* not said, but what every container has */
};

/* A class of service in resctrl (rdt.h); without it, .on is false. */
struct rf_oci_rdt {
	bool		 on;
	const char	*clos;		/* NULL: called as the container */
	const char	*l3, *mb;	/* a line each, without its newline; NULL: not said */
	const char	*schemata;	/* whole lines; "": none */
	bool		 monitored, cmt, mbm;
	struct rf_place	 place;
};

enum rf_oci_stage {
	RF_OCI_PRESTART, RF_OCI_CREATE_RUNTIME, RF_OCI_CREATE_CONTAINER, RF_OCI_START_CONTAINER,
	RF_OCI_POSTSTART, RF_OCI_POSTSTOP, RF_OCI_STAGES
};
extern const char *const rf_oci_stage_names[RF_OCI_STAGES];

struct rf_oci_hook {
	enum rf_oci_stage stage;
	const char	*path;
	char		**args, **env;	/* NULL: the path alone, an empty one */
	int		 timeout_ms;	/* -1: none */
	const char	*where;		/* "hooks.prestart[0]" */
	struct rf_place	 place;
};

struct rf_oci_config {
	const char	*version;	/* ociVersion */
	struct rf_oci_pair *annotations;
	size_t		 nr_annotations;
	const char	*root;		/* as written */
	bool		 has_root, has_process, terminal;
	unsigned int	 rows, cols;	/* consoleSize */
	const char	*cgroups_path;
	struct rf_place	 cgroups_place, root_place;
	struct rf_oci_limit *limits;
	size_t		 nr_limits, max_limits;
	struct rf_oci_rule *rules;
	size_t		 nr_rules, max_rules;	/* 0: any device */
	const char	*seccomp;	/* as JSON, without the two that follow */
	const char	*listener;	/* `listenerPath`; NULL: none */
	const char	*listener_metadata;
	struct rf_place	 listener_place;
	struct rf_place	 seccomp_place;
	struct rf_oci_hook *hooks;
	size_t		 nr_hooks, max_hooks;
	const char	*hooks_json;	/* all of them; NULL: none */
	const char	*unknown_caps;	/* names of capabilities that nobody knows; NULL: none */
	struct rf_oci_rdt rdt;
	const char	*fragment;	/* the annotation RF_OCI_FRAGMENT; NULL: none */
	struct rf_place	 fragment_place;
	size_t		 max_mounts, max_remounts, max_masked, max_readonly, max_sysctls;
};

/* Read @text, which errors call @name.  0, or a negative errno with @err. */
int rf_oci_parse(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
		 struct rf_oci_config *c, struct rf_err *err);
/* The path of file @name in the directory @bundle; NULL: config.json.  NULL: no memory. */
const char *rf_oci_config_path(struct rf_sandbox *sb, const char *bundle, const char *name);
/* Read it; *@ret_text, unless that is NULL, is what it says, malloc'd. */
int rf_oci_load(const char *bundle, const char *name, struct rf_sandbox *sb, struct rf_oci_config *c,
		char **ret_text, struct rf_err *err);
/* A process alone, for `exec`. */
int rf_oci_parse_process(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
			 struct rf_oci_config *c, struct rf_err *err);
int rf_oci_load_process(const char *file, struct rf_sandbox *sb, struct rf_oci_config *c,
			struct rf_err *err);

/* `hooks` alone, as it was kept in c->hooks_json; errors call it @name. */
int rf_oci_parse_hooks(const char *name, const char *text, struct rf_sandbox *sb,
		       struct rf_oci_config *c, struct rf_err *err);

/* `linux.resources` alone, for `update`. */
int rf_oci_parse_resources(const char *name, const char *text, size_t len, struct rf_sandbox *sb,
			   struct rf_oci_config *c, struct rf_err *err);

/*
 * An annotation may hold a fragment of a spec.  A config.json is its engine's, who is
 * trusted; an annotation in it may be that of whoever asked the engine for a container.
 * So it only takes away: what could give anything is refused by name, and it is never the
 * name of a file.
 */
#define RF_OCI_FRAGMENT "ringfence.spec"

/*
 * Read it; errors call it @name.  *ret holds what of a sandbox it can say: capabilities,
 * no_new_privs, seccomp, landlock, limits, require, and places to mask.
 * 0, or a negative errno with the place; rf_sandbox_free() in any case.
 */
int rf_oci_fragment_parse(const char *name, const char *text, size_t len,
			  struct rf_sandbox **ret, struct rf_err *err);

/* oci_rdt.c: is @text no schema of @resource ("MB:"; NULL: any)?  Why; NULL: it is one. */
const char *rf_oci_schema_wrong(const char *text, const char *resource);

/* Flags */
#define RF_OCI_ENTERS	(1U << 0)	/* one more process: it has the stricter of both */
#define RF_OCI_PURE	(1U << 1)	/* do not look at the host */
#define RF_OCI_PRINT	(1U << 2)	/* rf_oci_resolve(): open nothing, it is to be printed */

/*
 * Have @sb and @c no more than the fragment @text, of @place, lets them.  Without
 * RF_OCI_ENTERS a fragment that would allow more than the container has is an error.
 */
int rf_oci_tighten(struct rf_sandbox *sb, struct rf_oci_config *c, const char *text,
		   const struct rf_place *place, unsigned int flags, struct rf_err *err);
/* May groups have @c's limits, of an update, in spite of the fragment @text? */
int rf_oci_check_update(const struct rf_oci_config *c, const char *text, struct rf_err *err);

/*
 * Without what the caller has not to give: runtime-spec wants less power than asked for
 * to be a warning.  What was left out; NULL: nothing, or no memory to say it.
 */
const char *rf_oci_grant(struct rf_sandbox *sb, const struct rf_oci_config *c,
			 const struct rf_features *f);

struct rf_oci_groups;
/*
 * What takes a look at the host: sources, devices, the filter.  @bundle is absolute;
 * @groups are what mounts of type cgroup show.  rf_sandbox_unprepare() once submitted.
 */
int rf_oci_resolve(struct rf_sandbox *sb, struct rf_oci_config *c, const struct rf_features *f,
		   const char *bundle, const struct rf_oci_groups *groups, unsigned int flags,
		   struct rf_err *err);

/* ----------------------------------------------------------- control groups */

#define RF_OCI_TREES	RF_CG_HIERARCHIES

struct rf_oci_group {
	char		*mount;		/* where the hierarchy is mounted */
	char		*name;		/* "cpu,cpuacct"; empty: version 2 */
	char		*own;		/* directory of the caller's group */
	char		*dir;		/* of the container's; NULL: none */
	bool		 v2;
};

struct rf_oci_groups {
	struct rf_oci_group trees[RF_OCI_TREES];
	size_t		 nr;
	bool		 unified;	/* version 2 alone: that tree counts; else it does not */
	bool		 by_systemd;	/* which makes what of version 2 there is */
};

/* From the text of /proc/self/mountinfo and /proc/self/cgroup; 0 or -ENOMEM. */
int rf_oci_groups_parse(struct rf_oci_groups *g, const char *mountinfo, const char *self);
int rf_oci_groups_read(struct rf_oci_groups *g, struct rf_err *err);
void rf_oci_groups_done(struct rf_oci_groups *g);
/* Is @controller ("cpu") one of those of a hierarchy called @name ("cpu,cpuacct")? */
bool rf_oci_names_controller(const char *name, const char *controller);
/*
 * Where the groups of a container whose name nobody knows would be, for @sb to be
 * printed: makes none.  With RF_OCI_PURE as on a system of version 2.
 */
int rf_oci_groups_print(struct rf_oci_groups *g, const struct rf_oci_config *c,
			struct rf_sandbox *sb, unsigned int flags, struct rf_err *err);
/*
 * Where the container's groups are going to be, at `cgroupsPath` or else @path.  One
 * that is there is taken if it has neither processes nor groups of its own.  On a system
 * of version 2 alone a path that is relative, or a user's that nobody has said, goes to
 * where the caller can have limits.
 */
int rf_oci_groups_plan(struct rf_oci_groups *g, const struct rf_oci_config *c, const char *path,
		       bool host_root, struct rf_err *err);
/* Where they are, if systemd has made the group @path, as it calls it. */
int rf_oci_groups_at(struct rf_oci_groups *g, const char *path, struct rf_err *err);
/*
 * Make them, and write the limits.  A caller who may make none gets none, if no limit
 * needs one.  After an error none is left.
 */
int rf_oci_groups_make(struct rf_oci_groups *g, const struct rf_oci_config *c, bool host_root,
		       struct rf_err *err);
/* What is limited there, for the receipt of @sb: 0 or -ENOMEM. */
int rf_oci_groups_tell(const struct rf_oci_groups *g, const struct rf_oci_config *c,
		       struct rf_sandbox *sb);
/*
 * Write @c's limits into groups that are there.  Rules for devices are for root of the
 * host alone: nobody else makes a device, or may use one that the host does not let him.
 */
int rf_oci_groups_limit(const struct rf_oci_groups *g, const struct rf_oci_config *c,
			bool host_root, struct rf_err *err);

/* ----------------------------------------------- between the reader's modules */

struct rf_node;
struct rf_reader;
struct rf_oci_reader;
typedef int (*rf_oci_read)(struct rf_oci_reader *o, const struct rf_node *v, void *obj);

/* A key of an object.  @refused: why it cannot be honoured. */
struct rf_oci_key {
	const char	*name;		/* NULL ends a table */
	rf_oci_read	 read;
	const char	*refused;
	size_t		 offset;	/* of what @read gets, in the object */
};

struct rf_oci_reader {
	struct rf_reader *r;
	struct rf_sandbox *sb;
	struct rf_oci_config *c;
	struct rf_err	*err;
	bool		 updates;	/* what is not said stays as it is */
	char		 path[512];	/* of the value that is read */
	size_t		 len;
};

int rf_oci_fail(struct rf_oci_reader *o, const struct rf_node *v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int rf_oci_no_memory(struct rf_oci_reader *o);
/* An object by its table; a list, one call for each element. */
int rf_oci_map(struct rf_oci_reader *o, const struct rf_node *v, const struct rf_oci_key *keys,
	       void *obj);
int rf_oci_list(struct rf_oci_reader *o, const struct rf_node *v, rf_oci_read read, void *obj);
/* Has it @key, with a value? */
bool rf_oci_has(const struct rf_node *map, const char *key);
/* An object of any keys, all of whose values are strings. */
int rf_oci_pairs(struct rf_oci_reader *o, const struct rf_node *v,
		 int (*take)(struct rf_oci_reader *o, const char *key, const char *value,
			     const struct rf_node *node, void *obj), void *obj);
/* The same, whatever the values are. */
int rf_oci_each(struct rf_oci_reader *o, const struct rf_node *v,
		int (*take)(struct rf_oci_reader *o, const char *key, const struct rf_node *value,
			    void *obj), void *obj);
/* Ranges of ids; without any, *ret_nr is 0. */
int rf_oci_ranges(struct rf_oci_reader *o, const struct rf_node *v, struct rf_idrange **ret,
		  size_t *ret_nr);
/* Scalars; @obj is what the name says. */
int rf_oci_text(struct rf_oci_reader *o, const struct rf_node *v, void *const_char_ptr);
int rf_oci_bool(struct rf_oci_reader *o, const struct rf_node *v, void *bool_ptr);
int rf_oci_int(struct rf_oci_reader *o, const struct rf_node *v, int64_t min, int64_t max,
	       int64_t *ret);
int rf_oci_uint(struct rf_oci_reader *o, const struct rf_node *v, uint64_t max, uint64_t *ret);
int rf_oci_id(struct rf_oci_reader *o, const struct rf_node *v, void *uint32_ptr);
/* An absolute path without ".." */
int rf_oci_inside(struct rf_oci_reader *o, const struct rf_node *v, const char **ret);
/* One of the words that @words, whose last has no name, has a value for. */
struct rf_word;
int rf_oci_word(struct rf_oci_reader *o, const struct rf_node *v, const struct rf_word *words,
		int *ret);
/* A list of strings. */
int rf_oci_texts(struct rf_oci_reader *o, const struct rf_node *v, char ***ret, size_t *ret_nr);
/* @v as JSON again, in the arena of @sb; NULL: no memory. */
char *rf_oci_json(struct rf_sandbox *sb, const struct rf_node *v);
bool rf_oci_is_null(const struct rf_node *v);

int rf_oci_read_process(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_mounts(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_linux(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_devices(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_resources(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_rules(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_block_io(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
/* A fresh entry of c->limits; its texts are the caller's to fill.  NULL: no memory. */
struct rf_oci_limit *rf_oci_limit_add(struct rf_oci_reader *o, const struct rf_place *place,
				      const char *controller, const char *v1, const char *v2);
int rf_oci_read_rdt(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_net_devices(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
/* oci_schedule.c */
int rf_oci_read_scheduler(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_io_priority(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_exec_affinity(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_memory_policy(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
/* oci_label.c: @obj is a struct rf_label. */
int rf_oci_read_label(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_hooks(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
int rf_oci_read_seccomp(struct rf_oci_reader *o, const struct rf_node *v, void *obj);
/* A fresh entry of sb->mounts, or NULL without memory. */
struct rf_mount *rf_oci_mount_add(struct rf_sandbox *sb, struct rf_oci_config *c);
/* oci_device.c: nodes and links that every container has, unless /dev is the host's. */
int rf_oci_default_devices(struct rf_sandbox *sb, struct rf_oci_config *c,
			   const struct rf_features *f);
/* oci_idmap.c: sb->mounts that are id-mapped, as descriptors, or what stands for one. */
int rf_oci_resolve_idmaps(struct rf_sandbox *sb, const struct rf_features *f, bool print,
			  struct rf_err *err);
/* oci_view.c: entry @i, of type cgroup, becomes what shows the container its groups. */
int rf_oci_resolve_view(struct rf_sandbox *sb, struct rf_oci_config *c, size_t i,
			const struct rf_oci_groups *g, struct rf_err *err);
/* oci_resolve.c: a copy of the tree at @path, attached nowhere; or -errno. */
int rf_oci_take_tree(const char *path, unsigned int flags);
/* oci_schedule.c: words of `memoryPolicy`, for `features`; NULL: no more. */
const char *rf_oci_memory_mode(size_t index);
const char *rf_oci_memory_flag(size_t index);
/* oci_label.c: is there any; what is mounted gets `mountLabel`. */
bool rf_oci_has_labels(const struct rf_sandbox *sb);
int rf_oci_label_mounts(struct rf_sandbox *sb, struct rf_err *err);
/* May a label be @text?  Else why not. */
const char *rf_oci_label_wrong(const char *text);
/* oci_mount.c: the options that it knows by themselves, for `features`; NULL ends. */
const char *const *rf_oci_mount_options(void);
/* oci_resolve.c: where `process.terminal` is true; a size that @sb has is left as it is. */
void rf_oci_resolve_terminal(struct rf_sandbox *sb, const struct rf_oci_config *c);
/* oci_seccomp.c */
int rf_oci_resolve_seccomp(struct rf_sandbox *sb, const struct rf_oci_config *c,
			   struct rf_err *err);

#endif
