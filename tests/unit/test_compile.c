/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a sandbox to a chain: who, in which namespaces, and in what order. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "compile_case.h"

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
	.host_root = true,
};
static const struct rf_features user = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
};
static const struct rf_features user_with_ids = {
	.kernel = RF_KERNEL(6, 18), .uid = 1000, .gid = 1000, .last_cap = 40, .nofile = 1024,
	.subuid = 100000, .nr_subuid = 65536, .subgid = 100000, .nr_subgid = 65536,
	.has_newuidmap = true,
};

#define BARE	"root: host\n"
#define RANGES	"user: {uid: 0, gid: 0, map: {uid: [{inside: 0, outside: 1000, count: 1}, " \
		"{inside: 1, outside: 100000, count: 999}], gid: [{inside: 0, outside: 1000, " \
		"count: 1}, {inside: 1, outside: 100000, count: 999}]}}\n"
#define OTHERS	"user: {uid: 5, gid: 6, map: {uid: [{inside: 0, outside: 100000, count: 999}], " \
		"gid: [{inside: 0, outside: 100000, count: 999}]}}\n"

/* ----------------------------------------------------------- what is in the chain */

/* Lines that a chain has, in this order. */
static const struct {
	const char		 *name;
	const char		 *spec;
	const struct rf_features *f;
	const char		 *lines[10];
} in_order[] = {
	{ "the caller's own ids are mapped to themselves", BARE, &user,
	  { "clone as=context flags=user,mount,ipc,uts,cgroup", "close_range", "pdeathsig KILL",
	    "idmap by=self uid_map=\"1000 1000 1\\n\" gid_map=\"1000 1000 1\\n\" deny_setgroups=yes" } },
	{ "map: root", BARE "user: {map: root}\n", &user,
	  { "idmap by=self uid_map=\"0 1000 1\\n\" gid_map=\"0 1000 1\\n\"" } },
	{ "a single id is called what the spec says", BARE "user: {uid: 7, gid: 8}\n", &user,
	  { "idmap by=self uid_map=\"7 1000 1\\n\" gid_map=\"8 1000 1\\n\"" } },
	{ "ranges of an ordinary user go through the helpers", BARE RANGES, &user_with_ids,
	  { "idmap by=helper uid_map=\"0 1000 1\\n1 100000 999\\n\"" } },
	{ "root's ranges are written by the submitter", BARE OTHERS, &root,
	  { "idmap by=submitter uid_map=\"0 100000 999\\n\"" } },
	{ "ids without a name inside are left before a file is made", BARE OTHERS, &root,
	  { "idmap by=submitter", "setresgid real=6 effective=6 saved=6",
	    "setresuid real=5 effective=5 saved=5", "clone as=init", "mount_setattr \"/\"" } },
	{ "pid 1 makes the network namespace beside the mounts", BARE, &user,
	  { "clone as=init unshare=net -> %0", "mount_setattr %1", "setns %0 type=net", "exec" } },
	{ "a sysfs needs the network namespace before that",
	  BARE "mounts: [{sysfs: /sys}]\n", &user,
	  { "clone as=context flags=user,mount,net,ipc,uts,cgroup", "clone as=init", "mkfs \"sysfs\"" } },
	{ "an image of its own makes the network namespace itself", BARE OTHERS, &root,
	  { "unshare user,mount,pid,net,ipc,uts,cgroup", "clone as=init", "mount_setattr \"/\"" } },
	{ "pid 1 stands at the root when the root goes", BARE, &user,
	  { "chdir \"/\"", "clone as=init" } },
	{ "the mounts are made by the payload task, inside the pid namespace",
	  BARE "mounts: [{proc: /proc}]\n", &user,
	  { "unshare pid", "clone as=payload", "mkfs \"proc\"" } },
	{ "a joined namespace is entered before others are made",
	  BARE "namespaces: [mount, {net: /run/netns/x}]\n", &root,
	  { "clone as=context", "open \"/run/netns/x\"", "setns %0 type=net", "unshare mount" } },
	{ "clock offsets are written before anybody is in the namespace",
	  BARE "namespaces: [user, mount, pid, time]\n"
	  "time: {monotonic: 10s, boottime: -1ms}\n", &user,
	  { "unshare user,mount,pid,time", "write \"/proc/self/timens_offsets\" data=\"monotonic 10 0\\n"
	    "boottime -1 999000000\\n\"", "clone as=init" } },
	{ "loopback is brought up in the new namespace", BARE "network: loopback\n", &user,
	  { "setns %0 type=net", "link_up \"lo\"" } },
	{ "the old root goes, and nothing holds it", "root: empty\n", &user,
	  { "close %1", "pivot_root root=%2", "umount \".\" flags=detach", "chdir \"/\"", "close %2" } },
	{ "without a user namespace of its own the host's tree is copied: there may be more above",
	  "namespaces: [mount]\nroot: host\n", &root,
	  { "open_tree dir=%0 \".\" flags=clone,recursive -> %1", "pivot_root root=%1" } },
	{ "the descriptor limit comes last of all limits",
	  BARE "limits: {nofile: 16, stack: 1M, core: 0}\n", &user,
	  { "rlimit stack", "rlimit core", "rlimit nofile", "capset" } },
	{ "power is given up after all that needs it", BARE "hostname: x\n", &user,
	  { "clone as=payload", "capbset keep=none last=40", "mount_setattr %1", "hostname \"x\"",
	    "capset effective=none permitted=none inheritable=none", "no_new_privs",
	    "pdeathsig KILL", "sigmask", "exec" } },
	{ "what is kept survives a change of ids",
	  "namespaces: [mount]\nroot: host\nuser: {uid: 5, gid: 6}\ncapabilities: [chown]\n", &root,
	  { "capbset keep=chown", "securebits", "setgroups", "setresgid", "setresuid",
	    "ambient chown", "securebits", "capset effective=chown permitted=chown" } },
	{ "the working directory is the caller's if it is there", BARE, &user,
	  { "mount_setattr %1", "chdir \"/\"", "chdir \"/work\"" } },
	{ "a private terminal is of the sandbox's own devpts",
	  BARE "terminal: private\nmounts: [{dev: /dev}]\n", &user,
	  { "mkfs \"devpts\"", "pty devpts=%", "send_fds fds=[%", "close %", "move_mount %", "dup %",
	    "setsid", "ctty %" } },
	{ "without one it is of the host's, whose path is looked up before any mount",
	  BARE "terminal: private\n", &user,
	  { "pty \"/dev/ptmx\" rows=24 cols=80", "open \"/\"", "mount_setattr %", "dup %", "setsid", "ctty %" } },
	{ "a private terminal belongs to the command",
	  "namespaces: [mount]\nroot: host\nuser: {uid: 5, gid: 6}\nmounts: [{dev: /dev}]\n"
	  "terminal: private\n", &root,
	  { "pty devpts=%", "chown dir=%", "send_fds" } },
	{ "what the spec says of a descriptor is not overridden by the terminal",
	  BARE "terminal: private\nfds: {0: closed}\n", &user,
	  { "pty", "dup %2 to=1", "dup %2 to=2", "close %", "setsid" } },
	{ "a terminal that is none is left", BARE "terminal: none\n", &user,
	  { "clone as=payload", "setsid" } },
};

TEST(the_chain_has_these_ops_in_this_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
		struct compiled c = compile_spec(in_order[i].spec, in_order[i].f);

		if (c.r < 0)
			fail_msg("%s: %s", in_order[i].name, c.err.msg);
		expect_lines(&c, in_order[i].name, in_order[i].lines);
		compiled_free(&c);
	}
}

/* Lines that a chain must not have. */
static const struct {
	const char *spec, *line;
} nowhere[] = {
	{ "namespaces: [user]\n",			"move_mount" },
	{ "namespaces: [user]\n",			"idmap by=helper" },
	{ BARE "init: false\n",				"clone as=init" },
	{ BARE "no_new_privileges: false\n",		"no_new_privs" },
	{ BARE "network: none\n",			"link_up" },
	{ BARE "terminal: inherit\n",			"setsid" },
	{ BARE "terminal: none\n",			"pty" },
	{ BARE "capabilities: [all]\n",			"capbset" },
	{ BARE,						"setgroups" },
	{ BARE "user: {groups: keep}\n",		"setgroups" },
};

TEST(nothing_is_done_that_was_not_asked_for)
{
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		struct compiled c = compile_spec(nowhere[i].spec, &user);

		if (c.r < 0)
			fail_msg("%s: %s", nowhere[i].spec, c.err.msg);
		if (find_line(&c, nowhere[i].line, 0) >= 0)
			fail_msg("%s: has %s", nowhere[i].spec, nowhere[i].line);
		compiled_free(&c);
	}
}

/* --------------------------------------------------------------------- refusals */

static const struct {
	const char		 *spec;
	const struct rf_features *f;
	int			 r;
	const char		 *msg, *hint;	/* parts */
} refused[] = {
	{ "namespaces: [mount]\nroot: host\n", &user, -EPERM, "mount namespace", "add `user`" },
	{ BARE RANGES, &user, -EPERM, "no subordinate uids", "usermod" },
	{ BARE "user: {groups: drop}\n", NULL, -EPERM, "cannot change its groups", "groups: keep" },
	{ BARE "mounts: [{proc: /proc}]\nnamespaces: [user, mount]\n", &user, -EPERM,
	  "needs a new pid namespace", "add `pid`" },
	{ BARE "mounts: [{mqueue: /mq}]\nnamespaces: [user, mount, pid]\n", &user, -EPERM,
	  "needs a new ipc namespace", "add `ipc`" },
	{ "namespaces: []\ncapabilities: [chown]\n", &user, -EPERM, "capability", "" },
	{ "namespaces: []\nno_new_privileges: false\n", &user, -EPERM, "set-user-ID",
	  "no_new_privileges" },
	{ "namespaces: []\nuser: {uid: 5}\n", &user, -EPERM, "another uid", "add `user`" },
	{ BARE OTHERS "capabilities: [chown]\n", &user_with_ids, 0, "", "" },
};

TEST(what_cannot_be_is_refused_with_the_place)
{
	struct rf_features grouped = user;

	grouped.nr_groups = 3;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct compiled c = compile_spec(refused[i].spec,
						 refused[i].f ? refused[i].f : &grouped);

		if (c.r != refused[i].r || !strstr(c.err.msg, refused[i].msg) ||
		    !strstr(c.err.hint, refused[i].hint))
			fail_msg("%s: %d, %s, hint %s", refused[i].spec, c.r, c.err.msg, c.err.hint);
		if (c.r < 0 && !c.err.line)
			fail_msg("%s: no place", refused[i].spec);
		compiled_free(&c);
	}
}

TEST(helpers_that_are_not_installed_are_named)
{
	struct rf_features f = user_with_ids;
	struct compiled c;

	f.has_newuidmap = false;
	c = compile_spec(BARE RANGES, &f);
	EXPECT_INT(-EOPNOTSUPP, c.r);
	assert_non_null(strstr(c.err.msg, "newuidmap"));
	compiled_free(&c);
}

TEST(a_time_namespace_needs_linux_6_1)
{
	struct rf_features f = user;
	struct compiled c;

	f.kernel = RF_KERNEL(6, 0);
	c = compile_spec("namespaces: [user, pid, time]\n", &f);
	EXPECT_INT(-EOPNOTSUPP, c.r);
	EXPECT_STR("a new time namespace needs Linux 6.1, this is 6.0", c.err.msg);
	compiled_free(&c);
}

TEST(a_script_by_descriptor_is_refused)
{
	struct sandbox_case s = sandbox_of(BARE, &user);
	struct compiled c;

	s.sb->exec_fd = 5;
	s.sb->exec_fd_script = true;
	c = compile_case(&s, &user);
	EXPECT_INT(-EINVAL, c.r);
	assert_non_null(strstr(c.err.hint, "interpreter"));
	compiled_free(&c);
	sandbox_case_free(&s);
}

/* ------------------------------------------------------------- the context's image */

static const struct {
	const char		 *spec;
	const struct rf_features *f;
	bool			 own;
} images[] = {
	{ BARE,						&user,	false },
	{ BARE,						&root,	false },
	{ BARE "user: {map: root}\n",			&user,	false },
	{ "namespaces: [mount]\nroot: host\n",		&root,	false },
	{ "namespaces: [mount]\nroot: host\nuser: {uid: 5}\n", &root, true },
	{ "namespaces: [{net: /run/netns/x}]\n",	&root,	true },
	{ "namespaces: [{pid: /proc/9/ns/pid}]\ninit: false\n", &root, true },
	{ BARE OTHERS,					&root,	true },
	{ "namespaces: [user]\ncapabilities: [sys_ptrace]\n", &user, true },
	{ "namespaces: [user]\ncapabilities: [chown]\n", &user,	false },
};

TEST(a_context_that_others_could_look_into_has_its_own_memory)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct compiled c = compile_spec(images[i].spec, images[i].f);

		if (c.r < 0)
			fail_msg("%s: %s", images[i].spec, c.err.msg);
		if (c.chain->own_image != images[i].own)
			fail_msg("%s: %d", images[i].spec, c.chain->own_image);
		/* and then it is made without any new namespace */
		if (images[i].own)
			EXPECT_TRUE(c.chain->ops[0].u.clone.flags == 0);
		compiled_free(&c);
	}
}

/* ------------------------------------------------------------------ the command */

TEST(a_command_without_a_slash_is_looked_for_in_path)
{
	struct compiled c = compile_spec(BARE "env: {clear: true, set: {PATH: \"/a::/b\"}}\n", &user);
	int i = find_line(&c, "exec \"/a/true\"", 0);

	assert_true(i > 0);
	EXPECT_INT(i + 1, find_line(&c, "exec \"./true\"", i));
	EXPECT_INT(i + 2, find_line(&c, "exec \"/b/true\"", i));
	EXPECT_INT(i + 3, rf_chain_nr(c.chain));
	EXPECT_TRUE(c.chain->ops[i].flags & RF_OP_F_HARD);
	EXPECT_TRUE(c.chain->ops[i + 1].flags & RF_OP_F_HARD);
	EXPECT_FALSE(c.chain->ops[i + 2].flags & RF_OP_F_HARD);
	compiled_free(&c);
}

TEST(descriptors_are_placed_before_their_origins_are_closed)
{
	struct compiled c = compile_spec(BARE "fds: {3: {from: 9}, 4: {from: 9}, 5: closed, "
					 "6: {open: /in}}\n", &user);
	static const char *const lines[] = {
		"open \"/in\"", "mount_setattr \"/\"", "dup %", "dup %", "dup %", "close %", NULL
	};

	if (c.r < 0)
		fail_msg("%s", c.err.msg);
	expect_lines(&c, "fds", lines);
	/* one descriptor given once, however many places it goes to */
	EXPECT_INT(1, c.chain->nr_given);
	compiled_free(&c);
}

TEST(the_same_sandbox_gives_the_same_chain)
{
	struct compiled a = compile_spec(BARE RANGES, &user_with_ids);
	struct compiled b = compile_spec(BARE RANGES, &user_with_ids);

	EXPECT_STR(a.text, b.text);
	compiled_free(&a);
	compiled_free(&b);
}
