/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root and mounts made final: absolute paths, what sources are, one entry for
 * each place.
 *
 * What a place in the sandbox is on the host, before anything covers it, is
 * found through the nearest entry above it.  That is needed for `deny`, whose
 * cover must be of the right type, and for optional entries without a source,
 * which are left out where their place is missing and cannot be made.
 */
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

static int out_of_memory(const struct rf_resolve *rs)
{
	return rf_err_set(rs->err, ENOMEM, "resolving the mounts");
}

static uint64_t mix(uint64_t digest, uint64_t value)
{
	for (int i = 0; i < 8; i++, value >>= 8)
		digest = (digest ^ (value & 0xff)) * 0x100000001b3ULL;	/* FNV-1a */
	return digest;
}

/*
 * Which file it was: a sandbox that is kept ready has it, or a cover on it, even when
 * another has taken its place since.  Born when, for numbers are used again.
 */
static void note(struct rf_sandbox *sb, const struct statx *st)
{
	uint64_t digest = mix(sb->sources, (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor);

	digest = mix(digest, st->stx_ino);
	if (st->stx_mask & STATX_BTIME)
		digest = mix(digest, (uint64_t)st->stx_btime.tv_sec * 1000000000U +
			     st->stx_btime.tv_nsec);
	sb->sources = digest;
}

/* RF_MF_IS_DIR, _IS_FILE, _ABSENT; 0 when the caller may not know. */
static unsigned int look(const struct rf_resolve *rs, const char *path)
{
	struct statx st;

	if (rs->pure)
		return RF_MF_IS_DIR;
	if (statx(AT_FDCWD, path, AT_STATX_SYNC_AS_STAT, STATX_TYPE | STATX_INO | STATX_BTIME,
		  &st) == 0) {
		note(rs->sb, &st);
		return S_ISDIR(st.stx_mode) ? RF_MF_IS_DIR : RF_MF_IS_FILE;
	}
	return errno == ENOENT || errno == ENOTDIR ? RF_MF_ABSENT : 0;
}

/* -------------------------------------------------------------------- root */

struct magic {
	const char	*fstype;
	off_t		 offset;
	unsigned char	 bytes[4];
};

static const struct magic magics[] = {
	{ "squashfs",	0,	{ 'h', 's', 'q', 's' } },
	{ "erofs",	1024,	{ 0xe2, 0xe1, 0xf5, 0xe0 } },
};

static int resolve_image(struct rf_resolve *rs, struct rf_root *root)
{
	unsigned char bytes[sizeof(magics->bytes)];
	int fd, error;

	root->kind = RF_ROOT_IMAGE;
	root->fstype = magics[0].fstype;
	if (rs->pure)
		return 0;
	fd = open(root->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		error = errno;
		return rf_err_at(rs->err, &root->place, error, "open %s", root->path);
	}
	root->fstype = NULL;
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (pread(fd, bytes, sizeof(bytes), magics[i].offset) == sizeof(bytes) &&
		    !memcmp(bytes, magics[i].bytes, sizeof(bytes)))
			root->fstype = magics[i].fstype;
	close(fd);
	if (!root->fstype)
		return rf_err_at(rs->err, &root->place, EINVAL,
				 "'%s' is neither a squashfs nor an erofs image", root->path);
	return 0;
}

/* Without a file to look at, the name must do. */
static bool has_image_name(const char *path)
{
	static const char *const ends[] = { ".squashfs", ".sqfs", ".erofs", ".img" };
	size_t len = strlen(path), n;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		n = strlen(ends[i]);
		if (len > n && !strcmp(path + len - n, ends[i]))
			return true;
	}
	return false;
}

int rf_resolve_root(struct rf_resolve *rs)
{
	struct rf_root *root = &rs->sb->root;
	bool is_image;
	int ret;

	if (!root->path)
		return 0;
	ret = rf_resolve_host(rs, &root->place, root->path, &root->path);
	if (ret < 0)
		return ret;
	is_image = root->kind == RF_ROOT_IMAGE ||
		   (rs->pure ? has_image_name(root->path) : look(rs, root->path) == RF_MF_IS_FILE);
	if (!is_image)
		return 0;
	if (root->writable)
		return rf_err_at(rs->err, &root->place, EINVAL, "an image is never writable");
	ret = resolve_image(rs, root);
	if (!ret && rs->pure && has_image_name(root->path) &&
	    strstr(root->path, ".erofs"))
		root->fstype = magics[1].fstype;
	return ret;
}

/* ----------------------------------------------------------------- sources */

/* A descriptor of the caller: what it is, and by which path it is found again. */
static int resolve_source_fd(struct rf_resolve *rs, struct rf_mount *m)
{
	char link[64], path[PATH_MAX];
	struct stat st, again;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->source_fd);
	if (rs->pure) {
		m->flags |= m->kind == RF_MOUNT_FILE ? RF_MF_IS_FILE : RF_MF_IS_DIR;
		if (m->kind == RF_MOUNT_FILE)
			return 0;
		m->source = rf_sandbox_strdup(rs->sb, link);
		return m->source ? 0 : out_of_memory(rs);
	}
	if (fstat(m->source_fd, &st) < 0)
		return rf_err_at(rs->err, &m->place, EINVAL, "descriptor %d is not open", m->source_fd);
	m->flags |= S_ISDIR(st.st_mode) ? RF_MF_IS_DIR : RF_MF_IS_FILE;
	m->source_dev = st.st_dev;
	m->source_ino = st.st_ino;
	if (m->kind == RF_MOUNT_FILE) {
		if (S_ISDIR(st.st_mode))
			return rf_err_at(rs->err, &m->place, EINVAL, "descriptor %d is a directory", m->source_fd);
		return 0;
	}
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0) {
		rf_err_at(rs->err, &m->place, errno, "readlink %s", link);
		rf_err_hint(rs->err, "a bind from a descriptor needs /proc");
		return -EINVAL;
	}
	path[len] = '\0';
	if (*path != '/' || stat(path, &again) < 0 || again.st_dev != st.st_dev ||
	    again.st_ino != st.st_ino)
		return rf_err_at(rs->err, &m->place, EINVAL,
				 "no path leads to descriptor %d (any more)", m->source_fd);
	m->source = rf_sandbox_strdup(rs->sb, path);
	return m->source ? 0 : out_of_memory(rs);
}

static int resolve_overlay(struct rf_resolve *rs, struct rf_mount *m)
{
	unsigned int seen;
	int ret;

	for (size_t i = 0; i < m->nr_lower; i++) {
		ret = rf_resolve_host(rs, &m->place, m->lower[i], &m->lower[i]);
		if (ret < 0)
			return ret;
		seen = look(rs, m->lower[i]);
		if (seen == RF_MF_IS_FILE)
			return rf_err_at(rs->err, &m->place, EINVAL, "'%s' is no directory", m->lower[i]);
		m->flags |= seen;
	}
	if (!m->upper)
		return 0;
	ret = rf_resolve_host(rs, &m->place, m->upper, &m->upper);
	if (!ret)
		(void)look(rs, m->upper);
	return ret < 0 ? ret : rf_resolve_host(rs, &m->place, m->work, &m->work);
}

static int resolve_source(struct rf_resolve *rs, struct rf_mount *m)
{
	int ret;

	if (m->source_fd >= 0)
		return resolve_source_fd(rs, m);
	if (m->kind == RF_MOUNT_OVERLAY)
		return resolve_overlay(rs, m);
	if (m->kind != RF_MOUNT_RO && m->kind != RF_MOUNT_RW)
		return 0;
	ret = rf_resolve_host(rs, &m->place, m->source, &m->source);
	if (ret < 0)
		return ret;
	m->flags |= look(rs, m->source);
	if (m->at)
		return 0;
	if (rf_path_has_dotdot(m->source))
		return rf_err_at(rs->err, &m->place, EINVAL,
				 "a source with '..' needs 'at', the place where it goes");
	m->at = m->source;
	return 0;
}

/* Whether @m is for a home that is not there to be hidden. */
static bool is_homeless(const struct rf_resolve *rs, const struct rf_mount *m)
{
	return m->flags & RF_MF_OPTIONAL && m->at && m->at[0] == '~' &&
	       (!m->at[1] || m->at[1] == '/') && (!rs->home || !strcmp(rs->home, "/"));
}

static int resolve_one(struct rf_resolve *rs, struct rf_mount *m)
{
	int ret = resolve_source(rs, m);

	if (!ret)
		ret = rf_resolve_inside(rs, &m->at_place, m->at, &m->at);
	if (ret < 0 || strcmp(m->at, "/") != 0)
		return ret;
	rf_err_at(rs->err, &m->at_place, EINVAL, "'/' is what `root` says");
	if (m->kind == RF_MOUNT_RO && m->source_fd < 0 && !strcmp(m->source, "/"))
		rf_err_hint(rs->err, "`root: host` is the host's / read-only");
	else if (m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_RW)
		rf_err_hint(rs->err, "`root: {dir: PATH}` is a directory of the host, with `rw: true` writable");
	return -EINVAL;
}

/* ------------------------------------------------------ one entry per place */

static int by_place(const void *a, const void *b)
{
	const struct rf_mount *x = *(struct rf_mount *const *)a;
	const struct rf_mount *y = *(struct rf_mount *const *)b;
	int diff = strcmp(x->at, y->at);

	if (diff)
		return diff;
	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int named_twice(struct rf_resolve *rs, const struct rf_mount *first,
		       const struct rf_mount *second)
{
	if (first->at_place.line)
		return rf_err_at(rs->err, &second->at_place, EINVAL,
				 "'%s' has an entry on line %u already", second->at,
				 first->at_place.line);
	return rf_err_at(rs->err, &second->at_place, EINVAL, "'%s' has an entry by %s already",
			 second->at, first->at_place.file ? first->at_place.file : "default");
}

/* Later layers replace; entries that lose get no `at`. */
static int drop_replaced(struct rf_resolve *rs, struct rf_mount **sorted, size_t *nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < *nr; i++) {
		if (kept && !strcmp(sorted[kept - 1]->at, sorted[i]->at)) {
			if (sorted[kept - 1]->layer == sorted[i]->layer)
				return named_twice(rs, sorted[kept - 1], sorted[i]);
			sorted[kept - 1]->at = NULL;
			sorted[kept - 1] = sorted[i];
			continue;
		}
		sorted[kept++] = sorted[i];
	}
	*nr = kept;
	return 0;
}

/* ------------------------------------------------- what a place is underneath */

static int compare_at(const void *key, const void *element)
{
	return strcmp(key, (*(struct rf_mount *const *)element)->at);
}

static const struct rf_mount *find_entry(struct rf_mount **sorted, size_t nr, const char *at)
{
	struct rf_mount *const *found = bsearch(at, sorted, nr, sizeof(*sorted), compare_at);

	if (!found || (*found)->kind == RF_MOUNT_DIR || (*found)->kind == RF_MOUNT_SYMLINK)
		return NULL;
	return *found;
}

/*
 * The nearest entry above @at that brings a file system, and in *ret_rest what
 * is below its place.  NULL: @at is in the root.
 */
static const struct rf_mount *find_cover(struct rf_mount **sorted, size_t nr,
					 const char *at, const char **ret_rest)
{
	const struct rf_mount *found;
	char above[PATH_MAX];
	char *slash;

	snprintf(above, sizeof(above), "%s", at);
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		*ret_rest = at + (slash - above);
		found = find_entry(sorted, nr, above);
		if (found)
			return found;
	}
	*ret_rest = at;
	return NULL;
}

enum under { UNDER_UNKNOWN, UNDER_OWNED, UNDER_FOREIGN };

static unsigned int look_below(const struct rf_resolve *rs, const char *base, const char *rest)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", strcmp(base, "/") ? base : "", rest);
	return look(rs, path);
}

/* In the root, which no entry brings. */
static unsigned int look_in_root(const struct rf_resolve *rs, const char *at, enum under *ret_under)
{
	const struct rf_root *root = &rs->sb->root;

	switch (root->kind) {
	case RF_ROOT_EMPTY:
		*ret_under = UNDER_OWNED;
		return RF_MF_ABSENT;
	case RF_ROOT_HOST:
		*ret_under = UNDER_FOREIGN;
		return look(rs, at);
	case RF_ROOT_DIR:
		*ret_under = UNDER_FOREIGN;
		return look_below(rs, root->path, at);
	case RF_ROOT_IMAGE:
		break;
	}
	*ret_under = UNDER_UNKNOWN;
	return 0;
}

/*
 * What is at @at before an entry for it is: RF_MF_* as look() has it.
 * *ret_under says whether the file system there is the sandbox's own.
 */
static unsigned int look_under(const struct rf_resolve *rs, struct rf_mount **sorted,
			       size_t nr, const char *at, enum under *ret_under)
{
	const struct rf_mount *cover;
	unsigned int seen = RF_MF_ABSENT;
	const char *rest;

	cover = find_cover(sorted, nr, at, &rest);
	if (!cover)
		return look_in_root(rs, at, ret_under);
	*ret_under = UNDER_UNKNOWN;
	switch (cover->kind) {
	case RF_MOUNT_RO:
	case RF_MOUNT_RW:
		*ret_under = UNDER_FOREIGN;
		return look_below(rs, cover->source, rest);
	case RF_MOUNT_OVERLAY:
		for (size_t i = 0; i < cover->nr_lower && seen == RF_MF_ABSENT; i++)
			seen = look_below(rs, cover->lower[i], rest);
		return seen;
	case RF_MOUNT_PROC:
		/* near enough: the host has the same files there */
		return look_below(rs, "/proc", rest);
	case RF_MOUNT_SYSFS:
		return look_below(rs, "/sys", rest);
	case RF_MOUNT_DEV:
		return look_below(rs, "/dev", rest);
	case RF_MOUNT_TMPFS:
		*ret_under = UNDER_OWNED;
		return RF_MF_ABSENT;
	default:
		return RF_MF_ABSENT;
	}
}

/* The nearest directory above @at that is there: what `absent: freeze` holds fast. */
static char *nearest_there(const struct rf_resolve *rs, struct rf_mount **sorted, size_t nr,
			   const char *at)
{
	char *above = rf_sandbox_strdup(rs->sb, at), *slash;
	enum under under;

	if (!above)
		return NULL;
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (find_entry(sorted, nr, above) ||
		    look_under(rs, sorted, nr, above, &under) != RF_MF_ABSENT)
			return above;
	}
	above[1] = '\0';
	return above;
}

static bool has_source(const struct rf_mount *m)
{
	return m->kind == RF_MOUNT_RO || m->kind == RF_MOUNT_RW || m->kind == RF_MOUNT_OVERLAY;
}

static int look_under_all(const struct rf_resolve *rs, struct rf_mount **sorted, size_t nr)
{
	enum under under;
	unsigned int seen;

	for (size_t i = 0; i < nr; i++) {
		struct rf_mount *m = sorted[i];

		if (m->kind == RF_MOUNT_DENY) {
			m->flags |= look_under(rs, sorted, nr, m->at, &under);
			if (!(m->flags & RF_MF_ABSENT))
				continue;
			m->source = nearest_there(rs, sorted, nr, m->at);
			if (!m->source)
				return out_of_memory(rs);
		} else if (m->flags & RF_MF_OPTIONAL && !has_source(m)) {
			seen = look_under(rs, sorted, nr, m->at, &under);
			if (seen == RF_MF_ABSENT && under == UNDER_FOREIGN && !(m->flags & RF_MF_CREATE))
				m->flags |= RF_MF_ABSENT;
		}
	}
	return 0;
}

static size_t pack(struct rf_mount *mounts, size_t nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct rf_mount *m = &mounts[i];
		bool left_out = m->flags & RF_MF_OPTIONAL && m->flags & RF_MF_ABSENT &&
				!has_source(m) && m->kind != RF_MOUNT_DENY;

		if (m->at && !left_out)
			mounts[kept++] = *m;
	}
	return kept;
}

int rf_resolve_mounts(struct rf_resolve *rs)
{
	struct rf_sandbox *sb = rs->sb;
	struct rf_mount **sorted;
	size_t nr = 0;
	int ret = 0;

	sorted = rf_sandbox_alloc(sb, (sb->nr_mounts + 1) * sizeof(struct rf_mount *));
	if (!sorted)
		return out_of_memory(rs);
	for (size_t i = 0; i < sb->nr_mounts && !ret; i++) {
		struct rf_mount *m = &sb->mounts[i];

		if (is_homeless(rs, m)) {
			m->at = NULL;
			continue;
		}
		ret = resolve_one(rs, m);
		sorted[nr++] = m;
	}
	if (ret < 0)
		return ret;
	qsort(sorted, nr, sizeof(struct rf_mount *), by_place);
	ret = drop_replaced(rs, sorted, &nr);
	if (ret < 0)
		return ret;
	ret = look_under_all(rs, sorted, nr);
	if (ret < 0)
		return ret;
	sb->nr_mounts = pack(sb->mounts, sb->nr_mounts);
	return 0;
}
