/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "hint.h"
#include "oci_runtime.h"
#include "probe.h"
#include "report.h"
#include "sandbox.h"
#include "trace.h"

/* ------------------------------------------------------------------ descriptors */

/* Descriptors that the caller hands down; what they are is its business. */
int oci_io_pass(const struct oci_io *io, struct rf_sandbox *sb, struct rf_err *err)
{
	if (!io->preserve)
		return 0;
	sb->fds = rf_sandbox_alloc(sb, (size_t)io->preserve * sizeof(*sb->fds));
	if (!sb->fds)
		return rf_err_set(err, ENOMEM, "--preserve-fds");
	for (int i = 0; i < io->preserve; i++) {
		int fd = 3 + i, flags = fcntl(fd, F_GETFD);

		/* what is close-on-exec here is ours and not the caller's */
		if (flags < 0 || flags & FD_CLOEXEC)
			return rf_err_set(err, EBADF, "--preserve-fds: descriptor %d", fd);
		sb->fds[sb->nr_fds++] = (struct rf_fd_spec){
			.number = fd, .from = fd, .kind = RF_FD_INHERIT, .dir_ok = true,
		};
	}
	return 0;
}

/* ---------------------------------------------------------------- the terminal */

/* Of the caller where none of the three is: it has a size, and nothing goes there. */
static int look_further(struct rf_tty *tty, int *ret_fd)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rf_tty_look((const int[]){ fd, fd, fd }, tty);
	*ret_fd = fd;
	return 0;
}

/*
 * All three descriptors of the process are the terminal, whatever ours are, as with runc:
 * what our standard input has is typed there, what is shown goes to our standard output.
 * Where that is no terminal what is printed comes out as it was printed; where somebody
 * types at one it is raw meanwhile, and else nothing is echoed.
 */
static int look(struct oci_io *io, struct rf_tty *ret_tty)
{
	struct rf_tty tty;
	int size = 0, r = 0;
	uint32_t fds;

	rf_tty_look((const int[]){ 0, 1, 2 }, &tty);
	fds = tty.has_modes ? tty.fds : 0;
	while (fds && !(fds & 1U << size))
		size++;
	if (!fds)
		r = look_further(&tty, &size);
	if (r < 0)
		return r;
	io->ends = (struct terminal_ends){
		.in = 0, .out = 1, .tty = fds & 1 ? 0 : -1, .size = size, .mixed = !(fds & 2),
	};
	tty.fds = 7;
	tty.is_plain = !(fds & 1);
	if (!(fds & 2))
		rf_tty_unprocessed(&tty);
	*ret_tty = tty;
	return 0;
}

int oci_io_check(struct oci_io *io, struct rf_sandbox *sb, bool terminal, struct rf_err *err)
{
	if (!terminal && io->console_socket)
		return rf_err_set(err, EINVAL, "--console-socket: the process has no terminal");
	if (!terminal || io->console_socket)
		return 0;
	if (!io->attached)
		return rf_err_at(err, &sb->terminal_place, EINVAL, "process.terminal: nobody takes "
				 "the terminal: --console-socket says who");
	if (look(io, &sb->tty) == 0)
		return 0;
	rf_err_at(err, &sb->terminal_place, EINVAL, "process.terminal: the caller has no terminal, and "
		  "no --console-socket says who takes this one");
	rf_err_hint(err, "`terminal: false`, or script(1) for a terminal");
	return -EINVAL;
}

/* ------------------------------------------------------------------ the console */

static int connect_to(const char *option, const char *path, int *ret_fd, struct rf_err *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(a.sun_path))
		return rf_err_set(err, ENAMETOOLONG, "%s %s", option, path);
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof(a)) < 0) {
		rf_err_set(err, errno, "%s %s", option, path);
		if (fd >= 0)
			(void)close(fd);
		return -EIO;
	}
	*ret_fd = fd;
	return 0;
}

/* @name goes with it, for who reads it. */
static int send_fd(int to, const char *name, int fd)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } control = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct iovec iov = { .iov_base = (char *)(uintptr_t)name, .iov_len = strlen(name) };
	const struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
	return sendmsg(to, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int oci_io_connect(struct oci_io *io, struct rf_err *err)
{
	if (!io->console_socket)
		return 0;
	return connect_to("--console-socket", io->console_socket, &io->console, err);
}

/* Engines put it into blocking mode or not as they like. */
int oci_io_send(struct oci_io *io, int master, struct rf_err *err)
{
	int flags, r;

	if (io->attached && !io->console_socket && io->master < 0) {
		io->master = master;
		return 0;
	}
	flags = fcntl(master, F_GETFL);
	if (flags >= 0)
		(void)fcntl(master, F_SETFL, flags & ~O_NONBLOCK);
	r = io->console < 0 ? -EPROTO : send_fd(io->console, "/dev/ptmx", master);
	if (r < 0)
		r = rf_err_set(err, -r, "--console-socket %s", io->console_socket ? io->console_socket : "");
	(void)close(master);
	return r;
}

/* ------------------------------------------------------------------- failures */

static void no_command(const struct rf_sandbox *sb, int error, struct rf_err *err)
{
	const char *name = sb->argv[0];

	if (error == ENOENT && !strchr(name, '/'))
		rf_err_at(err, &sb->command_place, ENOENT,
			  "exec: \"%s\": executable file not found in $PATH", name);
	else
		rf_err_at(err, &sb->command_place, error, "exec: \"%s\"", name);
}

const char *oci_launch_failed(const struct rf_chain *c, const struct rf_sandbox *sb,
			      const struct rf_features *f, const struct rf_completion *done,
			      struct rf_err *err)
{
	struct rf_failed failed = { .chain = c, .error = -done->result, .sb = sb, .f = f,
				    .host = "" };
	struct rf_place place;
	char text[400];

	if (done->kind != RF_DONE_FAILED || done->index < 0) {
		rf_err_set(err, done->result < 0 ? -done->result : EIO, "the container's process");
		return NULL;
	}
	failed.op = &c->ops[done->index];
	failed.words = rf_context_link_words(done->ctx);
	if (failed.op->kind == RF_OP_FIND || failed.op->kind == RF_OP_EXEC) {
		no_command(sb, failed.error, err);
		return rf_chain_op_name(c, done->index);
	}
	place = op_place(c, done->index);
	(void)rf_op_print(c, failed.op, text, sizeof(text));
	rf_err_at(err, &place, failed.error, "%s", text);
	(void)rf_hint(&failed, err);
	return rf_chain_op_name(c, done->index);
}

/* ------------------------------------------------------------------ capabilities */

void oci_grant(struct rf_sandbox *sb, const struct rf_oci_config *c, const struct rf_features *f)
{
	const char *left_out = rf_oci_grant(sb, c, f);

	if (left_out)
		oci_warn("process.capabilities: left out, for they cannot be given here: %s", left_out);
}

/* ------------------------------------------------------------------ the pid file */

static int write_pid(const struct oci_io *io, pid_t pid, struct rf_err *err)
{
	char *temporary, text[24];
	int fd, r = 0;

	if (!io->pid_file)
		return 0;
	if (asprintf(&temporary, "%s.%d", io->pid_file, (int)getpid()) < 0)
		return rf_err_set(err, ENOMEM, "--pid-file");
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		r = -errno;
	if (r == 0)
		r = write_all(fd, text, strlen(text));
	if (fd >= 0)
		(void)close(fd);
	if (r == 0 && rename(temporary, io->pid_file) < 0)
		r = -errno;
	if (r < 0 && fd >= 0)
		(void)unlink(temporary);
	free(temporary);
	return r < 0 ? rf_err_set(err, -r, "--pid-file %s", io->pid_file) : 0;
}

static int send_pidfd(const struct oci_io *io, pid_t pid, struct rf_err *err)
{
	int to, fd, r;

	if (!io->pidfd_socket)
		return 0;
	r = connect_to("--pidfd-socket", io->pidfd_socket, &to, err);
	if (r < 0)
		return r;
	/* a child of ours, or parked: the number is its */
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = fd < 0 ? -errno : send_fd(to, "pidfd", fd);
	if (fd >= 0)
		(void)close(fd);
	(void)close(to);
	return r < 0 ? rf_err_set(err, -r, "--pidfd-socket %s", io->pidfd_socket) : 0;
}

int oci_io_tell(const struct oci_io *io, pid_t pid, struct rf_err *err)
{
	int r = write_pid(io, pid, err);

	return r < 0 ? r : send_pidfd(io, pid, err);
}
