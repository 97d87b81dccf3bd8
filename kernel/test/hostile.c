// SPDX-License-Identifier: GPL-2.0
/*
 * Submitters that mean no good: they exit, exec, are killed, close the ring,
 * flood, race. Everything still completes once, or dies with its submitter.
 */
#include "ring.h"

#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/time.h>

#include "hostile.h"

unsigned int hostile_seed = 12345;
int hostile_rounds = 40;

static char *const true_argv[] = { "busybox", "true", NULL };

/* Is process @pid, which is nobody's child here, gone? Its number is in @path. */
static bool goes_away(pid_t pid)
{
	for (int i = 0; i < 300; i++) {
		if (kill(pid, 0) < 0 && errno == ESRCH)
			return true;
		usleep(10000);
	}
	return false;
}

/* ------------------------------------------------- the submitter goes away */

enum end { BY_EXIT, BY_EXEC, BY_KILL, BY_THREAD };

static void end_submitter(enum end how)
{
	if (how == BY_EXIT)
		_exit(0);
	if (how == BY_EXEC)
		execl("/bin/busybox", "busybox", "sleep", "0.2", NULL);
	for (;;)
		pause();
}

/* A chain that blocks, and a parked task; their numbers go to @out. */
static void submit_and_end(enum end how, int out)
{
	static struct ring r;
	char text[4];
	struct io_uring_task_call block = CALL(SYS_read, 0, P(text), 4);
	pid_t pids[2];
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe(p));
	block.args[0] = (uint64_t)p[0];
	sqe_linger(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	pids[0] = results[1];
	sqe_clone(&r, L, 0, 1);
	sqe_calls(&r, L, &block, 1, 2);
	sqe(&r, IORING_OP_NOP, 0, 3);
	ring_run(&r, 1);
	pids[1] = results[1];
	(void)!write(out, pids, sizeof(pids));
	usleep(10000);
	end_submitter(how);
}

static void submitter_ends(enum end how)
{
	pid_t pid, pids[2] = { 0 };
	int out[2];

	CHECK(!pipe2(out, O_CLOEXEC));
	/* what is left behind comes here */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fflush(stdout);
	pid = fork();
	if (!pid)
		submit_and_end(how, out[1]);
	close(out[1]);
	CHECK_IS(read(out[0], pids, sizeof(pids)), sizeof(pids));
	close(out[0]);
	if (how == BY_KILL)
		kill(pid, SIGKILL);
	status_of(pid);
	for (int i = 0; i < 2; i++)
		CHECK(died_of(pids[i], SIGKILL));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void submitter_exits(void)
{
	submitter_ends(BY_EXIT);
}

static void submitter_execs(void)
{
	submitter_ends(BY_EXEC);
}

static void submitter_killed(void)
{
	submitter_ends(BY_KILL);
}

static void *submit_in_thread(void *arg)
{
	struct ring *r = arg;

	ring_open(r, 16);
	sqe_linger(r, L, 0, 1);
	sqe(r, IORING_OP_NOP, 0, 2);
	ring_run(r, 2);
	return NULL;
}

/* It follows the thread that submitted, also where the process lives on. */
static void submitting_thread_exits(void)
{
	static struct ring r;
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, submit_in_thread, &r);
	pthread_join(thread, NULL);
	pid = results[1];
	CHECK(died_of(pid, SIGKILL));
	ring_close(&r);
}

static void threaded(void)
{
	in_child(submitting_thread_exits);
}

static void ring_closed_under_a_chain(void)
{
	char text[4];
	struct io_uring_task_call block = CALL(SYS_read, 0, P(text), 4);
	struct ring r;
	int p[2];
	pid_t pid;

	CHECK(!pipe2(p, O_CLOEXEC));
	block.args[0] = (uint64_t)p[0];
	for (int i = 0; i < 2; i++) {
		ring_open(&r, 16);
		/* its own table holds the ring as well, unless shared */
		sqe_clone(&r, L, CLONE_FILES, 1);
		if (i == 0)
			sqe_calls(&r, L, &block, 1, 2);
		else
			r.sqes[(r.tail - 1) & *r.sq_mask].clone_flags = IORING_CLONE_LINGER;
		sqe(&r, IORING_OP_NOP, 0, 3);
		ring_run(&r, i == 0 ? 1 : 2);
		pid = results[1];
		usleep(20000);
		CHECK(is_alive(pid));
		ring_close(&r);
		CHECK(died_of(pid, SIGKILL));
	}
	close(p[0]);
	close(p[1]);
}

/* Each is killed at another moment, exec among them. */
static void kill_races_exec(void)
{
	struct ring r;
	int died = 0, ran = 0;

	ring_open(&r, 16);
	for (int i = 0; i < hostile_rounds * 4; i++) {
		pid_t pid;
		int status;

		sqe_clone(&r, L, 0, 1);
		sqe_unshare(&r, L, CLONE_NEWUTS, 2);
		sqe_exec(&r, H, "/nonexistent", true_argv, 3);
		sqe_exec(&r, 0, "/bin/busybox", true_argv, 4);
		ring_run(&r, 1);
		pid = results[1];
		for (int k = 0; k < i * 300; k++)
			__asm__ volatile("pause");
		kill(pid, SIGKILL);
		ring_collect(&r, 3);
		CHECK(results[2] == 0 || results[2] == -ECANCELED || results[2] == -EINTR);
		CHECK(results[4] <= 0 && results[4] != NO_RES);
		status = status_of(pid);
		died += WIFSIGNALED(status);
		ran += results[4] == 0;
	}
	printf("  %d killed, %d were executed\n", died, ran);
	CHECK(died > 0);
	CHECK(ring_is_empty(&r));
	ring_close(&r);
}

/* More than it may have, more than the ring takes, and nobody who reads completions. */
static void flood(void)
{
	const struct rlimit limit = { 40, 40 };
	struct ring r;
	int made = 0, refused = 0;

	become_user();
	setrlimit(RLIMIT_NPROC, &limit);
	ring_open(&r, 64);
	for (int i = 0; i < 64; i++) {
		/* in the same table, or they would hold the ring */
		sqe_linger(&r, L, CLONE_FILES, 1);
		sqe(&r, IORING_OP_NOP, 0, 2);
		if (i % 16 == 15)
			while (r.pending && ring_submit(&r, 0) == -EBUSY)
				;
	}
	for (int i = 0; i < 128; i++) {
		struct io_uring_cqe c;

		if (!ring_next(&r, &c)) {
			CHECK(!"all completions");
			break;
		}
		if (c.user_data == 1) {
			made += c.res > 0;
			refused += c.res == -EAGAIN;
		}
	}
	CHECK_IS(made + refused, 64);
	CHECK(made > 0 && made < 40);
	ring_close(&r);
	for (int i = 0; i < made; i++)
		CHECK(died_of(-1, SIGKILL));
}

static void flooded(void)
{
	in_child(flood);
}

/* The new program is a ring user itself, and has the old ring, too. */
static void exec_into_a_ring_user(void)
{
	char *const argv[] = { "spawn-test", "hello", NULL };
	const char *said;
	struct ring r;
	int p[2];

	ring_open(&r, 16);
	CHECK(!pipe2(p, O_CLOEXEC));
	fcntl(r.fd, F_SETFD, 0);
	sqe_clone(&r, L, 0, 1);
	sqe_dup(&r, L, p[1], 1, 2);
	sqe_exec(&r, 0, "/proc/self/exe", argv, 3);
	ring_run(&r, 3);
	CHECK_IS(results[3], 0);
	close(p[1]);
	said = slurp(p[0]);
	CHECK(strstr(said, "1..3\n") && !strstr(said, "not ok"));
	CHECK(exited_with(results[1], 0));
	ring_close(&r);
}

/* Somebody else with the same ring does not get at the tasks of this one. */
static void foreign_resume(void)
{
	struct ring r;
	pid_t pid, other;

	if (setup_flags & IORING_SETUP_SINGLE_ISSUER)
		return;
	ring_open(&r, 16);
	sqe_linger(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	pid = results[1];
	fflush(stdout);
	other = fork();
	if (!other) {
		failures = 0;
		sqe_resume(&r, H, pid, 1);
		sqe(&r, IORING_OP_NOP, 0, 2);
		ring_run(&r, 2);
		CHECK_IS(results[1], -ESRCH);
		CHECK_IS(results[2], -ECANCELED);
		_exit(failures != 0);
	}
	CHECK(exited_with(other, 0));
	CHECK(is_alive(pid));
	kill(pid, SIGKILL);
	CHECK(died_of(pid, SIGKILL));
	ring_close(&r);
}

/* A parked task that is traced, and its tracer that goes away. */
static void tracer_of_a_parked_task(void)
{
	struct ring r;
	pid_t pid, tracer;
	int status;

	ring_open(&r, 16);
	sqe_linger(&r, L, 0, 1);
	sqe(&r, IORING_OP_NOP, 0, 2);
	ring_run(&r, 2);
	pid = results[1];
	fflush(stdout);
	tracer = fork();
	if (!tracer) {
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
			_exit(1);
		if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
			_exit(2);
		_exit(0);
	}
	CHECK(exited_with(tracer, 0));
	sqe_resume(&r, L, pid, 1);
	sqe_exec(&r, 0, "/bin/busybox", true_argv, 2);
	ring_run(&r, 2);
	CHECK_IS(results[2], 0);
	CHECK(exited_with(pid, 0));
	ring_close(&r);
}

/* ------------------------------------------------------------------- random */

static unsigned int random_state;

static unsigned int rnd(unsigned int n)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % n;
}

static struct io_uring_task_call random_calls[] = {
	CALL(SYS_umask, 022),
	CALL(SYS_chdir, P("/tmp")),
	CALL(SYS_chdir, P("/nonexistent")),
	CALL(SYS_close, 25),
	CALL(SYS_setsid),
	CALL(SYS_mount, P("t"), P("/mnt"), P("tmpfs")),
	CALL(SYS_sethostname, P("x"), 1),
	{ .nr = SYS_openat, .flags = IORING_CALL_FD, .fd = 25,
	  .args = { (uint64_t)AT_FDCWD, P("/dev/null"), O_RDWR } },
	CALL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1),
	CALL(SYS_setresuid, 1000, 1000, 1000),
	CALL(SYS_kill, 0x7fffffff, SIGKILL),
	CALL(SYS_pidfd_open, 1),
};
#define NR_RANDOM_CALLS (sizeof(random_calls) / sizeof(random_calls[0]))

static void random_request(struct ring *r, unsigned int link, int left)
{
	unsigned int n;

	switch (rnd(13)) {
	case 0:
		sqe(r, IORING_OP_NOP, link, 2);
		break;
	case 1:
		sqe_unshare(r, link, rnd(2) ? CLONE_NEWUTS : CLONE_NEWNS | CLONE_NEWIPC, 2);
		break;
	case 2:
		sqe_mount(r, link, "t", "/mnt", "tmpfs", rnd(2) ? 0 : MS_RDONLY, 2);
		break;
	case 3:
		sqe_open(r, link, rnd(3) ? "/dev/null" : "/nonexistent", O_RDWR, 0, 2);
		break;
	case 4:
		sqe_dup(r, link, (int)rnd(8), 20 + (int)rnd(9), 2);
		break;
	case 5:
		sqe_write(r, link, rnd(2) ? r->fd : 99, "x", 2);
		break;
	case 6:
		sqe(r, IORING_OP_CLOSE, link, 2)->fd = 20 + (int)rnd(9);
		break;
	case 7:
		sqe_exec(r, link, rnd(3) ? "/bin/busybox" : "/nonexistent", true_argv, 3);
		break;
	case 8:
		sqe(r, IORING_OP_SETNS, link, 2)->fd = (int)rnd(9);
		break;
	case 9:
		sqe_clone(r, link, rnd(2) ? CLONE_PARENT : CLONE_PARENT | CLONE_VFORK, 1)->len =
			rnd((unsigned int)left + 1);
		break;
	default:
		n = rnd(NR_RANDOM_CALLS);
		sqe_calls(r, link, &random_calls[n], 1 + rnd((unsigned int)(NR_RANDOM_CALLS - n)),
			  2);
	}
}

/* A few chains, some for tasks that linger. The number of requests. */
static int random_chains(struct ring *r, const pid_t *parked, int nr_parked)
{
	int nr = 0;

	for (unsigned int chains = 1 + rnd(10); chains; chains--) {
		int len = 1 + (int)rnd(8);
		unsigned int link = rnd(4) ? L : H;

		if (nr_parked && rnd(3) == 0) {
			sqe_resume(r, link, parked[rnd((unsigned int)nr_parked)], 4);
			if (rnd(4) == 0)
				r->sqes[(r->tail - 1) & *r->sq_mask].resume_flags = IORING_RESUME_LAST;
		} else {
			sqe_clone(r, link, rnd(5) ? 0 : CLONE_FILES, 1)->clone_flags =
				rnd(3) ? 0 : IORING_CLONE_LINGER;
		}
		nr++;
		for (int i = 0; i < len; i++, nr++)
			random_request(r, i == len - 1 ? 0 : rnd(2) ? L : H, len - 1 - i);
	}
	return nr;
}

static void random_rounds(void)
{
	static pid_t pids[256];
	long total = 0, execs = 0, kills = 0;
	struct ring r;

	random_state = hostile_seed + setup_flags;
	unshare(CLONE_NEWNS | CLONE_NEWUTS);
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	ring_open(&r, 512);
	signal(SIGALRM, SIG_IGN);
	for (int round = 0; round < hostile_rounds; round++) {
		int nr_pids = 0, nr;

		nr = random_chains(&r, pids, 0);
		for (int part = 0; part < 2; part++) {
			while (r.pending)
				ring_submit(&r, 0);
			for (int i = 0; i < nr; i++) {
				struct io_uring_cqe c;

				if (!ring_next(&r, &c)) {
					printf("  round %d: %d of %d\n", round, i, nr);
					CHECK(!"all completions");
					return;
				}
				total++;
				if (c.user_data == 1 && c.res > 0 && nr_pids < 256) {
					pids[nr_pids++] = c.res;
					if (rnd(6) == 0)
						kills += !kill(c.res, SIGKILL);
				}
				execs += c.user_data == 3 && c.res == 0;
			}
			nr = part ? 0 : random_chains(&r, pids, nr_pids);
		}
		for (int i = 0; i < nr_pids; i++) {
			kill(pids[i], SIGKILL);
			CHECK(status_of(pids[i]) >= 0);
		}
		CHECK(ring_is_empty(&r));
	}
	printf("  %ld completions, %ld execs, %ld killed\n", total, execs, kills);
	ring_close(&r);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void random_chains_complete(void)
{
	in_child(random_rounds);
}

/* Random chains of a submitter that is killed at a random moment. */
static void random_deaths(void)
{
	for (int i = 0; i < hostile_rounds / 2; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct ring r;

			random_state = hostile_seed * 7 + (unsigned int)i;
			unshare(CLONE_NEWNS | CLONE_NEWUTS);
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
			ring_open(&r, 512);
			for (;;) {
				random_chains(&r, NULL, 0);
				while (r.pending && ring_submit(&r, 0) >= 0)
					;
				__atomic_store_n(r.cq_head, *r.cq_tail, __ATOMIC_RELEASE);
				while (waitpid(-1, NULL, WNOHANG) > 0)
					;
			}
		}
		usleep(1000 + (useconds_t)(i * 1500));
		kill(pid, SIGKILL);
		CHECK(died_of(pid, SIGKILL));
	}
}

static void all_go_with_the_submitter(void)
{
	double until;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	in_child(random_deaths);
	/* those that were made are orphans by now, and dead or `true` */
	until = now() + 20;
	while (waitpid(-1, NULL, WNOHANG) >= 0 && now() < until)
		usleep(1000);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	CHECK(goes_away(0x3fffffff));
}

const struct test hostile_tests[] = {
	{ "submitter exits", submitter_exits },
	{ "submitter execs", submitter_execs },
	{ "submitter killed", submitter_killed },
	{ "submitting thread exits", threaded },
	{ "ring closed under a chain", ring_closed_under_a_chain },
	{ "kill races exec", kill_races_exec },
	{ "flood", flooded },
	{ "exec into a ring user", exec_into_a_ring_user },
	{ "foreign resume", foreign_resume },
	{ "tracer of a parked task", tracer_of_a_parked_task },
	{ "random chains", random_chains_complete },
	{ "random deaths", all_go_with_the_submitter },
	{ NULL, NULL }
};
