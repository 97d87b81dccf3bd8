/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making a sandbox final: the last step of the front ends, and the only one
 * that looks at the host and the environment, so that compiling need not.
 */
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "account.h"
#include "error.h"
#include "probe.h"

#define DEFAULT_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The host that RF_RESOLVE_PURE has instead of the real one. */
#define PURE_HOME	"/home/user"
#define PURE_CWD	"/work"
static const char *const pure_env[] = { "HOME=" PURE_HOME, "PATH=" DEFAULT_PATH, NULL };

static int out_of_memory(const struct rf_resolve *rs)
{
	return rf_err_set(rs->err, ENOMEM, "resolving the spec");
}

/* ------------------------------------------------------------------ paths */

bool rf_path_has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* Without "//", "/./" and a slash at the end. In place. */
static void tidy(char *path)
{
	char *to = path;

	for (const char *p = path; *p;) {
		if (p[0] == '/' && (p[1] == '/' || !p[1])) {
			p++;
		} else if (p[0] == '/' && p[1] == '.' && (p[2] == '/' || !p[2])) {
			p += 2;
		} else {
			*to++ = *p++;
		}
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* "~" and "~name" at the beginning of @text. */
static int expand_home(struct rf_resolve *rs, const struct rf_place *place,
		       const char *text, char **ret_path)
{
	const char *rest = strchrnul(text, '/');
	const char *home = rs->home;
	struct rf_account user;
	char *name;

	if (rest - text > 1) {
		name = rf_sandbox_strdup(rs->sb, text + 1);
		if (!name)
			return out_of_memory(rs);
		name[rest - text - 1] = '\0';
		if (!rs->pure && !rf_account_by_name(RF_USERS, name, &user))
			return rf_err_at(rs->err, place, EINVAL, "no user '%.64s' here", name);
		home = rs->pure ? rf_sandbox_printf(rs->sb, "/home/%s", name) : user.home;
	}
	if (!home || *home != '/')
		return rf_err_at(rs->err, place, EINVAL, "nothing says where '%.64s' is", text);
	*ret_path = rf_sandbox_printf(rs->sb, "%s%s", home, rest);
	return *ret_path ? 0 : out_of_memory(rs);
}

static int check_length(struct rf_resolve *rs, const struct rf_place *place, const char *path)
{
	if (strlen(path) < PATH_MAX)
		return 0;
	return rf_err_at(rs->err, place, EINVAL, "a path of more than %d bytes", PATH_MAX - 1);
}

/*
 * @text below the working directory.  getcwd has no symlinks, so a ".." at the
 * beginning can be taken off here; any other is the kernel's to follow.
 */
static char *below_cwd(struct rf_resolve *rs, const char *text)
{
	size_t len = strlen(rs->cwd);

	for (;;) {
		if (text[0] == '.' && text[1] == '/') {
			text += 2;
		} else if (text[0] == '.' && text[1] == '.' && (!text[2] || text[2] == '/')) {
			text += text[2] ? 3 : 2;
			while (len && rs->cwd[--len] != '/')
				;
		} else if (*text == '/') {
			text++;
		} else {
			return rf_sandbox_printf(rs->sb, "%.*s/%s", (int)len, rs->cwd, text);
		}
	}
}

int rf_resolve_host(struct rf_resolve *rs, const struct rf_place *place,
		    const char *text, const char **ret_path)
{
	char *path = NULL;
	int ret = 0;

	if (!*text)
		return rf_err_at(rs->err, place, EINVAL, "an empty path");
	if (*text == '~') {
		ret = expand_home(rs, place, text, &path);
	} else if (*text == '/') {
		path = rf_sandbox_strdup(rs->sb, text);
	} else if (rs->cwd) {
		path = below_cwd(rs, text);
	} else {
		return rf_err_at(rs->err, place, EINVAL,
				 "'%.64s' is relative, and there is no working directory", text);
	}
	if (ret < 0)
		return ret;
	if (!path)
		return out_of_memory(rs);
	tidy(path);
	*ret_path = path;
	return check_length(rs, place, path);
}

int rf_resolve_inside(struct rf_resolve *rs, const struct rf_place *place,
		      const char *text, const char **ret_path)
{
	char *path = NULL;
	int ret = 0;

	if (!*text)
		return rf_err_at(rs->err, place, EINVAL, "an empty path");
	if (*text != '/' && *text != '~')
		return rf_err_at(rs->err, place, EINVAL,
				 "'%.64s' is relative; a place in the sandbox begins with /", text);
	if (rf_path_has_dotdot(text))
		return rf_err_at(rs->err, place, EINVAL,
				 "'%.64s' has '..', which a place in the sandbox cannot have", text);
	if (*text == '~')
		ret = expand_home(rs, place, text, &path);
	else
		path = rf_sandbox_strdup(rs->sb, text);
	if (ret < 0)
		return ret;
	if (!path)
		return out_of_memory(rs);
	tidy(path);
	*ret_path = path;
	return check_length(rs, place, path);
}

/* ------------------------------------------------------------ environment */

struct var {
	const char	*string;	/* NAME=VALUE */
	size_t		 name_len, order;
};

static int by_name(const void *a, const void *b)
{
	const struct var *x = a, *y = b;
	size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	int diff = memcmp(x->string, y->string, len);

	if (diff)
		return diff;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_order(const void *a, const void *b)
{
	const struct var *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_kept(const struct rf_draft *d, const char *string, size_t name_len)
{
	if (!d->env_clear)
		return true;
	for (size_t i = 0; i < d->nr_env_keep; i++) {
		const char *keep = d->env_keep[i];
		size_t len = strlen(keep);

		if (len && keep[len - 1] == '*') {
			if (name_len >= len - 1 && !memcmp(string, keep, len - 1))
				return true;
		} else if (name_len == len && !memcmp(string, keep, len)) {
			return true;
		}
	}
	return false;
}

/* Of several values for one name the last stays. */
static size_t drop_older(struct var *vars, size_t nr)
{
	size_t kept = 0;

	qsort(vars, nr, sizeof(*vars), by_name);
	for (size_t i = 0; i < nr; i++) {
		if (i + 1 < nr && vars[i].name_len == vars[i + 1].name_len &&
		    !memcmp(vars[i].string, vars[i + 1].string, vars[i].name_len))
			continue;
		vars[kept++] = vars[i];
	}
	qsort(vars, kept, sizeof(*vars), by_order);
	return kept;
}

static int resolve_env(struct rf_resolve *rs)
{
	const char *const *caller = rs->pure ? pure_env : (const char *const *)environ;
	const struct rf_draft *d = rs->draft;
	struct rf_sandbox *sb = rs->sb;
	size_t nr = 0, max = d->nr_env_set;
	const char *equals;
	struct var *vars;

	for (size_t i = 0; caller && caller[i]; i++)
		max++;
	vars = rf_sandbox_alloc(sb, (max + 1) * sizeof(*vars));
	sb->envp = rf_sandbox_alloc(sb, (max + 1) * sizeof(*sb->envp));
	if (!vars || !sb->envp)
		return out_of_memory(rs);
	for (size_t i = 0; caller && caller[i]; i++) {
		equals = strchr(caller[i], '=');
		if (!equals || !is_kept(d, caller[i], (size_t)(equals - caller[i])))
			continue;
		vars[nr] = (struct var){ rf_sandbox_strdup(sb, caller[i]),
					 (size_t)(equals - caller[i]), nr };
		if (!vars[nr++].string)
			return out_of_memory(rs);
	}
	for (size_t i = 0; i < d->nr_env_set; i++) {
		vars[nr] = (struct var){ rf_sandbox_printf(sb, "%s=%s", d->env_set[i].name,
							   d->env_set[i].value),
					 strlen(d->env_set[i].name), nr };
		if (!vars[nr++].string)
			return out_of_memory(rs);
	}
	nr = drop_older(vars, nr);
	sb->path = DEFAULT_PATH;
	for (size_t i = 0; i < nr; i++) {
		sb->envp[i] = (char *)(uintptr_t)vars[i].string;
		if (!strncmp(vars[i].string, "PATH=", 5))
			sb->path = vars[i].string + 5;
	}
	return 0;
}

/* -------------------------------------------------------------- the caller */

static int resolve_caller(struct rf_resolve *rs)
{
	struct rf_account user;
	char *cwd;

	if (rs->pure) {
		rs->home = PURE_HOME;
		rs->cwd = rs->sb->caller_cwd = PURE_CWD;
		return 0;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd && errno == ENOMEM)
		return out_of_memory(rs);
	/* "(unreachable)/..." is no path */
	if (cwd && *cwd == '/') {
		rs->cwd = rs->sb->caller_cwd = rf_sandbox_strdup(rs->sb, cwd);
		if (!rs->cwd) {
			free(cwd);
			return out_of_memory(rs);
		}
	}
	free(cwd);
	rs->home = getenv("HOME");
	if (!rs->home || *rs->home != '/') {
		bool found = rf_account_by_id(RF_USERS, rs->f->uid, &user);

		rs->home = found ? rf_sandbox_strdup(rs->sb, user.home) : NULL;
	}
	return 0;
}

/* An existing directory on which the new root is attached, out of sight of all others. */
static int resolve_scratch(struct rf_resolve *rs)
{
	static const char *const places[] = { "/tmp", "/run", "/var/tmp", "/mnt", "/dev", "/proc" };
	struct stat st;

	rs->sb->scratch = places[0];
	for (size_t i = 0; !rs->pure && i < sizeof(places) / sizeof(*places); i++)
		if (stat(places[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			rs->sb->scratch = places[i];
			return 0;
		}
	return 0;
}

/* ------------------------------------------------------------- descriptors */

/*
 * A directory, or what opens one, is a way out of the sandbox.  And what the caller
 * has handed down by exec is not close-on-exec: what is, is ours.
 */
static int check_passed(struct rf_resolve *rs, const struct rf_place *place, int fd,
			bool dir_ok)
{
	int ours = rf_caller_fd(rs->sb->caller, fd);
	int flags = fcntl(ours, F_GETFL), own = fcntl(ours, F_GETFD);
	struct stat st;

	if (flags < 0 || (!rs->sb->caller && own & FD_CLOEXEC) || fstat(ours, &st) < 0)
		return rf_err_at(rs->err, place, EINVAL, "descriptor %d is not open", fd);
	if (dir_ok || (!S_ISDIR(st.st_mode) && !(flags & O_PATH)))
		return 0;
	rf_err_at(rs->err, place, EINVAL, "descriptor %d is a directory or a path, a way out of the sandbox", fd);
	rf_err_hint(rs->err, "`fds: {N: {from: %d, directory: true}}` passes it in all the same", fd);
	return -EINVAL;
}

static int resolve_open(struct rf_resolve *rs, struct rf_fd_spec *fd)
{
	struct stat st;
	int r = rf_resolve_host(rs, &fd->place, fd->path, &fd->path);

	/* what is not there is the open's to say */
	if (r < 0 || rs->pure || fd->dir_ok || stat(fd->path, &st) < 0 || !S_ISDIR(st.st_mode))
		return r;
	rf_err_at(rs->err, &fd->place, EINVAL, "%s is a directory, a way out of the sandbox",
		  fd->path);
	rf_err_hint(rs->err, "`directory: true` passes it in all the same");
	return -EINVAL;
}

static const struct rf_fd_spec *find_fd(const struct rf_sandbox *sb, int number)
{
	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].number == number)
			return &sb->fds[i];
	return NULL;
}

static int resolve_fds(struct rf_resolve *rs)
{
	const struct rf_place nowhere = { NULL, 0, 0 };
	struct rf_sandbox *sb = rs->sb;
	int ret = 0;

	if (sb->part == RF_PART_READY)	/* they are those of whoever will want it */
		return 0;
	for (size_t i = 0; i < sb->nr_fds && !ret; i++) {
		struct rf_fd_spec *fd = &sb->fds[i];

		if (fd->kind == RF_FD_OPEN)
			ret = resolve_open(rs, fd);
		else if (fd->kind == RF_FD_INHERIT && !rs->pure)
			ret = check_passed(rs, &fd->place, fd->from, fd->dir_ok);
		if (fd->kind == RF_FD_INHERIT && !ret)
			fd->from = rf_caller_fd(sb->caller, fd->from);
	}
	/* standard descriptors that nothing names: as the caller has them, open or not */
	for (int n = 0; n <= 2 && !ret && !rs->pure; n++) {
		int ours = rf_caller_fd(sb->caller, n);
		bool is_open = fcntl(ours, F_GETFD) >= 0;

		if (find_fd(sb, n))
			continue;
		if (is_open)
			ret = check_passed(rs, &nowhere, n, false);
		if (ret || (is_open && !sb->caller))
			continue;
		if (!rf_sandbox_grow(sb, &sb->fds, sb->nr_fds, &rs->draft->max_fds,
				     sizeof(*sb->fds)))
			return out_of_memory(rs);
		/* what is another process's does not come by itself */
		sb->fds[sb->nr_fds++] = (struct rf_fd_spec){
			.number = n, .kind = is_open ? RF_FD_INHERIT : RF_FD_CLOSED, .implied = true,
			.from = is_open ? ours : -1,
		};
	}
	return ret;
}

static int resolve_exec_fd(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;
	struct stat st;
	char magic[2];

	if (sb->exec_fd < 0 || rs->pure)
		return 0;
	if (fstat(sb->exec_fd, &st) < 0)
		return rf_err_at(rs->err, &sb->command_place, EINVAL,
				 "exec_fd: descriptor %d is not open", sb->exec_fd);
	if (!S_ISREG(st.st_mode))
		return rf_err_at(rs->err, &sb->command_place, EINVAL,
				 "exec_fd: descriptor %d is no regular file", sb->exec_fd);
	sb->exec_fd_script = pread(sb->exec_fd, magic, 2, 0) == 2 && magic[0] == '#' &&
			     magic[1] == '!';
	return 0;
}

/* A disk by its path becomes MAJOR:MINOR, by which control groups know it. */
static int resolve_io(struct rf_resolve *rs)
{
	struct rf_cgroup_spec *c = &rs->sb->cgroup;

	for (size_t i = 0; i < c->nr_io; i++) {
		struct rf_cgroup_io *io = &c->io[i];
		const char *path;
		struct stat st;
		int ret;

		if (!strchr(io->device, '/')) {
			unsigned int major, minor;
			char junk;

			if (sscanf(io->device, "%u:%u%c", &major, &minor, &junk) == 2)
				continue;
			return rf_err_at(rs->err, &io->place, EINVAL,
					 "device '%.64s' is no path and no MAJOR:MINOR", io->device);
		}
		ret = rf_resolve_host(rs, &io->place, io->device, &path);
		if (ret < 0)
			return ret;
		if (rs->pure)
			st = (struct stat){ .st_mode = S_IFBLK, .st_rdev = makedev(8, 0) };
		else if (stat(path, &st) < 0)
			return rf_err_at(rs->err, &io->place, errno, "device %s", path);
		if (!S_ISBLK(st.st_mode))
			return rf_err_at(rs->err, &io->place, EINVAL, "%s is no disk", path);
		io->device = rf_sandbox_printf(rs->sb, "%u:%u", major(st.st_rdev),
					       minor(st.st_rdev));
		if (!io->device)
			return out_of_memory(rs);
	}
	return 0;
}

/* ------------------------------------------------- what only the whole shows */

static bool is_explicit(const struct rf_place *place)
{
	return place->file;
}

static int check_network(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;
	struct rf_ns_spec *net = &sb->ns[RF_NS_NET];
	bool said = rs->draft->has_ns[RF_NS_NET];

	if (!rs->draft->has_network) {
		if (net->mode == RF_NS_HOST)
			sb->network = RF_NET_HOST;
		return 0;
	}
	if (sb->network == RF_NET_HOST) {
		if (said && net->mode != RF_NS_HOST)
			return rf_err_at(rs->err, &sb->network_place, EINVAL,
					 "the host's network and a net namespace exclude each other");
		net->mode = RF_NS_HOST;
		return 0;
	}
	if (net->mode == RF_NS_HOST)
		return rf_err_at(rs->err, &sb->network_place, EINVAL,
				 "this needs a net namespace, and 'namespaces' leaves the host's");
	if (net->mode != RF_NS_NEW && sb->network == RF_NET_LOOPBACK)
		return rf_err_at(rs->err, &sb->network_place, EINVAL,
				 "a net namespace that is joined has a loopback of its own");
	return 0;
}

static int check_namespaces(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;
	const struct rf_place *place;
	int ret = check_network(rs);

	for (int i = 0; i < RF_NS_NR && !ret; i++)
		if (sb->ns[i].mode == RF_NS_JOIN_PATH)
			ret = rf_resolve_host(rs, &sb->ns[i].place, sb->ns[i].path, &sb->ns[i].path);
	if (ret < 0)
		return ret;
	if (sb->ns[RF_NS_MOUNT].mode != RF_NS_NEW && (sb->nr_mounts || rs->draft->has_root)) {
		place = sb->nr_mounts ? &sb->mounts[0].place : &sb->root.place;
		rf_err_at(rs->err, place, EINVAL, "mounts and a root need a new mount namespace");
		if (place->file && !strncmp(place->file, "preset:", 7))
			rf_err_hint(rs->err, "without a spec the preset `default` holds; one of `{}` "
				    "has no root and no mounts");
		return -EINVAL;
	}
	if (sb->ns[RF_NS_UTS].mode != RF_NS_NEW && (sb->hostname || sb->domainname))
		return rf_err_at(rs->err, &sb->hostname_place, EINVAL,
				 "a host name needs a new uts namespace");
	if (sb->ns[RF_NS_TIME].mode != RF_NS_NEW && (sb->time_monotonic_ns || sb->time_boottime_ns))
		return rf_err_at(rs->err, &sb->ns[RF_NS_TIME].place, EINVAL,
				 "clock offsets need a new time namespace");
	if (sb->ns[RF_NS_PID].mode != RF_NS_NEW) {
		if (sb->init && is_explicit(&sb->init_place))
			return rf_err_at(rs->err, &sb->init_place, EINVAL,
					 "init needs a new pid namespace");
		sb->init = false;
	}
	return 0;
}

static bool in_ranges(const struct rf_idrange *map, size_t nr, int64_t id)
{
	for (size_t i = 0; i < nr; i++)
		if (id >= map[i].inside && id - map[i].inside < map[i].count)
			return true;
	return false;
}

static int check_user(struct rf_resolve *rs)
{
	const struct rf_user *u = &rs->sb->user;

	if (rs->sb->ns[RF_NS_USER].mode != RF_NS_NEW && u->map != RF_MAP_AUTO)
		return rf_err_at(rs->err, &u->map_place, EINVAL, "a map needs a new user namespace");
	switch (u->map) {
	case RF_MAP_AUTO:
		return 0;
	case RF_MAP_SELF:
		if ((u->uid >= 0 && u->uid != rs->f->uid) || (u->gid >= 0 && u->gid != rs->f->gid))
			return rf_err_at(rs->err, &u->place, EINVAL,
					 "'map: self' maps uid %u and gid %u only", rs->f->uid, rs->f->gid);
		return 0;
	case RF_MAP_ROOT:
		if (u->uid > 0 || u->gid > 0)
			return rf_err_at(rs->err, &u->place, EINVAL, "'map: root' maps id 0 only");
		return 0;
	case RF_MAP_RANGES:
		if (u->uid >= 0 && !in_ranges(u->uid_map, u->nr_uid_map, u->uid))
			return rf_err_at(rs->err, &u->place, EINVAL, "'map' has no uid %lld", (long long)u->uid);
		if (u->gid >= 0 && !in_ranges(u->gid_map, u->nr_gid_map, u->gid))
			return rf_err_at(rs->err, &u->place, EINVAL, "'map' has no gid %lld", (long long)u->gid);
		for (size_t i = 0; i < u->nr_add_gids; i++)
			if (!in_ranges(u->gid_map, u->nr_gid_map, u->add_gids[i]))
				return rf_err_at(rs->err, &u->place, EINVAL, "'map' has no gid %u", u->add_gids[i]);
		return 0;
	}
	return 0;
}

static int check_caps(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;

	/* an unprivileged program would lose at exec what was asked for */
	if (!rs->draft->has_ambient)
		sb->ambient = sb->capabilities;
	if (sb->ambient & ~sb->capabilities)
		return rf_err_at(rs->err, &rs->draft->ambient_place, EINVAL,
				 "'ambient' has what 'capabilities' has not");
	return 0;
}

static int resolve_terminal(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;
	int fds[3];

	for (int n = 0; n < 3; n++)
		fds[n] = rf_caller_fd(sb->caller, n);
	if (sb->terminal == RF_TERM_AUTO) {
		sb->terminal = rs->pure ? RF_TERM_INHERIT : rf_tty_choose(fds);
		/* there is none to be kept from; but who asks for the layer shall have it, and
		   what is kept ready has a session of its own anyway */
		if (sb->terminal == RF_TERM_INHERIT &&
		    (sb->require & 1U << RF_LAYER_TERMINAL || sb->part != RF_PART_ALL))
			sb->terminal = RF_TERM_NONE;
	}
	if (sb->terminal != RF_TERM_PRIVATE)
		return 0;
	if (rs->pure)
		sb->tty = (struct rf_tty){ .fds = 7, .rows = 24, .cols = 80 };
	else
		rf_tty_look(fds, &sb->tty);
	return 0;
}

int rf_sandbox_resolve(struct rf_sandbox *sb, const struct rf_features *f,
		       unsigned int flags, struct rf_err *err)
{
	static int (*const steps[])(struct rf_resolve *rs) = {
		resolve_caller, resolve_env, resolve_exec_fd, rf_resolve_root, rf_resolve_mounts,
		check_namespaces, check_user, check_caps, resolve_fds, resolve_io, resolve_terminal,
		resolve_scratch, rf_resolve_seccomp, rf_resolve_landlock,
	};
	struct rf_resolve rs = { .sb = sb, .f = f, .err = err, .pure = flags & RF_RESOLVE_PURE };
	int ret = rf_options_read(sb, err);

	rs.draft = sb->draft;
	if (!ret && !sb->nr_argv && sb->part != RF_PART_READY)
		ret = rf_err_set(err, EINVAL, "no command: neither the spec nor the command line has one");
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && !ret; i++)
		ret = steps[i](&rs);
	if (!ret && sb->cwd)
		ret = rf_resolve_inside(&rs, &sb->cwd_place, sb->cwd, &sb->cwd);
	return ret;
}
