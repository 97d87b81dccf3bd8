/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Executors of the group "place".
 */
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/signal.h>
#include <linux/prctl.h>

#include "run.h"

#define SIGSET_BYTES 8

/*
 * A directory outside the root can be reached by a descriptor or by
 * /proc/self/fd (CVE-2024-21626); getcwd then says "(unreachable)".
 */
static long check_cwd(struct rf_ctx *ctx)
{
	long r = rf_sys2(__NR_getcwd, ctx->scratch, RF_SCRATCH);

	if (r < 0)
		return r;
	return ctx->scratch[0] == '/' ? 0 : -ENOENT;
}

RF_EXECUTOR(chdir)
{
	const char *path = rf_ctx_str(ctx, op->u.chdir.path);
	long r = 0;

	if (op->u.chdir.dir >= 0)
		r = rf_sys1(__NR_fchdir, ctx->slots[op->u.chdir.dir]);
	if (!r && path)
		r = rf_sys1(__NR_chdir, path);
	return r ? r : check_cwd(ctx);
}

RF_EXECUTOR(chroot)
{
	long r = 0;

	if (op->u.chroot.dir >= 0)
		r = rf_sys1(__NR_fchdir, ctx->slots[op->u.chroot.dir]);
	return r ? r : rf_sys1(__NR_chroot, ".");
}

RF_EXECUTOR(hostname)
{
	const char *name = rf_ctx_str(ctx, op->u.hostname.name);
	size_t len = name ? rf_strlen(name) : 0;

	if (op->u.hostname.domain)
		return rf_sys2(__NR_setdomainname, name, len);
	return rf_sys2(__NR_sethostname, name, len);
}

/* In two steps, so that ".." cannot leave /proc/sys. */
RF_EXECUTOR(sysctl)
{
	long proc = rf_proc_open(), dir, fd, r;

	if (proc < 0)
		return proc;
	dir = rf_proc_at((int)proc, "sys", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	rf_close(proc);
	if (dir < 0)
		return dir;
	fd = rf_proc_at((int)dir, rf_ctx_str(ctx, op->u.sysctl.path), O_WRONLY,
			RESOLVE_NO_SYMLINKS);
	rf_close(dir);
	if (fd < 0)
		return fd;
	r = rf_write_once((int)fd, rf_ctx_blob(ctx, op->u.sysctl.value), op->u.sysctl.value.len);
	rf_close(fd);
	return r;
}

RF_EXECUTOR(setsid)
{
	long sid = rf_sys0(__NR_setsid);

	(void)ctx;
	(void)op;
	return sid < 0 ? sid : 0;
}

RF_EXECUTOR(ctty)
{
	int fd = op->u.ctty.slot >= 0 ? ctx->slots[op->u.ctty.slot] : op->u.ctty.fd;

	return rf_sys3(__NR_ioctl, fd, TIOCSCTTY, 0);
}

static _Noreturn void die(void)
{
	rf_sys2(__NR_kill, rf_sys0(__NR_getpid), SIGKILL);
	/* pid 1 of a pid namespace is deaf to its own signals */
	for (;;)
		rf_sys1(__NR_exit_group, 128 + SIGKILL);
}

/* The submitter may have died before the signal was asked for: then nobody sends it. */
RF_EXECUTOR(pdeathsig)
{
	long r = rf_sys5(__NR_prctl, PR_SET_PDEATHSIG, op->u.pdeathsig.sig, 0, 0, 0);
	struct pollfd submitter = { .fd = ctx->area->submitter_pidfd, .events = POLLIN };
	struct { int64_t sec, nsec; } now = { 0, 0 };

	if (r < 0 || submitter.fd < 0 || !op->u.pdeathsig.sig)
		return r;
	r = rf_sys5(__NR_ppoll, &submitter, 1, &now, 0, SIGSET_BYTES);
	if (r > 0)
		die();
	return r;
}

/* As the kernel has it; libc's differs. */
struct ksigaction {
	void		(*handler)(int);
	unsigned long	 flags;
	void		(*restorer)(void);
	uint64_t	 mask;
};

/* Also signals that are ignored, which even CLONE_CLEAR_SIGHAND leaves so. */
RF_EXECUTOR(sigdefault)
{
	const struct ksigaction act = { .handler = 0 };
	const uint32_t known = __atomic_load_n(&ctx->area->ignored_known, __ATOMIC_ACQUIRE);
	/* without an op: a clone that has left handlers in place, too */
	const uint64_t which = op && known ? ctx->area->ignored : ~0ULL;
	long r = 0;

	for (int sig = 1; !r && sig <= 64; sig++)
		if (which >> (sig - 1) & 1 && sig != SIGKILL && sig != SIGSTOP)
			r = rf_sys4(__NR_rt_sigaction, sig, &act, 0, SIGSET_BYTES);
	return r;
}

RF_EXECUTOR(sigmask)
{
	(void)ctx;
	return rf_sys4(__NR_rt_sigprocmask, SIG_SETMASK, &op->u.sigmask.mask, 0, SIGSET_BYTES);
}
