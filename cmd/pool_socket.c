/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "pool_peer.h"
#include "sandbox.h"

#define BACKLOG		256
#define HANDED_FD	3	/* sd_listen_fds(3): SD_LISTEN_FDS_START */

int pool_check_name(const char *name, struct rf_err *err)
{
	if (rf_name_is_good(name))
		return 0;
	return rf_err_set(err, EINVAL, "'%.64s' is no name for a pool: up to 64 letters, digits, "
			  "'_', '-' and '.', a letter first", name);
}

/* By the folder's descriptor: nobody can move it, and a long path has room. */
static int address_of(const struct registry *r, const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/.pool-%s", r->dir, name);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/* ------------------------------------------------------------------- listening */

/* The folder is locked: what nobody listens at any more goes. */
static int take_place(struct pool_socket *s, const struct sockaddr_un *address)
{
	struct stat st;
	int fd = connect_to(address), r;

	if (fd >= 0)
		(void)close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return -EEXIST;
	if (fd != -ENOENT && fd != -ECONNREFUSED)
		return fd;
	if (fd == -ECONNREFUSED && unlink(address->sun_path) < 0 && errno != ENOENT)
		return -errno;
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (bind(s->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return -errno;
	s->bound = lstat(address->sun_path, &st) == 0;
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	r = chmod(address->sun_path, 0600) < 0 || listen(s->fd, BACKLOG) < 0 ? -errno : 0;
	return r;
}

int pool_listen(const char *name, struct pool_socket *ret, struct rf_err *err)
{
	struct pool_socket s = POOL_SOCKET_NONE;
	struct sockaddr_un address;
	int r = registry_open(true, &s.registry, err);

	if (r < 0)
		return rf_err_set(err, -r, "the folder of names");
	s.name = name;
	r = address_of(&s.registry, name, &address);
	if (r == 0)
		r = registry_lock(&s.registry, err);
	if (r == 0) {
		r = take_place(&s, &address);
		registry_unlock(&s.registry);
	}
	if (r == 0) {
		*ret = s;
		return 0;
	}
	pool_unlisten(&s);
	if (r == -EEXIST)
		return rf_err_set(err, EEXIST, "a pool named '%s' is running", name);
	return rf_err_set(err, -r, "the socket of the pool '%s'", name);
}

/* A number in the environment, or -1. */
static long number_of(const char *variable)
{
	const char *text = getenv(variable);

	return text && *text >= '0' && *text <= '9' ? strtol(text, NULL, 10) : -1;
}

static bool is_listening_seqpacket(int fd)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);
	struct sockaddr_un a;
	socklen_t alen = sizeof(a);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
		return false;
	len = sizeof(listens);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens &&
	       getsockname(fd, (struct sockaddr *)&a, &alen) == 0 && a.sun_family == AF_UNIX;
}

int pool_listen_handed(const char *name, struct pool_socket *ret, struct rf_err *err)
{
	struct pool_socket s = POOL_SOCKET_NONE;
	long nr = number_of("LISTEN_FDS");

	if (number_of("LISTEN_PID") != getpid() || nr < 1)
		return 0;
	if (nr != 1 || !is_listening_seqpacket(HANDED_FD)) {
		rf_err_set(err, EINVAL, "the service manager has handed down something else than one "
			   "listening socket");
		rf_err_hint(err, "ListenSequentialPacket= in the socket unit");
		return -EINVAL;
	}
	s.fd = fcntl(HANDED_FD, F_DUPFD_CLOEXEC, 4);
	if (s.fd < 0 || fcntl(s.fd, F_SETFL, O_NONBLOCK) < 0)
		return rf_err_set(err, errno, "the socket of the service manager");
	(void)close(HANDED_FD);
	/* no child is to believe that it is meant */
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	s.name = name;
	*ret = s;
	return 1;
}

void pool_unlisten(struct pool_socket *s)
{
	struct rf_err err = RF_ERR_INIT;
	struct sockaddr_un address;
	struct stat st;

	if (s->bound && registry_lock(&s->registry, &err) == 0) {
		/* another may have taken the place since */
		if (address_of(&s->registry, s->name, &address) == 0 &&
		    lstat(address.sun_path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
			(void)unlink(address.sun_path);
		registry_unlock(&s->registry);
	}
	if (s->fd >= 0)
		(void)close(s->fd);
	registry_close(&s->registry);
	s->fd = -1;
	s->bound = false;
}

/* ------------------------------------------------------------------- connecting */

static int connect_by_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect_to(&address);
}

static int connect_by_name(const char *name, struct rf_err *err)
{
	struct registry r = { .dir = -1 };
	struct sockaddr_un address;
	int ret = registry_open(false, &r, err);

	if (ret < 0)
		return ret;
	ret = address_of(&r, name, &address);
	if (ret == 0)
		ret = connect_to(&address);
	registry_close(&r);
	return ret;
}

int pool_connect(const char *name, struct rf_err *err)
{
	bool by_path = *name == '/';
	int fd = by_path ? connect_by_path(name) : connect_by_name(name, err);

	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return rf_err_set(err, ESRCH, "no pool '%s' is running", name);
	if (fd < 0)
		return rf_err_set(err, -fd, "connect to the pool '%s'", name);
	/* what it gets are descriptors and the environment: not to anybody's */
	if (pool_peer_is_ours(fd, by_path))
		return fd;
	(void)close(fd);
	return rf_err_set(err, EPERM, "what listens at the pool '%s' is another user's", name);
}
