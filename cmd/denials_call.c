/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which line keeps a peer or a port from the command.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "denials.h"
#include "sandbox.h"

static void judge_unix(struct judge *j, const struct tracee *t, const struct call *c, int error)
{
	const struct sockaddr_un *un = (const void *)&t->address;
	size_t len = t->address_len - offsetof(struct sockaddr_un, sun_path);
	char path[PATH_MAX], place[320];

	if (t->address_len <= offsetof(struct sockaddr_un, sun_path))
		return;
	if (un->sun_path[0] == '\0') {	/* abstract: by network namespace */
		if (c->kind == CALL_BIND || error != ECONNREFUSED || j->sb->ns[RF_NS_NET].mode != RF_NS_NEW)
			return;
		(void)snprintf(path, sizeof(path), "@%.*s", (int)(len - 1), un->sun_path + 1);
		denial_place(&j->sb->network_place, "network (default: none)", place, sizeof(place));
		denials_add(j->found, RF_DENIED_NETWORK, c->name, error, path, place,
			    "abstract sockets of the host are in another network namespace",
			    "set network: host");
		return;
	}
	(void)snprintf(path, sizeof(path), "%.*s", (int)len, un->sun_path);
	if (path[0] != '/')
		return;		/* relative to a directory that is there */
	path_normalize(path);
	judge_path(j, t, c, path, c->kind == CALL_BIND ? WANTS_MAKE : WANTS_STAT, error);
}

static bool port_is_listed(const struct rf_landlock_spec *l, enum rf_landlock_kind kind,
			   unsigned int port)
{
	for (size_t i = 0; i < l->nr; i++)
		if (!l->rules[i].path && l->rules[i].kind == kind && l->rules[i].port == port)
			return true;
	return false;
}

static void judge_port(struct judge *j, const struct call *c, unsigned int port, int error)
{
	const struct rf_landlock_spec *l = &j->sb->landlock;
	enum rf_landlock_kind kind = c->kind == CALL_BIND ? RF_LANDLOCK_BIND : RF_LANDLOCK_CONNECT;
	const char *word = c->kind == CALL_BIND ? "bind" : "connect";
	char subject[32], place[320], edit[64];

	(void)snprintf(subject, sizeof(subject), "port %u", port);
	if (l->on && l->kinds >> kind & 1 && !port_is_listed(l, kind, port)) {
		denial_place(&l->place, "landlock", place, sizeof(place));
		(void)snprintf(edit, sizeof(edit), "add %u to landlock: %s", port, word);
		denials_add(j->found, RF_DENIED_LANDLOCK, c->name, error, subject, place,
			    "no rule allows it", edit);
	} else if (c->kind == CALL_BIND && port < 1024 && !(j->sb->capabilities >> 10 & 1)) {
		denial_place(&j->sb->cap_place, "capabilities (default: none)", place, sizeof(place));
		denials_add(j->found, RF_DENIED_CAPABILITY, c->name, error, subject, place,
			    "the capability net_bind_service is not there",
			    "add net_bind_service to capabilities");
	}
}

void judge_address(struct judge *j, const struct tracee *t, const struct call *c, int error)
{
	const struct sockaddr_in *in = (const void *)&t->address;
	char subject[32], place[320];
	const char *edit = "set network: host";

	if (!t->address_len)
		return;
	if (t->address.ss_family == AF_UNIX) {
		judge_unix(j, t, c, error);
		return;
	}
	if (in->sin_family != AF_INET && in->sin_family != AF_INET6)
		return;
	if (error == EACCES) {
		judge_port(j, c, ntohs(in->sin_port), error);
		return;
	}
	if (j->sb->ns[RF_NS_NET].mode != RF_NS_NEW ||
	    (error != ENETUNREACH && error != EHOSTUNREACH && error != EADDRNOTAVAIL &&
	     error != ECONNREFUSED && error != ENETDOWN))
		return;
	(void)snprintf(subject, sizeof(subject), "port %u", (unsigned int)ntohs(in->sin_port));
	denial_place(&j->sb->network_place, "network (default: none)", place, sizeof(place));
	denials_add(j->found, RF_DENIED_NETWORK, c->name, error, subject, place,
		    "the sandbox has a network of its own", edit);
}
