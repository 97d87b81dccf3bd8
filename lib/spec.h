/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Front ends: spec files, presets and options become a sandbox.
 *
 *	sb = rf_sandbox_new();
 *	rf_spec_load("build.yaml", sb, &err);		   at most once
 *	rf_option_apply(opt, value, sb, &err);		   any number, in order
 *	rf_command_set(argc, argv, sb, &err);
 *	rf_sandbox_resolve(sb, &features, 0, &err);	   once
 *	rf_compile(sb, ...);
 *
 * Layers, the later of which wins: what `extends` names, the spec, options.
 * Without a spec the preset "default" is the lowest layer, unless --root or
 * --extends says what to start from.  Options wait until rf_sandbox_resolve(),
 * so that their place among --spec and others does not matter.
 *
 * A document becomes a tree of nodes, each with its place; tables of keys
 * (struct rf_key) say how nodes become fields.  An option becomes such a tree
 * too, so that it means what its key means.
 */
#ifndef RF_SPEC_H
#define RF_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "opt.h"
#include "sandbox.h"

struct rf_err;
struct rf_features;

/* Bounds on a document; beyond them it is refused. */
#define RF_SPEC_SIZE_MAX	(1U << 20)	/* bytes */
#define RF_SPEC_DEPTH_MAX	16		/* lists and maps in one another */
#define RF_SPEC_EXTENDS_MAX	16		/* files that extend one another */
#define RF_SPEC_LAYERS_MAX	64		/* files in all */

/*
 * Read @file ("-": standard input) as the spec of @sb.
 * Return: 0; -EINVAL with the place of what is wrong; -ENOENT, -EACCES, ...
 * if a file cannot be read; -EFBIG; -ENOMEM.
 */
int rf_spec_load(const char *file, struct rf_sandbox *sb, struct rf_err *err);

/* rf_spec_parse() flags */
#define RF_SPEC_NO_FILES	(1U << 0)	/* presets only in `extends`, numbers only for users */

/* The same for @text, which errors call @name. */
int rf_spec_parse(const char *name, const char *text, size_t len,
		  unsigned int flags, struct rf_sandbox *sb, struct rf_err *err);

/*
 * The text of @file, which is then for rf_spec_parse(), any number of times;
 * to be freed; a NUL follows it.
 */
int rf_spec_text(const char *file, char **ret_text, size_t *ret_len, struct rf_err *err);

/*
 * One document of many: @text, with @above lines above it in the file that errors
 * call @name.  A map is the spec of @sb, which must have none; a list is a command
 * for the sandbox that @sb and its options describe.
 */
int rf_job_parse(const char *name, unsigned int above, const char *text, size_t len,
		 unsigned int flags, struct rf_sandbox *sb, struct rf_err *err);

/*
 * Every key of a spec as an option, ended by a row without a name.
 */
extern const struct rf_opt rf_spec_options[];

/*
 * Take option @opt, a row of rf_spec_options[].  @value is its argument; for
 * one without argument NULL, and "false" for --no-NAME.
 * Return: 0, -EINVAL, -ENOMEM.  Some errors come from rf_sandbox_resolve().
 */
int rf_option_apply(const struct rf_opt *opt, const char *value,
		    struct rf_sandbox *sb, struct rf_err *err);

/* The command from the command line.  @argc 0 leaves the spec's in place. */
int rf_command_set(int argc, char *const argv[], struct rf_sandbox *sb,
		   struct rf_err *err);

/* rf_sandbox_resolve() flags */
#define RF_RESOLVE_PURE		(1U << 0)

/*
 * Apply the options and make everything in @sb final: `~`, relative paths,
 * users, environment, what sources are; then check what only the whole can
 * show (two entries for one place, no command, ...).
 *
 * With RF_RESOLVE_PURE the host is not looked at, for reproducible output:
 * `~` is /home/user, the working directory is /work, the environment has only
 * HOME and PATH, every source is a directory that exists.
 */
int rf_sandbox_resolve(struct rf_sandbox *sb, const struct rf_features *f,
		       unsigned int flags, struct rf_err *err);

/* Text of preset @name, or NULL.  By index: NULL ends. */
const char *rf_preset_text(const char *name);
const char *rf_preset_name(size_t index);

/* ------------------------------------------- between the readers' modules */

enum rf_node_kind { RF_NODE_SCALAR, RF_NODE_LIST, RF_NODE_MAP };

struct rf_node {
	enum rf_node_kind kind;
	bool		 plain;		/* SCALAR: not quoted */
	struct rf_place	 place;
	const char	*text;		/* SCALAR: without NUL bytes inside */
	struct rf_node	**items;	/* MAP: key, value, key, value, ... */
	size_t		 nr;		/* of items */
};

/* What readers need: where to put things and whose words they are reading. */
struct rf_reader {
	struct rf_sandbox *sb;
	struct rf_draft	*draft;
	struct rf_err	*err;
	unsigned int	 layer;		/* entries of one layer must not repeat */
	unsigned int	 flags;		/* RF_SPEC_* */
	bool		 append;	/* lists add to what is there */
};

enum rf_value_type {
	RF_VALUE_CUSTOM = 0,	/* .read */
	RF_VALUE_TEXT,		/* const char * */
	RF_VALUE_BOOL,		/* bool */
	RF_VALUE_FLAG,		/* true sets bit .max of an unsigned int, false clears it */
	RF_VALUE_INT,		/* int, .min ... .max */
	RF_VALUE_MODE,		/* int; octal */
	RF_VALUE_SIZE,		/* uint64_t bytes, at least .min */
	RF_VALUE_DURATION,	/* uint64_t milliseconds */
	RF_VALUE_OFFSET,	/* int64_t nanoseconds, may be negative */
	RF_VALUE_WORD,		/* an enum; .words */
};

struct rf_word {
	const char	*name;		/* NULL ends a list */
	int		 value;
};

/* How one key of a map is read. */
struct rf_key {
	const char	*name;		/* NULL ends a table */
	enum rf_value_type type;
	uint16_t	 offset;	/* of the field in the object */
	uint16_t	 place;		/* of its struct rf_place; 0: none */
	int64_t		 min, max;
	const struct rf_word *words;
	int		(*read)(struct rf_reader *r, const struct rf_node *v, void *obj);
	uint32_t	 only;		/* mounts: bit per kind that has the key */
};

/* A map as @keys say, into @obj.  @what is for errors: "in 'user'". */
int rf_read_map(struct rf_reader *r, const struct rf_node *map,
		const struct rf_key *keys, void *obj);
/* One value as @key says. */
int rf_read_key(struct rf_reader *r, const struct rf_key *key,
		const struct rf_node *v, void *obj);
/* The row for the key node @k, or NULL with the error set. */
const struct rf_key *rf_find_key(struct rf_reader *r, const struct rf_node *k,
				 const struct rf_key *keys);
/* Refuse what is not a @kind; and keys that a map has twice. */
int rf_need(struct rf_reader *r, const struct rf_node *v, enum rf_node_kind kind,
	    const char *what);
int rf_no_repeats(struct rf_reader *r, const struct rf_node *map);

/* spec_value.c: scalars */
int rf_value_text(struct rf_reader *r, const struct rf_node *v, const char **ret);
int rf_value_bool(struct rf_reader *r, const struct rf_node *v, bool *ret);
int rf_value_int(struct rf_reader *r, const struct rf_node *v,
		 int64_t min, int64_t max, int64_t *ret);
int rf_value_mode(struct rf_reader *r, const struct rf_node *v, int *ret);
int rf_value_size(struct rf_reader *r, const struct rf_node *v, uint64_t *ret);
int rf_value_duration(struct rf_reader *r, const struct rf_node *v, uint64_t *ret_ns);
int rf_value_word(struct rf_reader *r, const struct rf_node *v,
		  const struct rf_word *words, int *ret);
/* nearest.c: "; did you mean 'x'?" for the nearest of nr names @stride bytes apart, or "". */
const char *rf_nearest(const char *word, const void *names, size_t stride,
		       char buf[64]);

/* spec_yaml.c: a document as a tree; there are @above lines above @text in its file */
int rf_yaml_parse(struct rf_reader *r, const char *name, unsigned int above, const char *text,
		  size_t len, struct rf_node **ret_root);

/* spec_top.c: the keys of a document, without `extends`; a list that is a command */
int rf_spec_read(struct rf_reader *r, const struct rf_node *root);
int rf_read_argv(struct rf_reader *r, const struct rf_node *v, char ***ret_argv, size_t *ret_nr);

/* spec_load.c: what `extends: @v` does */
int rf_spec_extend(struct rf_reader *r, const struct rf_node *v);

/* A file that @from names: relative to the directory where @from is. NULL: no memory. */
char *rf_spec_beside(struct rf_reader *r, const char *from, const char *name);

/* spec_options.c: the options that wait; below them, if need be, "default" */
int rf_options_read(struct rf_sandbox *sb, struct rf_err *err);
/* spec_shape.c: the value of an option as the value of its key */
struct rf_node *rf_shape(struct rf_sandbox *sb, const struct rf_opt *opt,
			 const char *value, struct rf_err *err);
struct rf_node *rf_node_text(struct rf_sandbox *sb, const struct rf_place *place,
			     const char *text);
struct rf_node *rf_node_items(struct rf_sandbox *sb, const struct rf_place *place,
			      enum rf_node_kind kind, size_t max);

/* spec_<noun>.c: the readers of top keys */
extern const struct rf_key rf_mount_keys[];
int rf_read_mounts(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_root(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_namespaces(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_user(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_uid(struct rf_reader *r, const struct rf_node *v, void *int_id);
int rf_read_gid(struct rf_reader *r, const struct rf_node *v, void *int_id);
int rf_read_capabilities(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_ambient(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_seccomp(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_landlock(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_securebits(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limits(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_affinity(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_memory(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_swap(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_pids(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_cpu(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_cpu_total(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_cpuset(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_io(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_limit_hugetlb(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_cgroup_parent(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_fds(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_require(struct rf_reader *r, const struct rf_node *v, void *sb);
/* The format that a document is in, which is the only one; @sb is not looked at. */
int rf_read_version(struct rf_reader *r, const struct rf_node *v, void *sb);
int rf_read_env(struct rf_reader *r, const struct rf_node *v, void *sb);

struct rf_env_var {
	const char	*name, *value;
	struct rf_place	 place;
};

/* An option that waits for its turn. */
struct rf_option {
	struct rf_node	*tree;		/* a map with one key of the top */
	bool		 append;	/* its lists add to what is there */
};

/* One key of `landlock`, as the last layer that has it says. */
struct rf_landlock_list {
	struct rf_landlock_rule *rules;
	size_t		 nr;
};

/* What the front ends know of a sandbox before it is resolved. */
struct rf_draft {
	bool		 has_spec, has_root, has_ambient, has_network, has_ns[RF_NS_NR];
	struct rf_landlock_list landlock[RF_LANDLOCK_KIND_NR];
	bool		 has_seccomp;
	const char	*seccomp_file;	/* relative to the working directory; NULL: none */
	struct rf_place	 ambient_place;
	unsigned int	 nr_layers;
	size_t		 max_mounts, max_fds, max_io, max_hugetlb;

	bool		 env_clear;
	const char	**env_keep;	/* NAME or PREFIX* */
	size_t		 nr_env_keep;
	struct rf_env_var *env_set;	/* in order; the last for a name wins */
	size_t		 nr_env_set, max_env_set;

	struct rf_option *options;	/* in the order of the command line */
	size_t		 nr_options, max_options;
	char		**argv;		/* of rf_command_set() or rf_job_parse() */
	size_t		 nr_argv;
	struct rf_place	 argv_place;
};

struct rf_draft *rf_draft(struct rf_sandbox *sb);

/* *@array with room for @nr + 1 elements; false: no memory. */
bool rf_sandbox_grow(struct rf_sandbox *sb, void *array, size_t nr, size_t *max,
		     size_t size);

#endif
