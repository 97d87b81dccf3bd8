/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spec files: reading them, what they extend, and the draft that they fill.
 */
#include "spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* What leads to the document that is read: a list on the stack. */
struct chapter {
	const struct chapter *outer;
	const char	*name;
	unsigned int	 depth;
	dev_t		 dev;
	ino_t		 ino;		/* 0: no file */
};

static const char *const default_keep[] = {
	"HOME", "LANG", "LANGUAGE", "LC_*", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER",
};

struct rf_draft *rf_draft(struct rf_sandbox *sb)
{
	struct rf_draft *d = sb->draft;

	if (d)
		return d;
	d = rf_sandbox_alloc(sb, sizeof(*d));
	if (!d)
		return NULL;
	d->env_clear = true;
	d->env_keep = (const char **)(uintptr_t)default_keep;
	d->nr_env_keep = sizeof(default_keep) / sizeof(*default_keep);
	for (int i = 0; i < RF_NS_NR; i++)
		sb->ns[i] = (struct rf_ns_spec){ .mode = i == RF_NS_TIME ? RF_NS_HOST : RF_NS_NEW,
						 .fd = -1 };
	sb->draft = d;
	return d;
}

bool rf_sandbox_grow(struct rf_sandbox *sb, void *array, size_t nr, size_t *max,
		     size_t size)
{
	size_t more = *max ? *max * 2 : 8;
	void *old, *p;

	if (nr < *max)
		return true;
	p = rf_sandbox_alloc(sb, more * size);
	if (!p)
		return false;
	/* @array points to a pointer of whatever type */
	memcpy(&old, array, sizeof(old));
	if (nr)
		memcpy(p, old, nr * size);
	memcpy(array, &p, sizeof(p));
	*max = more;
	return true;
}

static int read_fd(struct rf_reader *r, const char *name, int fd, char **ret_text,
		   size_t *ret_len)
{
	struct rf_place place = { .file = name };
	size_t len = 0, size = 4096;
	char *text = malloc(size), *more;
	ssize_t n;
	int error;

	while (text) {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error = errno;
			free(text);
			return rf_err_set(r->err, error, "read %s", name);
		}
		len += (size_t)n;
		if (!n) {
			text[len] = '\0';	/* there is room: len < size */
			*ret_text = text;
			*ret_len = len;
			return 0;
		}
		if (len > RF_SPEC_SIZE_MAX) {
			free(text);
			return rf_err_at(r->err, &place, EINVAL, "larger than %u bytes",
					 RF_SPEC_SIZE_MAX);
		}
		if (len < size)
			continue;
		size *= 2;
		more = realloc(text, size);
		if (!more)
			free(text);
		text = more;
	}
	return rf_err_set(r->err, ENOMEM, "reading '%s'", name);
}

static int read_text(struct rf_reader *r, const struct chapter *chapter,
		     const char *text, size_t len);

static int refuse_cycle(struct rf_reader *r, const struct chapter *c, const struct rf_place *place)
{
	for (const struct chapter *o = c->outer; o; o = o->outer)
		if (o->ino == c->ino && o->dev == c->dev && (c->ino || !strcmp(o->name, c->name)))
			return rf_err_at(r->err, place, EINVAL, "'%s' extends itself%s", o->name,
					 o == c->outer ? "" : " through other files");
	return 0;
}

/*
 * @place says who named the file; only what the command line names may be
 * something else than a regular file, such as a pipe.
 */
static int read_open_file(struct rf_reader *r, struct chapter *c, int fd,
			  const struct rf_place *place)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	int ret;

	if (fstat(fd, &st) < 0)
		return rf_err_at(r->err, place, errno, "fstat %s", c->name);
	if (S_ISDIR(st.st_mode) || (place && !S_ISREG(st.st_mode)))
		return rf_err_at(r->err, place, EINVAL, "'%s' is no regular file", c->name);
	c->dev = st.st_dev;
	c->ino = st.st_ino;
	ret = refuse_cycle(r, c, place);
	if (!ret)
		ret = read_fd(r, c->name, fd, &text, &len);
	if (ret < 0)
		return ret;
	ret = read_text(r, c, text, len);
	free(text);
	return ret;
}

static int read_named(struct rf_reader *r, const struct chapter *outer, const char *name,
		      const struct rf_place *place)
{
	struct chapter c = { outer, name, outer ? outer->depth + 1 : 0, 0, 0 };
	int fd, ret;

	if (!place && !strcmp(name, "-")) {
		c.name = "standard input";
		return read_open_file(r, &c, STDIN_FILENO, place);
	}
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (place ? O_NONBLOCK : 0));
	if (fd < 0)
		return rf_err_at(r->err, place, errno, "open %s", name);
	ret = read_open_file(r, &c, fd, place);
	close(fd);
	return ret;
}

static int read_preset(struct rf_reader *r, const struct chapter *outer, const char *name,
		       const struct rf_place *place)
{
	const char *text = rf_preset_text(name);
	struct chapter c = { outer, NULL, outer->depth + 1, 0, 0 };
	int ret;

	c.name = rf_sandbox_printf(r->sb, "preset:%s", name);
	if (!c.name)
		return rf_err_set(r->err, ENOMEM, "reading 'extends'");
	ret = refuse_cycle(r, &c, place);
	return ret < 0 ? ret : read_text(r, &c, text, strlen(text));
}

char *rf_spec_beside(struct rf_reader *r, const char *from, const char *name)
{
	const char *slash = strrchr(from, '/');

	while (slash && name[0] == '.' && name[1] == '/')
		name += 2;
	if (*name == '/' || !slash)
		return rf_sandbox_strdup(r->sb, name);
	return rf_sandbox_printf(r->sb, "%.*s/%s", (int)(slash - from), from, name);
}

/* A bare word is a preset, so that no file can take the place of one. */
static int no_preset(struct rf_reader *r, const struct rf_node *v)
{
	const char *names[8] = { NULL };
	char buf[64];

	for (size_t i = 0; i < 7 && rf_preset_name(i); i++)
		names[i] = rf_preset_name(i);
	rf_err_at(r->err, &v->place, EINVAL, "no preset '%.64s'%s", v->text,
		  rf_nearest(v->text, names, sizeof(*names), buf));
	rf_err_hint(r->err, "a file is written with its directory: ./%.64s", v->text);
	return -EINVAL;
}

static int extend(struct rf_reader *r, const struct chapter *from, const struct rf_node *v)
{
	const char *name;
	char *file;
	int ret = rf_value_text(r, v, &name);

	if (ret < 0)
		return ret;
	if (from->depth >= RF_SPEC_EXTENDS_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "more than %d files that extend one another",
				 RF_SPEC_EXTENDS_MAX);
	if (r->draft->nr_layers >= RF_SPEC_LAYERS_MAX)
		return rf_err_at(r->err, &v->place, EINVAL, "more than %d files are extended",
				 RF_SPEC_LAYERS_MAX);
	if (rf_preset_text(name))
		return read_preset(r, from, name, &v->place);
	if (!strchr(name, '/') && !strchr(name, '.'))
		return no_preset(r, v);
	if (r->flags & RF_SPEC_NO_FILES)
		return rf_err_at(r->err, &v->place, EINVAL, "files cannot be read here");
	file = rf_spec_beside(r, from->name, name);
	if (!file)
		return rf_err_set(r->err, ENOMEM, "reading 'extends'");
	return read_named(r, from, file, &v->place);
}

static int extend_all(struct rf_reader *r, const struct chapter *from, const struct rf_node *v)
{
	int ret = 0;

	if (v->kind == RF_NODE_SCALAR)
		return extend(r, from, v);
	ret = rf_need(r, v, RF_NODE_LIST, "a list of presets and files");
	for (size_t i = 0; i < v->nr && !ret; i++)
		ret = extend(r, from, v->items[i]);
	return ret;
}

static int read_root(struct rf_reader *r, const struct chapter *chapter, const struct rf_node *root)
{
	int ret = rf_need(r, root, RF_NODE_MAP, "a map of keys");

	if (!ret)
		ret = rf_no_repeats(r, root);
	for (size_t i = 0; !ret && i < root->nr; i += 2)
		if (!strcmp(root->items[i]->text, "extends"))
			ret = extend_all(r, chapter, root->items[i + 1]);
	if (ret < 0)
		return ret;
	r->layer = ++r->draft->nr_layers;
	return rf_spec_read(r, root);
}

static int read_text(struct rf_reader *r, const struct chapter *chapter,
		     const char *text, size_t len)
{
	struct rf_node *root = NULL;
	int ret = rf_yaml_parse(r, chapter->name, 0, text, len, &root);

	return ret < 0 ? ret : read_root(r, chapter, root);
}

static int reader_init(struct rf_reader *r, struct rf_sandbox *sb, unsigned int flags,
		       struct rf_err *err)
{
	*r = (struct rf_reader){ .sb = sb, .draft = rf_draft(sb), .err = err, .flags = flags };
	if (!r->draft)
		return rf_err_set(err, ENOMEM, "reading a spec");
	if (r->draft->has_spec)
		return rf_err_set(err, EINVAL, "there can be only one spec; use 'extends' for more");
	r->draft->has_spec = true;
	return 0;
}

int rf_spec_load(const char *file, struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_reader r;
	int ret = reader_init(&r, sb, 0, err);

	return ret < 0 ? ret : read_named(&r, NULL, file, NULL);
}

int rf_spec_parse(const char *name, const char *text, size_t len,
		  unsigned int flags, struct rf_sandbox *sb, struct rf_err *err)
{
	const struct chapter c = { .name = name };
	struct rf_reader r;
	int ret = reader_init(&r, sb, flags, err);

	return ret < 0 ? ret : read_text(&r, &c, text, len);
}

int rf_spec_text(const char *file, char **ret_text, size_t *ret_len, struct rf_err *err)
{
	struct rf_reader r = { .err = err };
	bool is_stdin = !strcmp(file, "-");
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY), ret;

	if (fd < 0)
		return rf_err_set(err, errno, "open %s", file);
	ret = read_fd(&r, is_stdin ? "standard input" : file, fd, ret_text, ret_len);
	if (!is_stdin)
		(void)close(fd);
	return ret;
}

/* A list is the command; it wins over that of a spec, as one of the command line does. */
static int read_list_job(struct rf_reader *r, const struct rf_node *root)
{
	r->draft->argv_place = root->place;
	return rf_read_argv(r, root, &r->draft->argv, &r->draft->nr_argv);
}

static int read_map_job(struct rf_reader *r, const struct chapter *c, const struct rf_node *root)
{
	if (r->draft->has_spec) {
		rf_err_at(r->err, &root->place, EINVAL, "a job with a spec of its own, and --spec too");
		rf_err_hint(r->err, "`extends` joins specs; with --spec a job is a list: its command");
		return -EINVAL;
	}
	r->draft->has_spec = true;
	return read_root(r, c, root);
}

int rf_job_parse(const char *name, unsigned int above, const char *text, size_t len,
		 unsigned int flags, struct rf_sandbox *sb, struct rf_err *err)
{
	struct rf_reader r = { .sb = sb, .draft = rf_draft(sb), .err = err, .flags = flags };
	const struct chapter c = { .name = name };
	struct rf_node *root = NULL;
	int ret;

	if (!r.draft)
		return rf_err_set(err, ENOMEM, "reading a job");
	ret = rf_yaml_parse(&r, name, above, text, len, &root);
	if (ret < 0)
		return ret;
	if (root->kind == RF_NODE_LIST)
		return read_list_job(&r, root);
	return read_map_job(&r, &c, root);
}

/* What `extends: [NAME]` would do, said by an option or by nobody. */
int rf_spec_extend(struct rf_reader *r, const struct rf_node *v)
{
	const struct chapter here = { .name = "" };

	return extend_all(r, &here, v);
}
