/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "findings.h"
#include "report.h"
#include "sandbox.h"

/* <linux/ptrace.h> cannot be had together with <sys/ptrace.h>. */
#define SYSCALL_STOP	(SIGTRAP | 0x80)
#define OPTIONS	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | \
		 PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

/* io_uring has the same numbers on every architecture; x32 has a bit of its own. */
#define X32_BIT		0x40000000U
#define IO_URING_SETUP	425U
#define IO_URING_REGISTER 427U

/* The tracer's whole state. */
struct tracing {
	struct tracer	*t;
	struct judge	 judge;
	pid_t		 payload;
	bool		 started;	/* the command runs: exec has been seen */
	struct tracee	**tasks;
	size_t		 nr, max;
};

/* ------------------------------------------------------------------- tasks */

static struct tracee *task_of(struct tracing *s, pid_t tid)
{
	struct tracee **more;

	for (size_t i = 0; i < s->nr; i++)
		if (s->tasks[i]->tid == tid)
			return s->tasks[i];
	if (s->nr == s->max) {
		size_t max = s->max ? 2 * s->max : 16;

		more = realloc(s->tasks, max * sizeof(*more));
		if (!more)
			return NULL;
		s->tasks = more;
		s->max = max;
	}
	s->tasks[s->nr] = calloc(1, sizeof(**s->tasks));
	if (!s->tasks[s->nr])
		return NULL;
	s->tasks[s->nr]->tid = tid;
	return s->tasks[s->nr++];
}

static void task_gone(struct tracing *s, pid_t tid)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->tasks[i]->tid == tid) {
			free(s->tasks[i]);
			s->tasks[i] = s->tasks[--s->nr];
			return;
		}
}

/* ------------------------------------------------------------- system calls */

/*
 * Whatever the filter says, no ring: its requests would pass unseen.  The
 * number becomes that of no call, which the kernel answers by ENOSYS.
 */
static bool refuse_io_uring(const struct tracee *t)
{
	uint64_t nr = t->arch == call_arch ? t->nr & ~(uint64_t)X32_BIT : t->nr;

	if (nr < IO_URING_SETUP || nr > IO_URING_REGISTER)
		return false;
#if defined(__x86_64__)
	if (ptrace(PTRACE_POKEUSER, t->tid, 8 * 15 /* orig_rax */, -1L) < 0)
		(void)kill(t->tid, SIGKILL);
#elif defined(__aarch64__)
	struct { int nr; } none = { -1 };
	struct { void *base; size_t len; } iov = { &none, sizeof(none) };

	if (ptrace(PTRACE_SETREGSET, t->tid, 0x404 /* NT_ARM_SYSTEM_CALL */, &iov) < 0)
		(void)kill(t->tid, SIGKILL);
#endif
	return true;
}

static void call_entered(struct tracing *s, struct tracee *t,
			 const struct __ptrace_syscall_info *info)
{
	const struct call *c;

	t->entered = true;
	t->arch = info->arch;
	t->nr = info->entry.nr;
	t->ip = info->instruction_pointer;
	memcpy(t->args, info->entry.args, sizeof(t->args));
	t->wants[0] = t->wants[1] = 0;
	t->address_len = 0;
	if (refuse_io_uring(t)) {
		judge_io_uring(&s->judge, "io_uring");
		t->entered = false;
		return;
	}
	c = t->arch == call_arch ? call_find(t->nr) : NULL;
	if (c)
		tracee_read_call(t, c);
	if (s->t->explain)
		judge_entry(&s->judge, t, c);
	if (t->arch != call_arch)
		s->t->observed.foreign = true;
	else if (t->nr < OBSERVED_CALLS)
		s->t->observed.calls[t->nr / 64] |= 1ULL << t->nr % 64;
}

static void call_left(struct tracing *s, struct tracee *t,
		      const struct __ptrace_syscall_info *info)
{
	const struct call *c;
	int64_t value = info->exit.rval;

	if (!t->entered)	/* attached in the middle, or refused by us */
		return;
	t->entered = false;
	c = t->arch == call_arch ? call_find(t->nr) : NULL;
	if (!c)
		return;
	if (info->exit.is_error && s->t->explain)
		judge_exit(&s->judge, t, c, (int)-value);
	/* a connection in progress is one */
	if (s->t->learn && (!info->exit.is_error || value == -EINPROGRESS))
		observed_call(&s->t->observed, t, c);
}

static void syscall_stop(struct tracing *s, struct tracee *t)
{
	struct __ptrace_syscall_info info;

	memset(&info, 0, sizeof(info));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) <= 0)
		return;		/* it is being killed */
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		call_entered(s, t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		call_left(s, t, &info);
}

/* A program has started: what the kernel itself looked up for it. */
static void exec_stop(struct tracing *s, struct tracee *t)
{
	unsigned long former = 0;
	char path[PATH_MAX], next[PATH_MAX];

	(void)ptrace(PTRACE_GETEVENTMSG, t->tid, 0, &former);
	if (former && (pid_t)former != t->tid)	/* another thread's exec took the leader's place */
		task_gone(s, (pid_t)former);
	t->entered = false;
	s->started = true;
	s->t->observed.calls[SYS_execve / 64] |= 1ULL << SYS_execve % 64;
	if (!s->t->learn || !tracee_program(t->tid, path))
		return;
	observed_path(&s->t->observed, path, WANTS_EXEC);
	/* as deep as the kernel goes */
	for (int i = 0; i < 6 && tracee_interpreter(t->tid, path, next); i++) {
		observed_path(&s->t->observed, next, WANTS_EXEC);
		memcpy(path, next, sizeof(path));
	}
}

/* ------------------------------------------------------------------- stops */

static bool is_stop_signal(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* Let @tid go on. -ESRCH: it has been killed, and waitpid() will say so. */
static void go_on(const struct tracing *s, pid_t tid, int sig)
{
	(void)ptrace(s->started ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, (long)sig);
}

static void stopped(struct tracing *s, pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	struct tracee *t = task_of(s, tid);

	if (!t) {	/* no memory: what cannot be watched does not run */
		(void)kill(tid, SIGKILL);
		s->t->observed.incomplete = true;
	} else if (sig == SYSCALL_STOP) {
		syscall_stop(s, t);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC) {
		exec_stop(s, t);
		sig = 0;
	} else if (event == PTRACE_EVENT_STOP && is_stop_signal(sig)) {
		/* the whole process is stopped: it stays so until SIGCONT */
		(void)ptrace(PTRACE_LISTEN, tid, 0, 0);
		return;
	} else if (event) {	/* a new task, or one's first stop */
		sig = 0;
	}
	go_on(s, tid, sig);
}

/* Until the command has ended. */
static void trace(struct tracing *s)
{
	int status;
	pid_t tid;

	for (;;) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			return;
		if (WIFSTOPPED(status)) {
			stopped(s, tid, status);
			continue;
		}
		task_gone(s, tid);
		if (tid == s->payload)
			return;
	}
}

/* ------------------------------------------------------------- the process */

/* Of what the launcher has open only these two are ours. */
static void keep_only(int socket, int file)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		if (fd != socket && fd != file)
			(void)dup2(null, fd);
	for (unsigned int from = 3; from <= (unsigned int)~0U >> 1;) {
		unsigned int a = (unsigned int)socket, b = (unsigned int)file;
		unsigned int next = ~0U;

		if (a >= from)
			next = a;
		if (b >= from && b < next)
			next = b;
		if (next > from)
			(void)syscall(SYS_close_range, from, next == ~0U ? ~0U : next - 1, 0);
		if (next == ~0U)
			break;
		from = next + 1;
	}
}

static _Noreturn void be_tracer(struct tracer *t, const struct rf_sandbox *sb, int socket)
{
	struct tracing s = { .t = t, .judge = { .sb = sb, .found = &t->denials } };
	sigset_t all;
	int answer;

	/* ^C at the terminal is the command's */
	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)signal(SIGCHLD, SIG_DFL);
	keep_only(socket, t->file);
	if (recv(socket, &s.payload, sizeof(s.payload), 0) != sizeof(s.payload))
		_exit(0);	/* the launch has failed before there was a command */
	answer = ptrace(PTRACE_SEIZE, s.payload, 0, (long)OPTIONS) < 0 ? errno : 0;
	(void)send(socket, &answer, sizeof(answer), MSG_NOSIGNAL);
	if (answer)
		_exit(1);
	trace(&s);
	_exit(findings_write(t->file, t) < 0);
}

int tracer_start(struct tracer *t, const struct rf_sandbox *sb, struct rf_err *err)
{
	int sockets[2];

	t->file = memfd_create("ringfence-findings", MFD_CLOEXEC);
	if (t->file < 0)
		return rf_err_set(err, errno, "the tracer's file");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return rf_err_set(err, errno, "the tracer's socket");
	t->pid = fork();
	if (t->pid == 0) {
		(void)close(sockets[0]);
		be_tracer(t, sb, sockets[1]);
	}
	(void)close(sockets[1]);
	t->socket = sockets[0];
	if (t->pid < 0) {
		t->pid = 0;
		return rf_err_set(err, errno, "the tracer");
	}
	return 0;
}

int tracer_attach(struct tracer *t, pid_t pid, struct rf_err *err)
{
	int answer = ECHILD;

	if (send(t->socket, &pid, sizeof(pid), MSG_NOSIGNAL) != sizeof(pid) ||
	    recv(t->socket, &answer, sizeof(answer), 0) != sizeof(answer))
		answer = ECHILD;	/* it has been killed */
	if (!answer)
		return 0;
	rf_err_set(err, answer, "tracing the command");
	if (answer == EPERM)
		rf_err_hint(err, "a command that joins namespaces, whose ids the caller does not own, or "
			    "under kernel.yama.ptrace_scope 2 or 3 cannot be traced by this user");
	return -answer;
}

int tracer_finish(struct tracer *t, struct rf_err *err)
{
	int status = -1;
	pid_t r;

	if (!t->pid)
		return 0;
	(void)close(t->socket);
	t->socket = -1;
	do
		r = waitpid(t->pid, &status, 0);
	while (r < 0 && errno == EINTR);
	t->pid = 0;
	if (r < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return rf_err_set(err, EIO, "the tracer was lost; the command ended with it");
	if (findings_read(t->file, t) < 0)
		return rf_err_set(err, EIO, "the tracer's findings");
	return 0;
}

void tracer_done(struct tracer *t)
{
	if (t->socket >= 0)
		(void)close(t->socket);
	if (t->file >= 0)
		(void)close(t->file);
	t->socket = t->file = -1;
	denials_done(&t->denials);
	observed_done(&t->observed);
}

void tracer_print_limits(void)
{
	report_text("traced, which is slow; not seen: paths and ports of programs for another "
		    "architecture, what\n"
		    "  comes in by a descriptor, what the host's own permissions refuse; refused: io_uring and\n"
		    "  the command's own ptrace\n");
}
