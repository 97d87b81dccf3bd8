/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Network interfaces that the submitter moves into the network namespace of a context
 * (op move_link), which waits meanwhile.
 *
 * The kernel takes an interface down when it moves, and its addresses away.  Those that an
 * administrator has given it for good it gets again.  Until the launch has become of
 * something, what was moved is written down: a launch that fails gives it back, by its name
 * and index, with its addresses, up if it was.  Routes by way of it are gone, as after any
 * move.
 *
 * An interface keeps its index or gets one that is asked for, for by that alone it can be
 * told where the kernel chooses its name ("eth%d").
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netlink.h"
#include "ring.h"

#define INDICES_MAX	4096	/* tried, where others have them already */

struct rf_moved_link {
	struct rf_moved_link *before;
	struct rf_netlink here, inside;
	int		 here_ns, inside_ns;
	uint32_t	 index, new_index;
	bool		 was_up, moved;
	char		 name[IFNAMSIZ];	/* here */
	char		 new_name[IFNAMSIZ];	/* inside */
	struct rf_netlink_kept addrs;
};

struct rf_links {
	struct rf_moved_link *last;
	char		 words[320];	/* why the last failed */
};

/* ------------------------------------------------------------------- sockets */

#define GOER_STACK 16384

struct goer {
	int		 ns, result;
	_Alignas(16) char stack[GOER_STACK];
};

static int go_and_open(void *arg)
{
	struct goer *g = arg;

	g->result = setns(g->ns, CLONE_NEWNET) < 0 ? -errno : rf_netlink_socket();
	return 0;
}

/*
 * A socket of another namespace, opened by a task that goes there for it: as vfork's, but
 * on our descriptors.  The context's own would not do, for in a user namespace its opener
 * has no power over where the interface came from.
 */
static int socket_in(int ns)
{
	struct goer *g = malloc(sizeof(*g));
	int r, pid;

	if (!g)
		return -ENOMEM;
	g->ns = ns;
	g->result = -EINTR;
	pid = clone(go_and_open, g->stack + sizeof(g->stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, g);
	r = pid < 0 ? -errno : 0;
	while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
		;
	if (r == 0)
		r = g->result;
	free(g);
	return r;
}

static bool is_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

static void close_all(struct rf_moved_link *m)
{
	const int fds[] = { m->here.fd, m->inside.fd, m->here_ns, m->inside_ns };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	rf_netlink_forget(&m->addrs);
	free(m);
}

/* ------------------------------------------------------------------- one step */

/* Why it failed, for people: @what was done, and what the kernel says about it. */
static int fail(struct rf_links *l, const struct rf_netlink *nl, int r, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int fail(struct rf_links *l, const struct rf_netlink *nl, int r, const char *fmt, ...)
{
	char what[128];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	(void)snprintf(l->words, sizeof(l->words), "%s%s%s", what, nl && *nl->reason ? ": " : "",
		       nl ? nl->reason : "");
	return r;
}

static int open_both(struct rf_links *l, struct rf_moved_link *m, int lent)
{
	int fd = rf_netlink_socket(), there;

	m->here.fd = fd;
	m->here_ns = fd < 0 ? fd : rf_netlink_ns(fd);
	m->inside_ns = m->here_ns < 0 ? m->here_ns : rf_netlink_ns(lent);
	if (m->inside_ns < 0)
		return fail(l, NULL, m->inside_ns, "it takes CAP_NET_ADMIN over both network namespaces");
	if (is_same(m->here_ns, m->inside_ns))
		return fail(l, NULL, -EINVAL, "the network namespace is the one that it is in already");
	there = socket_in(m->inside_ns);
	if (there < 0)
		return fail(l, NULL, there, "it takes CAP_SYS_ADMIN over both network namespaces");
	rf_netlink_init(&m->here, fd);
	rf_netlink_init(&m->inside, there);
	return 0;
}

static bool is_template(const char *name)
{
	return strchr(name, '%') != NULL;
}

/* What it is before anything is changed. */
static int look(struct rf_links *l, struct rf_moved_link *m, const char *as)
{
	uint32_t other;
	int r = rf_netlink_find(&m->here, m->name, &m->index, &m->was_up);

	if (r < 0)
		return fail(l, &m->here, r, "the network namespace of this program has no such interface");
	r = rf_netlink_keep(&m->here, m->index, &m->addrs);
	if (r < 0)
		return fail(l, &m->here, r, "its addresses");
	/* the kernel would look at the name when it has moved it */
	r = is_template(as) ? -ENODEV : rf_netlink_find(&m->inside, as, &other, NULL);
	if (r == 0)
		return fail(l, NULL, -EEXIST, "the network namespace has an interface of that name");
	return r == -ENODEV ? 0 : fail(l, &m->inside, r, "whether its name is free");
}

static int move(struct rf_links *l, struct rf_moved_link *m, const char *as)
{
	uint32_t index = m->index;
	int r;

	for (int i = 0; i < INDICES_MAX; i++, index++) {
		r = rf_netlink_move(&m->here, m->index, m->inside_ns, as, index);
		if (r != -EBUSY)
			break;
	}
	/* a new name that fails does so behind the move */
	m->new_index = index;
	m->moved = r == 0 || rf_netlink_name(&m->inside, index, m->new_name) == 0;
	if (r < 0)
		return fail(l, &m->here, r, "the kernel does not move it");
	r = rf_netlink_name(&m->inside, index, m->new_name);
	return r < 0 ? fail(l, &m->inside, r, "its new name") : 0;
}

static int set_up(struct rf_links *l, struct rf_moved_link *m)
{
	char addr[RF_NETLINK_ADDR_TEXT] = "";
	int r = rf_netlink_restore(&m->inside, m->new_index, &m->addrs, m->name, m->new_name, addr);

	if (r < 0)
		return fail(l, &m->inside, r, "its address %s", addr);
	r = rf_netlink_set_up(&m->inside, m->new_index, true);
	return r < 0 ? fail(l, &m->inside, r, "bringing it up") : 0;
}

/* ----------------------------------------------------------------- there and back */

/* As it was, as far as the kernel has it so. */
static void give_back(struct rf_moved_link *m)
{
	uint32_t index;

	if (!m->moved)
		return;
	if (rf_netlink_move(&m->inside, m->new_index, m->here_ns, m->name, m->index) < 0)
		(void)rf_netlink_move(&m->inside, m->new_index, m->here_ns, m->name, 0);
	if (rf_netlink_find(&m->here, m->name, &index, NULL) < 0)
		return;
	(void)rf_netlink_restore(&m->here, index, &m->addrs, m->name, m->name, NULL);
	if (m->was_up)
		(void)rf_netlink_set_up(&m->here, index, true);
}

static const char *text_of(const struct rf_context *ctx, rf_str s)
{
	return s ? (const char *)ctx->area + ctx->area->off_data + s : "";
}

int rf_links_move(struct rf_context *ctx, uint32_t index, int lent)
{
	const struct rf_op *op = rf_op_at(ctx, index);
	const char *name = text_of(ctx, op->u.move_link.name), *as = text_of(ctx, op->u.move_link.as);
	struct rf_moved_link *m = calloc(1, sizeof(*m));
	struct rf_links *l = ctx->links;
	int r;

	if (!l)
		l = ctx->links = calloc(1, sizeof(*l));
	if (!l || !m) {
		free(m);
		return -ENOMEM;
	}
	m->here.fd = m->inside.fd = m->here_ns = m->inside_ns = -1;
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	r = strlen(name) < IFNAMSIZ && *name && *as ? open_both(l, m, lent) : -EINVAL;
	if (r == 0)
		r = look(l, m, as);
	if (r == 0)
		r = move(l, m, as);
	if (r == 0)
		r = set_up(l, m);
	if (r < 0) {
		give_back(m);
		close_all(m);
		return r;
	}
	m->before = l->last;
	l->last = m;
	return 0;
}

void rf_links_end(struct rf_context *ctx, bool back)
{
	struct rf_links *l = ctx->links;

	while (l && l->last) {
		struct rf_moved_link *m = l->last;

		l->last = m->before;
		if (back)
			give_back(m);
		close_all(m);
	}
}

void rf_links_free(struct rf_context *ctx)
{
	rf_links_end(ctx, true);
	free(ctx->links);
	ctx->links = NULL;
}

const char *rf_context_link_words(const struct rf_context *ctx)
{
	return ctx->links ? ctx->links->words : "";
}
