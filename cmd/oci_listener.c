/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent that answers for a filter.  The process of the container installs the filter
 * and at once sends its listener to whoever has opened its gate; that goes on to the agent,
 * on a connection that was made before the gate opened, with what the container is.  So no
 * call is asked about before there is somebody to ask, and none waits for the runtime.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"

#define SECONDS 10	/* until an agent that takes nothing is none */

int oci_listener_connect(const struct oci_container *k, struct rf_err *err)
{
	const struct timeval limit = { .tv_sec = SECONDS };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(k->listener) >= sizeof(a.sun_path))
		return rf_err_set(err, ENAMETOOLONG, "linux.seccomp.listenerPath: %s", k->listener);
	strcpy(a.sun_path, k->listener);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	rf_err_set(err, errno, "linux.seccomp.listenerPath: %s", k->listener);
	rf_err_hint(err, "the agent that `SCMP_ACT_NOTIFY` asks has to listen there first");
	if (fd >= 0)
		(void)close(fd);
	return -ECONNREFUSED;
}

/* The runtime specification's container process state. */
static char *describe(const struct oci_container *k, pid_t pid, enum oci_status status)
{
	char *text = oci_state_json(k, status);
	json_error_t e;
	json_t *state = text ? json_loads(text, 0, &e) : NULL, *root;

	free(text);
	root = json_pack("{s:s, s:[s], s:i, s:o}", "ociVersion", k->version ? k->version : "1.2.0",
			 "fds", "seccompFd", "pid", (int)pid, "state", state);
	if (root && k->listener_metadata)
		(void)json_object_set_new(root, "metadata", json_string(k->listener_metadata));
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	return text;
}

/* All of @text; the descriptor goes with its first byte. */
static int send_all(int to, const char *text, int listener)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } control = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr m = { .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	size_t left = strlen(text);

	memcpy(CMSG_DATA(&control.h), &listener, sizeof(listener));
	while (left) {
		struct iovec iov = { .iov_base = (char *)(uintptr_t)text, .iov_len = left };
		ssize_t n;

		m.msg_iov = &iov;
		n = sendmsg(to, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	return 0;
}

int oci_listener_send(int *to, const struct oci_container *k, pid_t pid, enum oci_status status,
		      int listener, struct rf_err *err)
{
	char *text = describe(k, pid, status);
	int r = text ? send_all(*to, text, listener) : -ENOMEM;

	free(text);
	/* one state, one connection: its end is what says that this is all */
	(void)close(*to);
	*to = -1;
	return r < 0 ? rf_err_set(err, -r, "linux.seccomp.listenerPath: %s", k->listener) : 0;
}
