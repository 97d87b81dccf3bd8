/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ops of the group "descriptors", on each engine. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops.h"

static void open_file(struct ops *o)
{
	int slot;

	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, RESOLVE_BENEATH, &slot);
	rf_prep_dup(o->c, slot, 0);
}

static void open_absent(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "absent", O_RDONLY, 0, 0, &slot);
}

static void open_outside(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "..", O_RDONLY, 0, RESOLVE_BENEATH, &slot);
}

static void open_directory(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), ".", O_RDONLY | RF_OPEN_NO_DIRECTORY, 0, 0, &slot);
}

static void open_mode(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_umask(o->c, 0);
	rf_prep_open(o->c, ops_dir(o), "new", O_WRONLY | O_CREAT | O_EXCL, 0640, 0, &slot);
	rf_prep_write(o->c, slot, NULL, "x", 1);
}

/* Every internal descriptor and the slot itself are in the way of these numbers. */
static void dup_over_all(struct ops *o)
{
	int slot, other;

	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &slot);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDONLY, 0, 0, &other);
	for (int fd = 3; fd < 12; fd++)
		rf_prep_dup(o->c, slot, fd);
	rf_prep_dup(o->c, other, 12);
}

static void dup_number(struct ops *o)
{
	struct rf_op *op;

	ops_begin(o, 0);
	op = ops_add(o, RF_OP_DUP);
	op->u.dup.from = 1;
	op->u.dup.to = 9;
}

static void dup_same_number(struct ops *o)
{
	struct rf_op *op;
	int slot;

	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &slot);
	rf_prep_dup(o->c, slot, 50);
	op = ops_add(o, RF_OP_DUP);
	op->u.dup.from = 50;
	op->u.dup.to = 50;
}

/* One of the numbers is the slot's, on engines that let the kernel choose it. */
static void dup_and_close(struct ops *o)
{
	int slot;

	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &slot);
	for (int to = 3; to < 12; to++)
		rf_prep_dup(o->c, slot, to);
	rf_prep_close(o->c, slot);
}

static void dup_closed(struct ops *o)
{
	struct rf_op *op;

	ops_begin(o, 0);
	op = ops_add(o, RF_OP_DUP);
	op->u.dup.from = 700;
	op->u.dup.to = 9;
}

static void dup_far(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_dup(o->c, ops_dir(o), 0x7fffffff);
}

static void close_slot(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_RDONLY, 0, 0, &slot);
	rf_prep_close(o->c, slot);
}

static void close_nothing(struct ops *o)
{
	ops_begin(o, 0);
	ops_add(o, RF_OP_CLOSE);
}

/* Descriptors of the test, low and high, that nobody names; and one that is given. */
static void close_range_all(struct ops *o)
{
	int slot, fd = open("/dev/null", O_RDONLY);

	EXPECT_TRUE(fd >= 0);
	EXPECT_INT(200, dup2(fd, 200));
	EXPECT_INT(301, dup2(fd, 301));
	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &slot);
	rf_prep_dup(o->c, slot, 0);
	rf_prep_close_range(o->c);
}

static void pipe_ends(struct ops *o)
{
	int r, w;

	ops_begin(o, 0);
	rf_prep_pipe(o->c, 0, &r, &w);
	rf_prep_write(o->c, w, NULL, "through\n", 8);
	rf_prep_dup(o->c, r, 0);
}

static void pipe_bad_flag(struct ops *o)
{
	int r, w;

	ops_begin(o, 0);
	rf_prep_pipe(o->c, O_DIRECTORY, &r, &w);
}

static struct rf_op *add_socket(struct ops *o, int domain, int type)
{
	struct rf_op *op = ops_add(o, RF_OP_SOCKET);

	op->u.socket.domain = domain;
	op->u.socket.type = type;
	op->out = rf_chain_slot(o->c);
	return op;
}

/* The pair of a devpts of its own: the terminal is number 0 there. */
static void pty_pair(struct ops *o)
{
	struct rf_op *op;
	int devpts, master, terminal;

	ops_begin(o, CLONE_NEWNS);
	op = ops_add(o, RF_OP_MKFS);
	devpts = rf_chain_slot(o->c);
	op->u.mkfs.type = ops_str(o, "devpts");
	op->u.mkfs.options = ops_blob(o, "ptmxmode\0000666\0", 14);
	op->out = devpts;
	rf_prep_pty(o->c, devpts, NULL, 5, 70, &master, &terminal);
	op = ops_add(o, RF_OP_MOVE_MOUNT);
	op->u.move_mount.from = devpts;
	op->u.move_mount.to_path = ops_str(o, "/dev/pts");
	op->u.move_mount.entry = RF_ENTRY_NONE;
	rf_prep_dup(o->c, master, 9);	/* without it the terminal has hung up */
	rf_prep_dup(o->c, terminal, 0);
	rf_prep_setsid(o->c);
	rf_prep_ctty(o->c, terminal);
}

static void pty_of_the_host(struct ops *o)
{
	int master, terminal;

	ops_begin(o, 0);
	rf_prep_pty(o->c, RF_SLOT_NONE, "/dev/ptmx", 0, 0, &master, &terminal);
	rf_prep_dup(o->c, terminal, 0);
	rf_prep_dup(o->c, master, 9);
}

/* A device that is no ptmx, at the end of a link where one should be. */
static void pty_elsewhere(struct ops *o)
{
	int master, terminal;
	char path[300];

	snprintf(path, sizeof(path), "%s/ptmx", o->dir);
	EXPECT_INT(0, symlink("/dev/null", path));
	ops_begin(o, 0);
	rf_prep_pty(o->c, RF_SLOT_NONE, path, 0, 0, &master, &terminal);
}

/* Below a directory only the file itself is taken. */
static void pty_link_in_devpts(struct ops *o)
{
	int master, terminal;
	char path[300];

	snprintf(path, sizeof(path), "%s/ptmx", o->dir);
	EXPECT_INT(0, symlink("/dev/ptmx", path));
	ops_begin(o, 0);
	rf_prep_pty(o->c, ops_dir(o), NULL, 0, 0, &master, &terminal);
}

static void pty_modes_too_long(struct ops *o)
{
	static const char modes[100];
	int master, terminal;

	ops_begin(o, 0);
	rf_prep_pty(o->c, RF_SLOT_NONE, "/dev/ptmx", 0, 0, &master, &terminal);
	o->c->ops[o->c->nr_ops - 1].u.pty.modes = ops_blob(o, modes, sizeof(modes));
}

static void socket_unix(struct ops *o)
{
	ops_begin(o, 0);
	rf_prep_dup(o->c, add_socket(o, AF_UNIX, SOCK_STREAM)->out, 9);
}

static void socket_bad(struct ops *o)
{
	ops_begin(o, 0);
	add_socket(o, 9999, SOCK_STREAM);
}

static void memfd_content(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_memfd(o->c, "note", "from memory\n", 12, &slot);
	o->c->ops[o->c->nr_ops - 1].u.memfd.seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL;
	rf_prep_dup(o->c, slot, 0);
}

static void memfd_bad_flag(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_memfd(o->c, "note", "x", 1, &slot);
	o->c->ops[o->c->nr_ops - 1].u.memfd.flags = 0x8000;
}

/* Both ends of a socket in the chain: what one end gets, the other has sent. */
static void add_pair(struct ops *o, int slots[2])
{
	int fds[2];

	EXPECT_INT(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	slots[0] = rf_chain_give(o->c, fds[0]);
	slots[1] = rf_chain_give(o->c, fds[1]);
}

static void add_send(struct ops *o, int socket, const int32_t *slots, size_t nr)
{
	struct rf_op *op = ops_add(o, RF_OP_SEND_FDS);

	op->u.send_fds.sock = socket;
	op->u.send_fds.slots = ops_blob(o, slots, nr * sizeof(*slots));
}

static void add_recv(struct ops *o, int socket, int32_t *slots, size_t nr)
{
	struct rf_op *op = ops_add(o, RF_OP_RECV_FDS);

	for (size_t i = 0; i < nr; i++)
		slots[i] = rf_chain_slot(o->c);
	op->u.recv_fds.sock = socket;
	op->u.recv_fds.slots = ops_blob(o, slots, nr * sizeof(*slots));
}

static void pass_fds(struct ops *o)
{
	int pair[2];
	int32_t sent[2], got[2];

	ops_file(o, "in", "hello\n");
	ops_begin(o, 0);
	add_pair(o, pair);
	rf_prep_open(o->c, ops_dir(o), "in", O_RDONLY, 0, 0, &sent[0]);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_WRONLY, 0, 0, &sent[1]);
	add_send(o, pair[0], sent, 2);
	add_recv(o, pair[1], got, 2);
	rf_prep_dup(o->c, got[0], 0);
	rf_prep_dup(o->c, got[1], 9);
}

static void send_to_submitter(struct ops *o)
{
	int slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_WRONLY, 0, 0, &slot);
	rf_prep_send_fd(o->c, slot);
}

static void send_two_to_submitter(struct ops *o)
{
	int32_t slots[2];

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_WRONLY, 0, 0, &slots[0]);
	slots[1] = slots[0];
	add_send(o, RF_SLOT_NONE, slots, 2);
}

static void send_nothing(struct ops *o)
{
	int pair[2];
	int32_t slot;

	ops_begin(o, 0);
	add_pair(o, pair);
	rf_prep_open(o->c, ops_dir(o), "absent", O_RDONLY, 0, 0, &slot);
	rf_op_link(o->c, (int)o->c->nr_ops - 1, RF_LINK_HARD);
	add_send(o, pair[0], &slot, 1);
}

static void send_to_file(struct ops *o)
{
	int32_t slot;

	ops_begin(o, 0);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_WRONLY, 0, 0, &slot);
	add_send(o, slot, &slot, 1);
}

static void recv_too_few(struct ops *o)
{
	int pair[2];
	int32_t sent, got[2];

	ops_begin(o, 0);
	add_pair(o, pair);
	rf_prep_open(o->c, RF_SLOT_NONE, "/dev/null", O_WRONLY, 0, 0, &sent);
	add_send(o, pair[0], &sent, 1);
	add_recv(o, pair[1], got, 2);
}

static void recv_end(struct ops *o)
{
	int pair[2];
	int32_t got;

	ops_begin(o, 0);
	add_pair(o, pair);
	rf_prep_close(o->c, pair[0]);
	/* the test's own end is still open */
	EXPECT_INT(0, shutdown(o->c->given[0].fd, SHUT_RDWR));
	add_recv(o, pair[1], &got, 1);
}

#define READ_HELLO "read -r line; test \"$line\" = hello"
/* Of a context nothing is left but what was dup'ed: ls has one for the directory. */
#define ONLY(fds) "test \"$(ls -m /proc/self/fd)\" = '" fds "'"

static const struct ops_case cases[] = {
	SUCCEEDS(RF_OP_OPEN, "a file is opened below a directory", open_file, OPS_ANY, READ_HELLO),
	SUCCEEDS(RF_OP_OPEN, "a file is made with a mode", open_mode, OPS_ANY,
	  "test $(stat -c %a $D/new) = 640; test $(stat -c %s $D/new) = 1"),
	FAILS(RF_OP_OPEN, "opening what is absent", open_absent, ENOENT),
	FAILS(RF_OP_OPEN, "opening beneath does not go up", open_outside, EXDEV),
	FAILS(RF_OP_OPEN, "a directory is not opened as a file", open_directory, EISDIR),
	SUCCEEDS(RF_OP_DUP, "dup moves whatever is in its way", dup_over_all, 12,
	  "test $(readlink /proc/self/fd/12) = /dev/null;"
	  "for n in 3 4 5 6 7 8 9 10 11; do test $(readlink /proc/self/fd/$n) = $D/in; done"),
	SUCCEEDS(RF_OP_DUP, "dup of a number", dup_number, 9, "test -e /proc/self/fd/9"),
	SUCCEEDS(RF_OP_DUP, "dup of a number to itself", dup_same_number, 50,
	  "test $(readlink /proc/self/fd/50) = $D/in"),
	SUCCEEDS(RF_OP_DUP, "a slot that is closed takes nothing along", dup_and_close, 11,
	  "for n in 3 4 5 6 7 8 9 10 11; do test $(readlink /proc/self/fd/$n) = $D/in; done"),
	FAILS(RF_OP_DUP, "dup of a number that is closed", dup_closed, EBADF),
	FAILS(RF_OP_DUP, "dup beyond the limit", dup_far, EBADF),
	SUCCEEDS(RF_OP_CLOSE, "close", close_slot, 0, ONLY("0, 1, 2, 3")),
	FAILS(RF_OP_CLOSE, "close of nothing", close_nothing, EBADF),
	NEVER_FAILS(RF_OP_CLOSE_RANGE, "close_range leaves what is named", close_range_all, 0,
	  ONLY("0, 1, 2, 3") "; " READ_HELLO),
	SUCCEEDS(RF_OP_PIPE, "a pipe has two ends", pipe_ends, 0,
	  "read -r line; test \"$line\" = through; ! read -r line"),
	FAILS(RF_OP_PIPE, "a pipe with a wrong flag", pipe_bad_flag, EINVAL),
	SUCCEEDS(RF_OP_PTY, "a terminal of its own devpts", pty_pair, 0,
	  "test $(tty) = /dev/pts/0; test \"$(stty size)\" = '5 70'; : </dev/tty"),
	SUCCEEDS(RF_OP_PTY, "a terminal of the host's devpts", pty_of_the_host, 0,
	  "stty -opost; echo through >&0; read -r line <&9; test \"$line\" = through"),
	FAILS(RF_OP_PTY, "a path that leads to another device", pty_elsewhere, ENOTTY),
	FAILS(RF_OP_PTY, "a link where the ptmx should be", pty_link_in_devpts, ELOOP),
	FAILS(RF_OP_PTY, "modes that are none", pty_modes_too_long, EINVAL),
	SUCCEEDS(RF_OP_SOCKET, "a socket", socket_unix, OPS_ANY, "test -S /proc/self/fd/9"),
	FAILS(RF_OP_SOCKET, "a socket of no family", socket_bad, EAFNOSUPPORT),
	SUCCEEDS(RF_OP_MEMFD, "a memfd has its content from the start", memfd_content, OPS_ANY,
	  "test \"$(cat)\" = 'from memory'; ! echo more >/proc/self/fd/0"),
	FAILS(RF_OP_MEMFD, "a memfd with a wrong flag", memfd_bad_flag, EINVAL),
	SUCCEEDS(RF_OP_SEND_FDS, "descriptors are sent", pass_fds, 0, READ_HELLO),
	SUCCEEDS(RF_OP_SEND_FDS, "what could not be opened is not sent", send_nothing, -ECANCELED,
		 NULL),
	FAILS(RF_OP_SEND_FDS, "sending into a file", send_to_file, ENOTSOCK),
	SUCCEEDS(RF_OP_SEND_FDS, "one to the submitter", send_to_submitter, 0, NULL),
	FAILS(RF_OP_SEND_FDS, "two to the submitter", send_two_to_submitter, EINVAL),
	SUCCEEDS(RF_OP_RECV_FDS, "descriptors are received", pass_fds, 0,
	  READ_HELLO "; test $(readlink /proc/self/fd/9) = /dev/null"),
	FAILS(RF_OP_RECV_FDS, "fewer descriptors than asked for", recv_too_few, EPROTO),
	FAILS(RF_OP_RECV_FDS, "descriptors from a closed socket", recv_end, EPIPE),
};

OPS_TESTS("descriptors", cases)
