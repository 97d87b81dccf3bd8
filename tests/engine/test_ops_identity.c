/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "identity", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ops.h"

#define CAP(n) (UINT64_C(1) << (n))
#define ALL_CAPS ((UINT64_C(1) << 41) - 1)

/* -------------------------------------------------------------------- idmap */

static void add_idmap(struct ops *o, enum rf_idmap_by by, const char *uids, const char *gids,
		      bool deny)
{
	struct rf_op *op = ops_add(o, RF_OP_IDMAP);

	op->u.idmap.by = by;
	op->u.idmap.uid_map = ops_blob(o, uids, strlen(uids));
	op->u.idmap.gid_map = ops_blob(o, gids, strlen(gids));
	op->u.idmap.deny = deny;
}

static void map_self(struct ops *o)
{
	ops_begin(o, 0);
}

static void map_another(struct ops *o)
{
	ops_begin_bare(o, 0);
	add_idmap(o, RF_IDMAP_SELF, "0 4242 1\n", "0 4242 1\n", true);
}

static void map_by_submitter(struct ops *o)
{
	ops_begin_bare(o, 0);
	add_idmap(o, RF_IDMAP_SUBMITTER, "0 0 1\n1 100001 9\n", "0 0 1\n1 100001 9\n", false);
}

static void map_nonsense(struct ops *o)
{
	ops_begin_bare(o, 0);
	add_idmap(o, RF_IDMAP_SUBMITTER, "nonsense\n", "nonsense\n", false);
}

/* ------------------------------------------------------------------ numbers */

static void add_setgroups(struct ops *o, const uint32_t *gids, size_t nr)
{
	ops_add(o, RF_OP_SETGROUPS)->u.setgroups.gids = ops_blob(o, gids, nr * sizeof(*gids));
}

static void groups_set(struct ops *o)
{
	static const uint32_t gids[] = { 3, 5 };

	map_by_submitter(o);
	add_setgroups(o, gids, ARRAY_SIZE(gids));
}

/* Without a map by the submitter, which no kernel does: so here it can be the kernel. */
static void groups_of_the_host(struct ops *o)
{
	static const uint32_t gids[] = { 3, 5 };

	rf_prep_clone(o->c, RF_CLONE_CONTEXT, CLONE_NEWUTS);
	rf_prep_close_range(o->c);
	add_setgroups(o, gids, ARRAY_SIZE(gids));
}

static void groups_dropped(struct ops *o)
{
	static const uint32_t gids[] = { 3, 5 };

	map_by_submitter(o);
	add_setgroups(o, gids, ARRAY_SIZE(gids));
	add_setgroups(o, NULL, 0);
}

static void groups_denied(struct ops *o)
{
	ops_begin(o, 0);
	add_setgroups(o, NULL, 0);
}

static void add_ids(struct ops *o, enum rf_op_kind kind, uint32_t real, uint32_t effective,
		    uint32_t saved)
{
	struct rf_op *op = ops_add(o, kind);

	op->u.setres.r = real;
	op->u.setres.e = effective;
	op->u.setres.s = saved;
}

static void gid_same(struct ops *o)
{
	ops_begin(o, 0);
	add_ids(o, RF_OP_SETRESGID, 0, 0, UINT32_MAX);
}

static void gid_other(struct ops *o)
{
	map_by_submitter(o);
	add_ids(o, RF_OP_SETRESGID, 3, 3, 3);
}

static void gid_unmapped(struct ops *o)
{
	ops_begin(o, 0);
	add_ids(o, RF_OP_SETRESGID, 4242, 4242, 4242);
}

static void uid_same(struct ops *o)
{
	ops_begin(o, 0);
	add_ids(o, RF_OP_SETRESUID, 0, 0, UINT32_MAX);
}

static void uid_other(struct ops *o)
{
	map_by_submitter(o);
	rf_prep_clone(o->c, RF_CLONE_PAYLOAD, 0);
	add_ids(o, RF_OP_SETRESUID, 3, 3, 3);
}

static void uid_unmapped(struct ops *o)
{
	ops_begin(o, 0);
	add_ids(o, RF_OP_SETRESUID, 4242, 4242, 4242);
}

/* ------------------------------------------------------------- capabilities */

static void add_capset(struct ops *o, uint64_t effective, uint64_t permitted,
		       uint64_t inheritable)
{
	struct rf_op *op = ops_add(o, RF_OP_CAPSET);

	op->u.capset.effective = effective;
	op->u.capset.permitted = permitted;
	op->u.capset.inheritable = inheritable;
}

static void add_securebits(struct ops *o, uint32_t bits)
{
	ops_add(o, RF_OP_SECUREBITS)->u.securebits.bits = bits;
}

static void add_ambient(struct ops *o, uint64_t caps)
{
	ops_add(o, RF_OP_AMBIENT)->u.ambient.caps = caps;
}

static void add_capbset(struct ops *o, uint64_t keep)
{
	struct rf_op *op = ops_add(o, RF_OP_CAPBSET);

	op->u.capbset.keep = keep;
	op->u.capbset.last = 40;
}

/* Root gets all of the bounding set by exec: NOROOT ends that. */
static void caps_few(struct ops *o)
{
	ops_begin(o, 0);
	add_securebits(o, SECBIT_NOROOT);
	add_capset(o, CAP(0) | CAP(40), CAP(0) | CAP(40), CAP(0) | CAP(40));
	add_ambient(o, CAP(0) | CAP(40));
}

static void caps_back(struct ops *o)
{
	ops_begin(o, 0);
	add_capset(o, 0, 0, 0);
	add_capset(o, CAP(0), CAP(0), 0);
}

static void bset_one(struct ops *o)
{
	ops_begin(o, 0);
	add_capbset(o, CAP(1));
}

static void bset_without_power(struct ops *o)
{
	ops_begin(o, 0);
	add_capset(o, 0, 0, 0);
	add_capbset(o, 0);
}

/* What changes nothing needs no power. */
static void bset_twice(struct ops *o)
{
	ops_begin(o, 0);
	add_capbset(o, 0);
	add_capset(o, 0, 0, 0);
	add_capbset(o, 0);
}

static void ambient_cleared(struct ops *o)
{
	ops_begin(o, 0);
	add_capset(o, ALL_CAPS, ALL_CAPS, CAP(3));
	add_ambient(o, CAP(3));
	add_ambient(o, 0);
}

static void ambient_not_inheritable(struct ops *o)
{
	ops_begin(o, 0);
	add_ambient(o, CAP(3));
}

static void bits_without_power(struct ops *o)
{
	ops_begin(o, 0);
	add_capset(o, 0, 0, 0);
	add_securebits(o, SECBIT_NOROOT);
}

static void bits_same_without_power(struct ops *o)
{
	ops_begin(o, 0);
	add_securebits(o, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
	add_capset(o, 0, 0, 0);
	add_securebits(o, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
}

static void no_new_privs(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_no_new_privs(o->c);
}

/* ---------------------------------------------------------- keyring, label */

static bool has_keyrings(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1) >= 0;
}

static void keyring_new(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_KEYRING);
}

static void keyring_long(struct ops *o)
{
	char name[9000];

	memset(name, 'k', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ops_begin(o, 0);
	ops_add(o, RF_OP_KEYRING)->u.keyring.name = ops_str(o, name);
}

/* Where AppArmor is on: what the kernel says of this process, said to it. */
static bool read_label(char *label, size_t size)
{
	int fd = open("/proc/self/attr/apparmor/current", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, label, size - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	label[n] = '\0';
	label[strcspn(label, " \n")] = '\0';
	return true;
}

static bool has_apparmor(void)
{
	char label[256];

	return read_label(label, sizeof(label));
}

static void label_own(struct ops *o)
{
	char text[300] = "exec ";

	EXPECT_TRUE(read_label(text + 5, sizeof(text) - 5));
	ops_begin(o, 0);
	ops_add(o, RF_OP_LABEL)->u.label.attr = ops_str(o, "apparmor/exec");
	o->c->ops[o->c->nr_ops - 1].u.label.label = ops_blob(o, text, strlen(text));
}

static void label_absent(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_LABEL)->u.label.attr = ops_str(o, "no-such-attribute");
	o->c->ops[o->c->nr_ops - 1].u.label.label = ops_blob(o, "x", 1);
}

static struct rf_op *add_label(struct ops *o, int slot, const char *attr, const char *label)
{
	rf_str a = ops_str(o, attr);
	struct rf_blob b = ops_blob(o, label, strlen(label));
	struct rf_op *op = ops_add(o, RF_OP_LABEL);

	op->u.label.slot = slot;
	op->u.label.attr = a;
	op->u.label.label = b;
	return op;
}

static int add_open(struct ops *o, int dir, const char *path, uint64_t flags)
{
	rf_str p = ops_str(o, path);
	struct rf_op *op = ops_add(o, RF_OP_OPEN);

	op->u.open.dir = dir;
	op->u.open.path = p;
	op->u.open.flags = flags | O_CLOEXEC;
	return op->out = rf_chain_slot(o->c);
}

/* The file of this very task, which was opened before. */
static void label_opened(struct ops *o)
{
	char text[300] = "exec ";

	EXPECT_TRUE(read_label(text + 5, sizeof(text) - 5));
	ops_begin(o, 0);
	add_label(o, add_open(o, -1, "/proc/thread-self/attr/apparmor/exec", O_WRONLY),
		  "apparmor/exec", text);
}

/* What is not of a procfs swallows nothing. */
static void label_swallowed(struct ops *o)
{
	ops_begin(o, 0);
	add_label(o, add_open(o, -1, "/dev/null", O_WRONLY), "exec", "exec x");
}

/* Read back by the file's path, for the mount is this namespace's. */
static void label_mount(struct ops *o)
{
	rf_str tmpfs, path;
	struct rf_op *op;
	int mount;

	ops_begin(o, CLONE_NEWNS);
	tmpfs = ops_str(o, "tmpfs");
	op = ops_add(o, RF_OP_MKFS);
	op->u.mkfs.type = tmpfs;
	mount = op->out = rf_chain_slot(o->c);
	add_label(o, mount, "security.selinux", "u:r:t:s0");
	path = ops_str(o, "/mnt");
	op = ops_add(o, RF_OP_MOVE_MOUNT);
	op->u.move_mount.from = mount;
	op->u.move_mount.to_path = path;
	op->u.move_mount.flags = MOVE_MOUNT_F_EMPTY_PATH;
	op->u.move_mount.entry = RF_ENTRY_NONE;
}

static void label_no_mount(struct ops *o)
{
	ops_begin(o, 0);
	add_label(o, add_open(o, -1, "/dev/null", O_WRONLY), "security.selinux", "x");
}

/* A file that is not below attr/: links and ".." are of no use. */
static void label_elsewhere(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_LABEL)->u.label.attr = ops_str(o, "../../../../../tmp");
	o->c->ops[o->c->nr_ops - 1].u.label.label = ops_blob(o, "x", 1);
}

#define STATUS(field, value) "grep -qx '" field ":\t" value "' /proc/self/status"
#define NEEDS(op, text, fn, result, command, what, word) \
	{ .kind = op, .name = text, .build = fn, .want = result, .check = command, \
	  .can = what, .need = word }

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_IDMAP, "one's own id is mapped", map_self, 0,
		 "test $(id -u) = 0; test \"$(cat /proc/self/setgroups)\" = deny"),
	FAILS(RF_OP_IDMAP, "another's id", map_another, EPERM),
	NEEDS(RF_OP_IDMAP, "a range is mapped by the submitter", map_by_submitter, 0,
	      "test $(wc -l </proc/self/uid_map) = 2; test $(cat /proc/self/setgroups) = allow",
	      harness_is_root, "root"),
	FAILS(RF_OP_IDMAP, "a map that is none", map_nonsense, EINVAL),
	NEEDS(RF_OP_SETGROUPS, "groups are set", groups_set, 0, "test \"$(id -G)\" = '0 3 5'",
	      harness_is_root, "root"),
	NEEDS(RF_OP_SETGROUPS, "the host's groups are set", groups_of_the_host, 0,
	      "test \"$(id -G)\" = '0 3 5'", harness_is_root, "root"),
	NEEDS(RF_OP_SETGROUPS, "groups are dropped", groups_dropped, 0, "test \"$(id -G)\" = 0",
	      harness_is_root, "root"),
	FAILS(RF_OP_SETGROUPS, "groups where that is denied", groups_denied, EPERM),
	SUCCEEDS(RF_OP_SETRESGID, "the same gid", gid_same, 0, "test $(id -g) = 0"),
	NEEDS(RF_OP_SETRESGID, "another gid", gid_other, 0, STATUS("Gid", "3\t3\t3\t3"),
	      harness_is_root, "root"),
	FAILS(RF_OP_SETRESGID, "a gid that is not mapped", gid_unmapped, EINVAL),
	SUCCEEDS(RF_OP_SETRESUID, "the same uid", uid_same, 0, "test $(id -u) = 0"),
	NEEDS(RF_OP_SETRESUID, "another uid", uid_other, 0, STATUS("Uid", "3\t3\t3\t3"),
	      harness_is_root, "root"),
	FAILS(RF_OP_SETRESUID, "a uid that is not mapped", uid_unmapped, EINVAL),
	SUCCEEDS(RF_OP_CAPSET, "few capabilities", caps_few, 0,
		 STATUS("CapEff", "0000010000000001") "; " STATUS("CapInh", "0000010000000001")),
	FAILS(RF_OP_CAPSET, "capabilities that are gone", caps_back, EPERM),
	SUCCEEDS(RF_OP_CAPBSET, "a bounding set of one", bset_one, 0,
		 STATUS("CapBnd", "0000000000000002") "; " STATUS("CapEff", "0000000000000002")),
	SUCCEEDS(RF_OP_CAPBSET, "dropping what is absent", bset_twice, 0,
		 STATUS("CapBnd", "0000000000000000")),
	FAILS(RF_OP_CAPBSET, "dropping without CAP_SETPCAP", bset_without_power, EPERM),
	SUCCEEDS(RF_OP_AMBIENT, "ambient capabilities", caps_few, 0,
		 STATUS("CapAmb", "0000010000000001")),
	SUCCEEDS(RF_OP_AMBIENT, "no ambient capabilities", ambient_cleared, 0,
		 STATUS("CapAmb", "0000000000000000")),
	FAILS(RF_OP_AMBIENT, "ambient but not inheritable", ambient_not_inheritable, EPERM),
	SUCCEEDS(RF_OP_SECUREBITS, "the same securebits", bits_same_without_power, 0,
		 STATUS("CapEff", "0000000000000000")),
	FAILS(RF_OP_SECUREBITS, "securebits without CAP_SETPCAP", bits_without_power, EPERM),
	NEVER_FAILS(RF_OP_NO_NEW_PRIVS, "no new privileges", no_new_privs, 0,
		    STATUS("NoNewPrivs", "1")),
	NEEDS(RF_OP_KEYRING, "a new session keyring", keyring_new, 0, NULL, has_keyrings, "keys"),
	NEEDS(RF_OP_KEYRING, "a name that is too long", keyring_long, -EINVAL, NULL, has_keyrings,
	      "keys"),
	NEEDS(RF_OP_LABEL, "a label", label_own, 0, NULL, has_apparmor, "apparmor"),
	NEEDS(RF_OP_LABEL, "a label by a file that was opened before", label_opened, 0, NULL,
	      has_apparmor, "apparmor"),
	FAILS(RF_OP_LABEL, "a label by a file that is none of /proc", label_swallowed, EXDEV),
	SUCCEEDS(RF_OP_LABEL, "a mount's label", label_mount, 0, "python3 -c 'import os; "
		 "assert os.getxattr(\"/mnt\", \"security.selinux\").rstrip(b\"\\0\") == b\"u:r:t:s0\"'"),
	FAILS(RF_OP_LABEL, "the label of a mount that is none", label_no_mount, ENOTDIR),
	FAILS(RF_OP_LABEL, "a label of no module", label_absent, ENOENT),
	FAILS(RF_OP_LABEL, "a file that is no attribute", label_elsewhere, EXDEV),
};

OPS_TESTS("identity", cases)
