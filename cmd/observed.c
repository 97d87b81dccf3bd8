/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "observed.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261U;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619U;
	return h;
}

/* Room for one more, and a hash that is at most half full. */
static bool grow(struct observed *o)
{
	size_t max = o->max ? o->max * 2 : 256;
	struct used_path *paths;
	uint32_t *hash;

	if (o->nr < o->max)
		return true;
	if (o->nr >= OBSERVED_PATHS_MAX)
		return false;
	paths = realloc(o->paths, max * sizeof(*paths));
	if (!paths)
		return false;
	o->paths = paths;
	hash = calloc(2 * max, sizeof(*hash));
	if (!hash)
		return false;
	free(o->hash);
	o->hash = hash;
	o->max = max;
	o->nr_hash = 2 * max;
	for (size_t i = 0; i < o->nr; i++) {
		size_t at = hash_of(o->paths[i].path) % o->nr_hash;

		while (hash[at])
			at = (at + 1) % o->nr_hash;
		hash[at] = (uint32_t)i + 1;
	}
	return true;
}

void observed_path(struct observed *o, const char *path, uint8_t wants)
{
	size_t at;

	if (!grow(o)) {
		o->incomplete = true;
		return;
	}
	for (at = hash_of(path) % o->nr_hash; o->hash[at]; at = (at + 1) % o->nr_hash) {
		struct used_path *p = &o->paths[o->hash[at] - 1];

		if (strcmp(p->path, path) == 0) {
			p->wants |= wants;
			return;
		}
	}
	o->paths[o->nr].path = strdup(path);
	if (!o->paths[o->nr].path) {
		o->incomplete = true;
		return;
	}
	o->paths[o->nr].wants = wants;
	o->hash[at] = (uint32_t)++o->nr;
}

static void add_port(uint16_t *ports, size_t *nr, uint16_t port, bool *incomplete)
{
	for (size_t i = 0; i < *nr; i++)
		if (ports[i] == port)
			return;
	if (*nr == OBSERVED_PORTS_MAX)
		*incomplete = true;
	else
		ports[(*nr)++] = port;
}

static bool is_loopback(const struct sockaddr_storage *a)
{
	const struct sockaddr_in *in = (const void *)a;
	const struct sockaddr_in6 *in6 = (const void *)a;

	if (a->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static void use_address(struct observed *o, const struct tracee *t, const struct call *c)
{
	const struct sockaddr_storage *a = &t->address;
	const struct sockaddr_un *un = (const void *)a;
	char path[sizeof(un->sun_path) + 1];
	/* the port is at the same place in both */
	uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)a)->sin_port);

	if (a->ss_family == AF_UNIX && t->address_len > offsetof(struct sockaddr_un, sun_path) &&
	    un->sun_path[0] == '/') {
		memcpy(path, un->sun_path, sizeof(un->sun_path));
		path[sizeof(path) - 1] = '\0';
		path_normalize(path);
		observed_path(o, path, c->kind == CALL_BIND ? WANTS_MAKE : WANTS_WRITE);
		return;
	}
	if (a->ss_family != AF_INET && a->ss_family != AF_INET6)
		return;
	o->network = true;
	if (c->kind == CALL_BIND) {
		add_port(o->binds, &o->nr_binds, port, &o->incomplete);
		return;
	}
	if (!is_loopback(a))
		o->remote = true;
	if (c->kind == CALL_CONNECT)
		add_port(o->connects, &o->nr_connects, port, &o->incomplete);
}

void observed_call(struct observed *o, const struct tracee *t, const struct call *c)
{
	for (int i = 0; i < 2; i++)
		if (t->wants[i])
			observed_path(o, t->path[i], t->wants[i]);
	if (t->address_len && (c->kind == CALL_CONNECT || c->kind == CALL_BIND ||
			       c->kind == CALL_SENDTO))
		use_address(o, t, c);
}

void observed_done(struct observed *o)
{
	for (size_t i = 0; i < o->nr; i++)
		free(o->paths[i].path);
	free(o->paths);
	free(o->hash);
	memset(o, 0, sizeof(*o));
}
