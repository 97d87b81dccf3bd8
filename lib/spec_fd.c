/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `fds`: what the command finds at which number.
 */
#include "spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

#define FD_MAX	65535

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_READ_WRITE, ACCESS_APPEND };

/* An entry of `fds` while it is read. */
struct fd_entry {
	struct rf_fd_spec fd;
	enum access	 access;
	bool		 create, truncate;
	int		 mode;
	int		 from;
};

static int entry_check(struct rf_reader *r, const struct rf_node *v, struct fd_entry *e)
{
	static const int access_flags[] = {
		[ACCESS_READ]		= O_RDONLY,
		[ACCESS_WRITE]		= O_WRONLY,
		[ACCESS_READ_WRITE]	= O_RDWR,
		[ACCESS_APPEND]		= O_WRONLY | O_APPEND,
	};

	if (!!e->fd.path == (e->from >= 0))
		return rf_err_at(r->err, &v->place, EINVAL, "an entry needs either 'open' or 'from'");
	if (!e->fd.path) {
		if (e->access != ACCESS_READ || e->create || e->truncate || e->mode >= 0)
			return rf_err_at(r->err, &v->place, EINVAL,
					 "'access', 'create', 'truncate' and 'mode' belong to 'open'");
		e->fd.kind = RF_FD_INHERIT;
		e->fd.from = e->from;
		return 0;
	}
	if (!*e->fd.path)
		return rf_err_at(r->err, &v->place, EINVAL, "an empty path");
	if (e->access == ACCESS_READ && (e->create || e->truncate))
		return rf_err_at(r->err, &v->place, EINVAL, "'create' and 'truncate' need write access");
	if (e->mode >= 0 && !e->create)
		return rf_err_at(r->err, &v->place, EINVAL, "'mode' is for a file that 'create' makes");
	e->fd.kind = RF_FD_OPEN;
	e->fd.flags = access_flags[e->access] | (e->create ? O_CREAT : 0) |
		      (e->truncate ? O_TRUNC : 0);
	e->fd.mode = e->mode >= 0 ? (unsigned int)e->mode : 0644;
	return 0;
}

static int read_entry(struct rf_reader *r, const struct rf_node *v, struct fd_entry *e)
{
	static const struct rf_word access_words[] = {
		{ "read", ACCESS_READ }, { "write", ACCESS_WRITE },
		{ "read-write", ACCESS_READ_WRITE }, { "append", ACCESS_APPEND }, { NULL, 0 }
	};
	static const struct rf_key keys[] = {
		{ .name = "open",	RF_VALUE_TEXT, offsetof(struct fd_entry, fd.path) },
		{ .name = "from",	RF_VALUE_INT, offsetof(struct fd_entry, from), .max = INT32_MAX },
		{ .name = "access",	RF_VALUE_WORD, offsetof(struct fd_entry, access), .words = access_words },
		{ .name = "create",	RF_VALUE_BOOL, offsetof(struct fd_entry, create) },
		{ .name = "truncate",	RF_VALUE_BOOL, offsetof(struct fd_entry, truncate) },
		{ .name = "mode",	RF_VALUE_MODE, offsetof(struct fd_entry, mode) },
		{ .name = "directory",	RF_VALUE_BOOL, offsetof(struct fd_entry, fd.dir_ok) },
		{ .name = NULL }
	};
	static const struct rf_word words[] = {
		{ "inherit", RF_FD_INHERIT }, { "closed", RF_FD_CLOSED }, { NULL, 0 }
	};
	int kind, ret;

	if (v->kind == RF_NODE_MAP) {
		ret = rf_read_map(r, v, keys, e);
		return ret < 0 ? ret : entry_check(r, v, e);
	}
	ret = rf_value_word(r, v, words, &kind);
	if (ret < 0)
		return ret;
	e->fd.kind = (enum rf_fd_kind)kind;
	e->fd.from = e->fd.number;
	return 0;
}

/* The entry for a number: a later layer replaces that of an earlier one. */
static struct rf_fd_spec *entry_slot(struct rf_reader *r, int number)
{
	struct rf_sandbox *sb = r->sb;

	for (size_t i = 0; i < sb->nr_fds; i++)
		if (sb->fds[i].number == number)
			return &sb->fds[i];
	if (!rf_sandbox_grow(sb, &sb->fds, sb->nr_fds, &r->draft->max_fds, sizeof(*sb->fds)))
		return NULL;
	return &sb->fds[sb->nr_fds++];
}

#define FDS_MAX	1024

int rf_read_fds(struct rf_reader *r, const struct rf_node *v, void *obj)
{
	struct fd_entry e;
	struct rf_fd_spec *fd;
	char number[16];
	int64_t n;
	int ret;

	(void)obj;	/* == r->sb */
	ret = rf_need(r, v, RF_NODE_MAP, "a map from number to what is there");
	if (!ret)
		ret = rf_no_repeats(r, v);
	for (size_t i = 0; i < v->nr && !ret; i += 2) {
		ret = rf_value_int(r, v->items[i], 0, FD_MAX, &n);
		if (ret < 0)
			return ret;
		/* so that 3 and 03 or +3 are not two numbers */
		snprintf(number, sizeof(number), "%d", (int)n);
		if (strcmp(number, v->items[i]->text))
			return rf_err_at(r->err, &v->items[i]->place, EINVAL,
					 "write '%.32s' as %s", v->items[i]->text, number);
		e = (struct fd_entry){ .fd = { .number = (int)n, .from = -1,
					       .place = v->items[i + 1]->place },
				       .mode = -1, .from = -1 };
		ret = read_entry(r, v->items[i + 1], &e);
		if (ret < 0)
			return ret;
		if (r->sb->nr_fds >= FDS_MAX)
			return rf_err_at(r->err, &v->items[i]->place, EINVAL,
					 "more than %d descriptors", FDS_MAX);
		fd = entry_slot(r, (int)n);
		if (!fd)
			return rf_err_set(r->err, ENOMEM, "reading 'fds'");
		*fd = e.fd;
	}
	return ret;
}
