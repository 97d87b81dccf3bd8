/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pool and its callers say to each other, and whom it takes for its equal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "pool_peer.h"
#include "pool_wire.h"
#include "ringfence.h"

/* ------------------------------------------------------------------ requests */

static char *const argv[] = { "run", "--pool", "--", "echo", "two  words", "", NULL };
static char *const envp[] = { "A=b", "EMPTY=", NULL };

static struct pool_request request(void)
{
	struct pool_request q = {
		.argv = (char **)(uintptr_t)argv, .argc = 6, .envp = (char **)(uintptr_t)envp,
		.nr_env = 2, .cwd = "/some/where", .wants_verdict = true, .umask = 027,
		.numbers = { 0, 1, 2, 9 }, .nr_fds = 4,
	};

	q.rlimits[RLIMIT_NOFILE].soft = 77;
	q.rlimits[RLIMIT_NOFILE].hard = 88;
	return q;
}

TEST(a_request_comes_out_as_it_went_in)
{
	struct pool_request q = request(), got;
	size_t len;
	void *text = pool_request_pack(&q, &len);

	assert_non_null(text);
	EXPECT_INT(0, pool_request_unpack(text, len, &got));
	EXPECT_INT(6, got.argc);
	for (size_t i = 0; i < 6; i++)
		EXPECT_STR(argv[i], got.argv[i]);
	assert_null(got.argv[6]);
	EXPECT_INT(2, got.nr_env);
	EXPECT_STR("EMPTY=", got.envp[1]);
	assert_null(got.envp[2]);
	EXPECT_STR("/some/where", got.cwd);
	assert_true(got.wants_verdict);
	assert_false(got.has_spec);
	EXPECT_INT(027, got.umask);
	EXPECT_INT(77, got.rlimits[RLIMIT_NOFILE].soft);
	EXPECT_INT(88, got.rlimits[RLIMIT_NOFILE].hard);
	EXPECT_INT(4, got.nr_fds);
	EXPECT_INT(9, got.numbers[3]);
	pool_request_done(&got);
	free(text);
}

TEST(what_a_request_wants_does_not_mix)
{
	struct pool_request q = request(), got;

	for (unsigned int i = 0; i < 4; i++) {
		size_t len;
		void *text;

		q.wants_verdict = i & 1;
		q.has_spec = i & 2;
		text = pool_request_pack(&q, &len);
		assert_non_null(text);
		EXPECT_INT(0, pool_request_unpack(text, len, &got));
		EXPECT_INT(q.wants_verdict, got.wants_verdict);
		EXPECT_INT(q.has_spec, got.has_spec);
		pool_request_done(&got);
		free(text);
	}
}

TEST(a_request_that_is_cut_or_longer_is_none)
{
	struct pool_request q = request(), got;
	size_t len;
	char *text = pool_request_pack(&q, &len), *longer;

	assert_non_null(text);
	for (size_t n = 0; n < len; n++)
		EXPECT_INT(-EBADMSG, pool_request_unpack(text, n, &got));
	longer = calloc(1, len + 1);
	assert_non_null(longer);
	memcpy(longer, text, len);
	EXPECT_INT(-EBADMSG, pool_request_unpack(longer, len + 1, &got));
	free(longer);
	free(text);
}

TEST(a_request_whose_numbers_are_wrong_is_none)
{
	static const struct { size_t word; uint32_t value; } wrong[] = {
		{ 0, 0 },		/* no argv[0] */
		{ 0, 7 }, { 0, UINT32_MAX }, { 1, 3 }, { 1, UINT32_MAX },
		{ 2, POOL_FDS_MAX + 1 }, { 3, 4 }, { 4, 01000 }, { 5, UINT32_MAX },
	};
	struct pool_request q = request(), got;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint32_t *text = pool_request_pack(&q, &len);

		assert_non_null(text);
		text[wrong[i].word] = wrong[i].value;
		EXPECT_INT(-EBADMSG, pool_request_unpack(text, len, &got));
		free(text);
	}
	q.cwd = "relative";
	{
		void *text = pool_request_pack(&q, &len);

		EXPECT_INT(-EBADMSG, pool_request_unpack(text, len, &got));
		free(text);
	}
}

TEST(what_is_no_memfd_is_not_read)
{
	void *text = NULL;
	int fds[2], fd;

	EXPECT_INT(0, pipe(fds));
	EXPECT_INT(-EBADMSG, pool_memfd_read(fds[0], &text));
	close(fds[0]);
	close(fds[1]);
	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	EXPECT_INT(-EBADMSG, pool_memfd_read(fd, &text));
	close(fd);
	fd = pool_memfd("abc", 3);
	assert_true(fd >= 0);
	EXPECT_INT(3, pool_memfd_read(fd, &text));
	EXPECT_STR("abc", (char *)text);
	free(text);
	EXPECT_INT(0, ftruncate(fd, POOL_REQUEST_MAX + 1));
	EXPECT_INT(-EBADMSG, pool_memfd_read(fd, &text));
	close(fd);
}

/* ------------------------------------------------------------------- messages */

static int nr_open(void)
{
	int nr = 0;

	for (int fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

TEST(messages_carry_text_and_descriptors)
{
	struct pool_message m;
	struct stat a, b;
	int pair[2], before = nr_open();

	EXPECT_INT(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	EXPECT_INT(0, pool_receive(pair[1], false, &m));
	EXPECT_INT(0, pool_send(pair[0], POOL_SAY, 1, -2, "text", 4, (int[]){ 0, 1 }, 2));
	EXPECT_INT(1, pool_receive(pair[1], true, &m));
	EXPECT_INT(POOL_SAY, m.head.what);
	EXPECT_INT(1, m.head.value);
	EXPECT_INT(-2, m.head.more);
	EXPECT_STR("text", m.text);
	EXPECT_INT(2, m.nr_fds);
	EXPECT_INT(FD_CLOEXEC, fcntl(m.fds[0], F_GETFD));
	EXPECT_INT(0, fstat(0, &a));
	EXPECT_INT(0, fstat(m.fds[0], &b));
	EXPECT_INT(a.st_ino, b.st_ino);
	pool_message_done(&m);
	EXPECT_INT(-E2BIG, pool_send(pair[0], POOL_SAY, 0, 0, "x", POOL_TEXT_MAX + 1, NULL, 0));
	close(pair[0]);
	EXPECT_INT(-EPIPE, pool_receive(pair[1], true, &m));
	EXPECT_INT(-EPIPE, pool_send(pair[1], POOL_SAY, 0, 0, NULL, 0, NULL, 0));
	close(pair[1]);
	EXPECT_INT(before, nr_open());
}

/* Raw bytes with @nr descriptors. */
static void send_raw(int fd, const void *text, size_t len, size_t nr)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(200 * sizeof(int))]; } control = {
		.h = { .cmsg_len = CMSG_LEN(nr * sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS },
	};
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(CMSG_DATA(&control.h), 0, nr * sizeof(int));
	if (nr) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nr * sizeof(int));
	}
	EXPECT_INT(len, sendmsg(fd, &m, MSG_NOSIGNAL));
}

TEST(what_is_no_message_leaves_nothing_behind)
{
	static char text[sizeof(struct pool_head) + POOL_TEXT_MAX + 1];
	struct pool_head head = { .what = POOL_SAY };
	struct pool_message m;
	int pair[2], before;

	EXPECT_INT(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	before = nr_open();
	send_raw(pair[0], "short", 5, 1);
	EXPECT_INT(-EBADMSG, pool_receive(pair[1], true, &m));
	memcpy(text, &head, sizeof(head));
	send_raw(pair[0], text, sizeof(text), 1);
	EXPECT_INT(-EBADMSG, pool_receive(pair[1], true, &m));
	/* qemu-user 7.2 does not say that one was cut off, and keeps it */
	send_raw(pair[0], text, sizeof(head), POOL_FDS_MAX + 1);
	if (pool_receive(pair[1], true, &m) != -EBADMSG) {
		EXPECT_INT(POOL_FDS_MAX, m.nr_fds);
		pool_message_done(&m);
		before++;
	}
	head.what = POOL_WHAT_NR;
	send_raw(pair[0], &head, sizeof(head), 2);
	EXPECT_INT(-EBADMSG, pool_receive(pair[1], true, &m));
	head.what = 0;
	send_raw(pair[0], &head, sizeof(head), 0);
	EXPECT_INT(-EBADMSG, pool_receive(pair[1], true, &m));
	EXPECT_INT(before, nr_open());
	close(pair[0]);
	close(pair[1]);
}

/* --------------------------------------------------------------------- equals */

static int nothing(void) { return 0; }
static int no_new_privs(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
static int be_nice(void) { return nice(1) == -1 ? -1 : 0; }
static int another_personality(void) { return personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0; }
static int another_user_ns(void) { return unshare(CLONE_NEWUSER); }
static int later_pid_ns(void) { return unshare(CLONE_NEWUSER | CLONE_NEWPID); }
static int fewer_capabilities(void) { return prctl(PR_CAPBSET_DROP, 0, 0, 0, 0); }

static int another_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), r;

	r = write(fd, "7", 1) == 1 ? 0 : -1;
	close(fd);
	return r;
}

static int one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* A child that does @change and connects, until it is told to end. */
static pid_t connected(int listener, const struct sockaddr_un *to, socklen_t len,
		       int (*change)(void), int *ret_socket)
{
	struct pollfd poller = { .fd = listener, .events = POLLIN };
	siginfo_t info = { .si_pid = 0 };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		char byte;

		if (change() < 0) {	/* not for this caller, or not here */
			close(fd);
			_exit(77);
		}
		if (connect(fd, (const struct sockaddr *)to, len) < 0)
			_exit(1);
		(void)!read(fd, &byte, 1);
		_exit(0);
	}
	*ret_socket = -1;
	while (poll(&poller, 1, 10) == 0)
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
			return pid;
	*ret_socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return pid;
}

TEST(only_an_equal_is_served)
{
	static const struct { int (*change)(void); const char *what; } cases[] = {
		{ nothing, NULL },
		{ no_new_privs, "its no_new_privs" },
		{ be_nice, "its scheduling" },
		{ another_personality, "its personality" },
		{ another_oom_score, "its oom_score_adj" },
		{ another_user_ns, "its user namespace" },
		{ later_pid_ns, "its user namespace" },
		{ fewer_capabilities, "its capability bounding set" },
		{ one_processor, "its processors" },
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rf_err err = RF_ERR_INIT;
	struct pool_self *self = pool_self_new(&err);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd;
	socklen_t len;

	assert_non_null(self);
	SKIP_UNLESS(pool_peer_can_tell(self, &err) == 0, "pool", "%s", err.msg);
	len = (socklen_t)(sizeof(address.sun_family) + 1 +
			  snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
				   "ringfence-test-%d", getpid()));
	EXPECT_INT(0, bind(listener, (struct sockaddr *)&address, len));
	EXPECT_INT(0, listen(listener, 4));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[256] = "";
		const char *got;
		int status;
		pid_t pid;

		/* what one may not change one cannot differ by */
		if (cases[i].change == fewer_capabilities && geteuid() != 0)
			continue;
		if (cases[i].change == one_processor && sysconf(_SC_NPROCESSORS_ONLN) < 2)
			continue;
		pid = connected(listener, &address, len, cases[i].change, &fd);
		if (fd < 0) {
			EXPECT_INT(pid, waitpid(pid, &status, 0));
			EXPECT_INT(77, WEXITSTATUS(status));
			/* without user namespaces there is none to be in */
			assert_true(strstr(cases[i].what, "namespace") && !harness_has_userns());
			continue;
		}
		assert_true(pool_peer_is_ours(fd, false));
		got = pool_peer_differs(self, fd, why, sizeof(why));
		if (!cases[i].what)
			assert_null(got);
		else
			EXPECT_INT(0, strncmp(cases[i].what, why, strlen(cases[i].what)));
		close(fd);
		EXPECT_INT(pid, waitpid(pid, &status, 0));
		EXPECT_INT(0, status);
	}
	close(listener);
	pool_self_free(self);
}

TEST(one_that_is_dead_is_no_equal)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct rf_err err = RF_ERR_INIT;
	struct pool_self *self = pool_self_new(&err);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd, status;
	char why[256] = "";
	socklen_t len;
	pid_t pid;

	assert_non_null(self);
	len = (socklen_t)(sizeof(address.sun_family) + 1 +
			  snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
				   "ringfence-dead-%d", getpid()));
	EXPECT_INT(0, bind(listener, (struct sockaddr *)&address, len));
	EXPECT_INT(0, listen(listener, 4));
	pid = connected(listener, &address, len, nothing, &fd);
	assert_true(fd >= 0);
	kill(pid, SIGKILL);
	EXPECT_INT(pid, waitpid(pid, &status, 0));
	assert_non_null(pool_peer_differs(self, fd, why, sizeof(why)));
	EXPECT_INT(0, strncmp("what it is cannot be seen", why, 25));	/* on any kernel */
	close(fd);
	close(listener);
	pool_self_free(self);
}
