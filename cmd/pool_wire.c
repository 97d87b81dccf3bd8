/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool_wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

union control {
	struct cmsghdr	 head;
	char		 space[CMSG_SPACE(POOL_FDS_MAX * sizeof(int))];
};

int pool_send(int socket, enum pool_what what, int value, int more, const char *text, size_t len,
	      const int *fds, size_t nr_fds)
{
	struct pool_head head = { (uint32_t)what, value, more };
	struct iovec iov[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = (void *)(uintptr_t)text, .iov_len = text ? len : 0 },
	};
	union control control = { .head = { .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (nr_fds > POOL_FDS_MAX || iov[1].iov_len > POOL_TEXT_MAX)
		return -E2BIG;
	if (nr_fds) {
		control.head.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, nr_fds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
	}
	do
		n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The descriptors of a message; those that there is no room for the kernel has closed. */
static void take_fds(struct msghdr *m, struct pool_message *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    nr > POOL_FDS_MAX - ret->nr_fds)
			continue;
		memcpy(ret->fds + ret->nr_fds, CMSG_DATA(c), nr * sizeof(int));
		ret->nr_fds += nr;
	}
}

int pool_receive(int socket, bool wait, struct pool_message *ret)
{
	struct iovec iov[2] = {
		{ .iov_base = &ret->head, .iov_len = sizeof(ret->head) },
		{ .iov_base = ret->text, .iov_len = POOL_TEXT_MAX },
	};
	union control control;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	int resets = 0;
	ssize_t n;

	ret->nr_fds = ret->len = 0;
	/* who closes without reading resets; what it has sent before comes behind that */
	do
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !resets++)));
	if (n < 0)
		return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
	take_fds(&m, ret);
	if (n == 0) {
		pool_message_done(ret);
		return -EPIPE;
	}
	if ((size_t)n < sizeof(ret->head) || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    ret->head.what < POOL_RUN || ret->head.what >= POOL_WHAT_NR) {
		pool_message_done(ret);
		return -EBADMSG;
	}
	ret->len = (size_t)n - sizeof(ret->head);
	ret->text[ret->len] = '\0';
	return 1;
}

void pool_message_done(struct pool_message *m)
{
	for (size_t i = 0; i < m->nr_fds; i++)
		if (m->fds[i] >= 0)
			(void)close(m->fds[i]);
	m->nr_fds = 0;
}

/* ------------------------------------------------------------------- a request */

#define WANTS_VERDICT	(1U << 0)
#define HAS_SPEC	(1U << 1)

/* Before the strings: cwd, arguments, environment, each with its NUL. */
struct packed {
	uint32_t	 argc, nr_env, nr_fds;
	uint32_t	 flags, umask;
	int32_t		 numbers[POOL_FDS_MAX];
	struct { uint64_t soft, hard; } rlimits[16];
};

static size_t length_of(char *const *strings, size_t nr)
{
	size_t len = 0;

	for (size_t i = 0; i < nr; i++)
		len += strlen(strings[i]) + 1;
	return len;
}

static char *put_strings(char *at, char *const *strings, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		at = stpcpy(at, strings[i]) + 1;
	return at;
}

void *pool_request_pack(const struct pool_request *q, size_t *ret_len)
{
	size_t len = sizeof(struct packed) + strlen(q->cwd) + 1 + length_of(q->argv, q->argc) +
		     length_of(q->envp, q->nr_env);
	struct packed *p = calloc(1, len);
	char *at;

	if (!p)
		return NULL;
	p->argc = (uint32_t)q->argc;
	p->nr_env = (uint32_t)q->nr_env;
	p->nr_fds = (uint32_t)q->nr_fds;
	p->flags = (q->wants_verdict ? WANTS_VERDICT : 0) | (q->has_spec ? HAS_SPEC : 0);
	p->umask = q->umask;
	for (size_t i = 0; i < q->nr_fds && i < POOL_FDS_MAX; i++)
		p->numbers[i] = q->numbers[i];
	memcpy(p->rlimits, q->rlimits, sizeof(p->rlimits));
	at = stpcpy((char *)(p + 1), q->cwd) + 1;
	at = put_strings(at, q->argv, q->argc);
	(void)put_strings(at, q->envp, q->nr_env);
	*ret_len = len;
	return p;
}

/* @nr strings from *@at on, none of which goes beyond @end; NULL: there are not so many. */
static char **get_strings(char **at, const char *end, size_t nr)
{
	char **strings = nr > (size_t)(end - *at) ? NULL : calloc(nr + 1, sizeof(*strings));

	for (size_t i = 0; strings && i < nr; i++) {
		char *nul = *at < end ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;

		if (!nul) {
			free(strings);
			return NULL;
		}
		strings[i] = *at;
		*at = nul + 1;
	}
	return strings;
}

static bool are_numbers(const struct packed *p)
{
	for (uint32_t i = 0; i < p->nr_fds; i++)
		if (p->numbers[i] < 0)
			return false;
	return true;
}

int pool_request_unpack(const void *text, size_t len, struct pool_request *ret)
{
	struct pool_request q = { .argc = 0 };
	struct packed p;
	char **cwd, *at, *end;

	if (len < sizeof(p) || len > POOL_REQUEST_MAX)
		return -EBADMSG;
	memcpy(&p, text, sizeof(p));
	if (!p.argc || p.nr_fds > POOL_FDS_MAX || !are_numbers(&p) || p.umask > 0777 ||
	    p.flags & ~(WANTS_VERDICT | HAS_SPEC))
		return -EBADMSG;
	q.memory = malloc(len - sizeof(p) + 1);
	if (!q.memory)
		return -ENOMEM;
	at = q.memory;
	end = at + (len - sizeof(p));
	memcpy(at, (const char *)text + sizeof(p), len - sizeof(p));
	cwd = get_strings(&at, end, 1);
	q.cwd = cwd ? *cwd : NULL;
	free(cwd);
	q.argv = q.cwd ? get_strings(&at, end, p.argc) : NULL;
	q.envp = q.argv ? get_strings(&at, end, p.nr_env) : NULL;
	if (!q.envp || at != end || *q.cwd != '/') {
		pool_request_done(&q);
		return -EBADMSG;
	}
	q.argc = p.argc;
	q.nr_env = p.nr_env;
	q.nr_fds = p.nr_fds;
	q.wants_verdict = p.flags & WANTS_VERDICT;
	q.has_spec = p.flags & HAS_SPEC;
	q.umask = p.umask;
	memcpy(q.rlimits, p.rlimits, sizeof(q.rlimits));
	for (size_t i = 0; i < q.nr_fds; i++)
		q.numbers[i] = p.numbers[i];
	*ret = q;
	return 0;
}

void pool_request_done(struct pool_request *q)
{
	free(q->argv);
	free(q->envp);
	free(q->memory);
	*q = (struct pool_request){ .argc = 0 };
}

/* ----------------------------------------------------------------------- memfds */

int pool_memfd(const void *text, size_t len)
{
	int fd = memfd_create("ringfence-pool", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, text, len);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

long pool_memfd_read(int fd, void **ret)
{
	struct stat st;
	char *text;
	size_t len = 0;
	ssize_t n;

	/* anything but memory could make us wait */
	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) < 0 || st.st_size < 0 ||
	    st.st_size > (off_t)POOL_REQUEST_MAX)
		return -EBADMSG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	do {
		n = pread(fd, text + len, (size_t)st.st_size - len, (off_t)len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && len < (size_t)st.st_size);
	if (len != (size_t)st.st_size) {
		free(text);
		return -EBADMSG;
	}
	text[len] = '\0';
	*ret = text;
	return (long)len;
}
