/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests as text: what tests compare, and what a person reads. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "native_lower.h"

/* d a number, x in hexadecimal, o in octal, s text, p other memory */
#define ROW(name, args) { __NR_##name, #name, args }
static const struct {
	uint32_t	 nr;
	const char	*name, *args;
} calls[] = {
	{ RF_CALL_TEST, "test", "pdxxxd" },
	ROW(capset, "pp"), ROW(chdir, "s"), ROW(chroot, "s"), ROW(close, "d"),
	ROW(close_range, "ddd"), ROW(dup3, "ddx"), ROW(exit_group, "d"), ROW(faccessat, "dsd"),
	ROW(fchdir, "d"), ROW(fchmod, "do"), ROW(fchmodat, "dso"), ROW(fchmodat2, "dsox"),
	ROW(fchownat, "dsddx"), ROW(fcntl, "ddd"), ROW(fsconfig, "ddssd"), ROW(fsetxattr, "dspd"),
	ROW(fsmount, "dxx"), ROW(fsopen, "sx"), ROW(fstatfs, "dp"), ROW(getcwd, "pd"),
	ROW(getpid, ""),
	ROW(ioctl, "dxd"), ROW(ioprio_set, "ddx"), ROW(keyctl, "ds"),
	ROW(landlock_add_rule, "ddp"), ROW(landlock_create_ruleset, "pd"),
	ROW(landlock_restrict_self, "dx"), ROW(lseek, "ddd"), ROW(memfd_create, "sx"),
	ROW(mkdirat, "dso"), ROW(mount_setattr, "dsxpd"), ROW(move_mount, "dsdsx"),
	ROW(open_tree, "dsx"), ROW(openat, "dsx"), ROW(openat2, "dspd"), ROW(personality, "x"),
	ROW(pipe2, "px"), ROW(pivot_root, "ss"), ROW(prctl, "ddd"), ROW(prlimit64, "ddp"),
	ROW(read, "dpd"), ROW(recvmsg, "dpx"), ROW(rt_sigaction, "dpdd"), ROW(rt_sigprocmask, "dpdd"),
	ROW(sched_setaffinity, "ddp"), ROW(sched_setattr, "dp"), ROW(seccomp, "dxp"),
	ROW(sendmsg, "dpx"),
	ROW(set_mempolicy, "dpd"), ROW(setdomainname, "sd"), ROW(setgroups, "dp"),
	ROW(sethostname, "sd"), ROW(setns, "dx"), ROW(setpriority, "ddd"), ROW(setresgid, "ddd"),
	ROW(setresuid, "ddd"), ROW(setsid, ""), ROW(socket, "ddd"), ROW(statx, "dsxxp"),
	ROW(symlinkat, "sds"), ROW(umask, "o"), ROW(umount2, "sx"), ROW(unshare, "x"),
	ROW(write, "dpd"),
};

struct out {
	const struct rf_chain	*c;
	const struct rf_native	*n;
	char			*buf;
	size_t			 size, len;
};

__attribute__((format(printf, 2, 3)))
static void put(struct out *o, const char *fmt, ...)
{
	const size_t left = o->len < o->size ? o->size - o->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(left ? o->buf + o->len : NULL, left, fmt, ap);
	va_end(ap);
	o->len += n > 0 ? (size_t)n : 0;
}

static const char *memory(const struct out *o, uint64_t at)
{
	return (at & RF_AT_DATA ? o->c->data : o->n->extra) + (at & RF_AT_OFFSET);
}

static void put_argument(struct out *o, char type, uint64_t arg, bool points)
{
	if (points && !arg)
		put(o, " none");
	else if (points && type == 's')
		put(o, " \"%s\"", memory(o, arg));
	else if (points)	/* where it is depends on what was before */
		put(o, " %s", arg & RF_AT_DATA ? "(data)" : "(extra)");
	else if (type == 'x')
		put(o, arg ? " 0x%" PRIx64 : " 0", arg);
	else if (type == 'o')
		put(o, " 0%" PRIo64, arg);
	else if ((int64_t)arg == AT_FDCWD)
		put(o, " cwd");
	else
		put(o, " %" PRId64, (int64_t)arg);
}

static void put_call(struct out *o, const struct rf_call *call)
{
	size_t row = 0;
	const char *args;

	while (row < sizeof(calls) / sizeof(calls[0]) && calls[row].nr != call->nr)
		row++;
	if (row == sizeof(calls) / sizeof(calls[0])) {
		put(o, "\n\tcall %" PRIu32, call->nr);
		return;
	}
	put(o, "\n\t%s", calls[row].name);
	args = calls[row].args;
	for (unsigned int i = 0; args[i]; i++)
		put_argument(o, args[i], call->args[i], call->points >> i & 1);
	if (call->flags & RF_CALL_FD)
		put(o, " -> %d", call->fd);
	if (call->flags & RF_CALL_RESULT)
		put(o, ", the result");
	if (call->flags & RF_CALL_NEED)
		put(o, ", or the op is left out");
	if (call->flags & RF_CALL_STORE)
		put(o, ", stored");
	if (call->flags & RF_CALL_SKIP_OK)
		put(o, ", then skip %d", call->skip);
	if (call->flags & RF_CALL_SKIP_ERR)
		put(o, ", on error %d skip %d", call->error, call->skip);
	if (call->flags & RF_CALL_ALWAYS)
		put(o, ", always");
}

int rf_native_print(const struct rf_chain *c, const struct rf_native *n, uint32_t index,
		    char *buf, size_t size)
{
	struct out o = { .c = c, .n = n, .buf = buf, .size = size };
	const struct rf_req *r = &n->req[index];

	put(&o, "%" PRIu32 " op %" PRIu32 " ", index, r->op);
	switch ((enum rf_req_kind)r->kind) {
	case RF_REQ_CLONE:
		put(&o, "clone 0x%" PRIx64, r->arg[0]);
		if (r->arg[1])
			put(&o, ", of which are the next %" PRIu64, r->arg[1]);
		if (r->fd >= 0)
			put(&o, " -> %d", r->fd);
		break;
	case RF_REQ_EXEC:
		put(&o, "exec");
		put_argument(&o, 'd', r->arg[0], false);
		put_argument(&o, 's', r->arg[1], true);
		put(&o, " 0x%" PRIx64, r->arg[4]);
		break;
	case RF_REQ_CALLS:
		put(&o, "calls");
		break;
	}
	if (r->hard)
		put(&o, ", may fail");
	if (r->absent)
		put(&o, ", may be missing");
	for (uint32_t i = 0; r->kind == RF_REQ_CALLS && i < r->nr; i++)
		put_call(&o, &n->call[r->first + i]);
	return (int)o.len;
}
