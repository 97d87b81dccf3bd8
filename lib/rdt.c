/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rdt.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool rf_rdt_name_is_good(const char *clos)
{
	/* what the top has beside classes */
	static const char *const taken[] = { ".", "..", "info", "mon_data", "mon_groups", NULL };

	if (!strcmp(clos, "/"))
		return true;
	if (!*clos || strlen(clos) > NAME_MAX || strpbrk(clos, "/\n"))
		return false;
	for (const char *const *t = taken; *t; t++)
		if (!strcmp(clos, *t))
			return false;
	return true;
}

/* ------------------------------------------------------------------ mountinfo */

/* Field @nr of a line, up to its end or that of the line. */
static const char *field(const char *line, int nr)
{
	while (nr-- > 0) {
		line += strcspn(line, " \n");
		line += *line == ' ';
	}
	return line;
}

static bool is_word(const char *text, const char *word)
{
	return strcspn(text, " \n") == strlen(word) && !strncmp(text, word, strlen(word));
}

/* \040 and the like are bytes. */
static int unescape(const char *text, char *buf, size_t size)
{
	size_t len = strcspn(text, " \n"), n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned int c = (unsigned char)text[i];

		if (c == '\\' && i + 3 < len && sscanf(text + i + 1, "%3o", &c) == 1)
			i += 3;
		if (n + 1 >= size)
			return -ENAMETOOLONG;
		buf[n++] = (char)c;
	}
	buf[n] = '\0';
	return 0;
}

int rf_rdt_find(const char *mountinfo, char *buf, size_t size)
{
	for (const char *line = mountinfo; *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		const char *dash = strstr(line, " - ");

		if (dash && dash < line + strcspn(line, "\n") && is_word(dash + 3, "resctrl") &&
		    is_word(field(line, 3), "/"))
			return unescape(field(line, 4), buf, size);
	}
	return -ENOENT;
}

/* ---------------------------------------------------------------------- paths */

struct path {
	char		 text[3 * NAME_MAX];
};

/* What @group of @clos, or @clos itself, calls @name; the top is "." */
static const char *path_of(struct path *p, const char *clos, const char *group, const char *name)
{
	const bool top = !strcmp(clos, "/");

	(void)snprintf(p->text, sizeof(p->text), "%s%s%s%s%s", top ? "." : clos,
		       group ? "/mon_groups/" : "", group ? group : "", *name ? "/" : "", name);
	return p->text;
}

static int open_file(int root, const char *path, int flags)
{
	int fd = openat(root, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int rf_rdt_read(int root, const char *path, char *buf, size_t size)
{
	int fd = open_file(root, path, O_RDONLY), r;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fd;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	r = n < 0 ? -errno : 0;
	(void)close(fd);
	if (r < 0)
		return r;
	while (len && isspace((unsigned char)buf[len - 1]))
		len--;
	buf[len] = '\0';
	return (int)len;
}

int rf_rdt_read_of(int root, const char *clos, const char *group, const char *name, char *buf,
		   size_t size)
{
	struct path p;

	return rf_rdt_read(root, path_of(&p, clos, group, name), buf, size);
}

/* --------------------------------------------------------------------- classes */

bool rf_rdt_has(int root, const char *clos)
{
	struct path p;
	struct stat st;

	return fstatat(root, path_of(&p, clos, NULL, ""), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

int rf_rdt_make(int root, const char *clos)
{
	struct path p;

	return mkdirat(root, path_of(&p, clos, NULL, ""), 0755) < 0 ? -errno : 0;
}

int rf_rdt_monitor(int root, const char *clos, const char *group)
{
	struct path p;

	return mkdirat(root, path_of(&p, clos, group, ""), 0755) < 0 ? -errno : 0;
}

int rf_rdt_write(int root, const char *clos, const char *lines)
{
	struct path p;
	int fd = open_file(root, path_of(&p, clos, NULL, "schemata"), O_WRONLY | O_TRUNC), r = 0;
	const size_t len = strlen(lines);
	ssize_t n;

	if (fd < 0)
		return fd;
	/* the kernel takes each write by itself */
	n = write(fd, lines, len);
	if (n != (ssize_t)len)
		r = n < 0 ? -errno : -EIO;
	(void)close(fd);
	return r;
}

int rf_rdt_tasks(int root, const char *clos, const char *group)
{
	struct path p;

	return open_file(root, path_of(&p, clos, group, "tasks"), O_WRONLY);
}

static int remove_dir(int root, const char *path)
{
	return unlinkat(root, path, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int rf_rdt_remove(int root, const char *clos, bool unused)
{
	char tasks[32];
	struct path p;

	if (!strcmp(clos, "/"))
		return 0;
	if (unused && rf_rdt_read_of(root, clos, NULL, "tasks", tasks, sizeof(tasks)) > 0)
		return 0;
	return remove_dir(root, path_of(&p, clos, NULL, ""));
}

int rf_rdt_remove_group(int root, const char *clos, const char *group)
{
	struct path p;

	return remove_dir(root, path_of(&p, clos, group, ""));
}

/* ------------------------------------------------------------------- comparing */

/* The line of @text for the resource of @line ("L3:"); NULL: it has none. */
static const char *line_for(const char *text, const char *line, size_t name)
{
	while (*text) {
		text += strspn(text, " \t");
		if (!strncmp(text, line, name))
			return text;
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return NULL;
}

/* What "id=value;..." has for @id: without leading zeros, *@ret_len bytes; NULL: nothing. */
static const char *value_for(const char *domains, unsigned long id, size_t *ret_len)
{
	for (const char *p = domains; *p && *p != '\n';) {
		char *end;
		unsigned long other = strtoul(p, &end, 10);
		const char *value = end + strspn(end, "= ");
		size_t len = strcspn(value, ";\n");

		if (end == p)
			return NULL;
		p = value + len;
		p += *p == ';';
		if (other != id)
			continue;
		while (len > 1 && *value == '0') {
			value++;
			len--;
		}
		*ret_len = len;
		return value;
	}
	return NULL;
}

/* The kernel prints domains that nobody has named, zeros in front, and its own order. */
static bool has_all(const char *has, const char *wanted)
{
	for (const char *p = wanted; *p && *p != '\n';) {
		unsigned long id = strtoul(p, NULL, 10);
		size_t len = 0, want_len = 0;
		const char *value = value_for(has, id, &len), *want = value_for(p, id, &want_len);

		if (!value || !want || len != want_len || strncasecmp(value, want, len) != 0)
			return false;
		p += strcspn(p, ";\n");
		p += *p == ';';
	}
	return true;
}

int rf_rdt_compare(int root, const char *clos, const char *line)
{
	const size_t name = strcspn(line, ":\n") + 1;
	char text[RF_RDT_TEXT];
	const char *has;
	int r = rf_rdt_read_of(root, clos, NULL, "schemata", text, sizeof(text));

	if (r < 0)
		return r;
	if (line[name - 1] != ':')
		return -EINVAL;
	has = line_for(text, line, name);
	return has && has_all(has + name, line + name) ? 0 : -EEXIST;
}
