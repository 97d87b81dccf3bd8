/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `ringfence hook` reads: the state of a container as a runtime hands it to
 * its hooks, and the fragment of a spec that is to be applied to it.
 *
 *	stage	 hook_stage.c	 which stages there are, and what makes sense in each
 *	state	 hook_state.c	 the state, and the root of a bundle's config.json
 *	fragment hook_fragment.c mounts, limits, values of control groups, sysctls
 *	network	 hook_network.c	 its links, addresses and routes
 *	hooks.d	 hook_d.c	 the file by which engines know a hook
 */
#ifndef RF_HOOK_H
#define RF_HOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "sandbox.h"

struct rf_err;
struct rf_node;
struct rf_reader;

/* ------------------------------------------------------------------- stages */

enum rf_hook_stage {
	RF_HOOK_CREATE_RUNTIME, RF_HOOK_PRESTART, RF_HOOK_CREATE_CONTAINER,
	RF_HOOK_START_CONTAINER, RF_HOOK_POSTSTART, RF_HOOK_POSTSTOP, RF_HOOK_STAGE_NR
};

/* What a fragment can ask for. */
enum rf_hook_part {
	RF_HOOK_BIND, RF_HOOK_TMPFS, RF_HOOK_FILE, RF_HOOK_RLIMIT, RF_HOOK_CGROUP,
	RF_HOOK_SYSCTL, RF_HOOK_NETWORK, RF_HOOK_PART_NR
};
extern const char *const rf_hook_part_names[RF_HOOK_PART_NR];

/* The words of a state's `status`. */
enum rf_hook_status {
	RF_HOOK_CREATING, RF_HOOK_CREATED, RF_HOOK_RUNNING, RF_HOOK_STOPPED, RF_HOOK_STATUS_NR
};
extern const char *const rf_hook_status_names[RF_HOOK_STATUS_NR];

/* Where the root of the container is found. */
enum rf_hook_root {
	RF_HOOK_ROOT_BUNDLE,	/* the bundle's, as the container's process sees that path */
	RF_HOOK_ROOT_PROCESS,	/* the process's own */
	RF_HOOK_ROOT_HOST,	/* the bundle's: there is no process */
};

struct rf_hook_stage_def {
	const char	*name;
	unsigned int	 status;	/* bit per enum rf_hook_status that it may have */
	enum rf_hook_root root;
	bool		 inside;	/* the hook itself runs in the container's namespaces */
	/* why a part makes no sense here; NULL: it does */
	const char	*refused[RF_HOOK_PART_NR];
};
extern const struct rf_hook_stage_def rf_hook_stages[RF_HOOK_STAGE_NR];

/* 0, or -EINVAL with the nearest name in @err. */
int rf_hook_stage_find(const char *name, enum rf_hook_stage *ret, struct rf_err *err);

/* -------------------------------------------------------------------- state */

#define RF_HOOK_STATE_MAX	(1U << 20)	/* bytes */
#define RF_HOOK_CONFIG_MAX	(16U << 20)

struct rf_hook_state {
	const char	*id, *bundle;	/* bundle: absolute */
	enum rf_hook_status status;
	pid_t		 pid;		/* 0: none */
};

/*
 * The state in @text; strings live as long as @sb.  0, -EINVAL with @err, or -ENOMEM.
 */
int rf_hook_state_parse(const char *text, size_t len, struct rf_sandbox *sb,
			struct rf_hook_state *ret, struct rf_err *err);
/* The root of the config.json of @st: absolute. */
int rf_hook_config_root(const char *text, size_t len, const struct rf_hook_state *st,
			struct rf_sandbox *sb, const char **ret_root, struct rf_err *err);

/* ----------------------------------------------------------------- fragment */

/* One line of `sysctl` or `cgroup`. */
struct rf_hook_value {
	const char	*name;		/* as written */
	const char	*path;		/* sysctl: below /proc/sys */
	const char	*value;
	enum rf_ns	 ns;		/* sysctl: whose it is */
	struct rf_place	 place;
};

enum rf_hook_net_kind {
	RF_HOOK_NET_UP, RF_HOOK_NET_VETH, RF_HOOK_NET_MOVE, RF_HOOK_NET_ROUTE, RF_HOOK_NET_KIND_NR
};

#define RF_HOOK_NAME_MAX 15	/* of a link, without the NUL */

struct rf_hook_addr {
	uint8_t		 family;	/* AF_INET, AF_INET6 */
	uint8_t		 prefix;
	uint8_t		 bytes[16];
	struct rf_place	 place;
};

struct rf_hook_net {
	enum rf_hook_net_kind kind;
	const char	*link;		/* UP, VETH: inside; MOVE: on the host; ROUTE: of it, or NULL */
	const char	*peer;		/* VETH: on the host; NULL: made from the id */
	const char	*name;		/* MOVE: inside; NULL: as it is */
	const char	*master;	/* VETH: the peer's bridge; or NULL */
	struct rf_hook_addr *addr, *peer_addr;
	size_t		 nr_addr, nr_peer_addr;
	int		 mtu;		/* 0: the kernel's */
	uint8_t		 mac[6];
	bool		 has_mac;
	struct rf_hook_addr to, via;	/* ROUTE; prefix 0: default; via.family 0: none */
	struct rf_place	 place;
};

struct rf_hook {
	struct rf_sandbox *sb;		/* mounts, limits; and the memory of it all */
	struct rf_hook_value *sysctls, *cgroup;
	struct rf_hook_net *net;
	size_t		 nr_sysctls, nr_cgroup, nr_net;
	size_t		 max_net;
	struct rf_place	 version_place;
};

/*
 * Read a fragment, YAML or JSON, which errors call @name.
 * 0; -EINVAL with the place of what is wrong; -ENOMEM.  rf_hook_free() in any case.
 */
int rf_hook_parse(const char *name, const char *text, size_t len, struct rf_hook **ret,
		  struct rf_err *err);
struct rf_hook *rf_hook_free(struct rf_hook *h);

/* Does all of it make sense in @stage?  0, or -EINVAL with the place of what does not. */
int rf_hook_check(const struct rf_hook *h, enum rf_hook_stage stage, struct rf_err *err);
enum rf_hook_part rf_hook_mount_part(const struct rf_mount *m);

/* hook_d.c: a file for hooks.d that runs @exe with @fragment, absolute paths. */
struct rf_hook_d {
	const char	*exe, *fragment;
	enum rf_hook_stage stage;
	const char	*annotation;	/* NAME=REGEX, or NULL: for every container */
};
/* JSON, to be freed; or NULL with @err. */
char *rf_hook_d_print(const struct rf_hook_d *d, struct rf_err *err);

/* hook_network.c: the value of `network`, into a struct rf_hook */
int rf_hook_read_network(struct rf_reader *r, const struct rf_node *v, void *hook);

#endif
