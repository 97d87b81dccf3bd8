/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy language, ringfence-seccomp(5): statements, one on a line.
 *
 * What an included policy says about itself (default, unknown, foreign,
 * architectures) counts unless the including one says it.
 */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "spec.h"

/* What is read, and what leads to it. */
struct text {
	const struct text *outer;
	struct rf_policy *p;
	struct rf_err	*err;
	const char	*name;
	struct settings	*settings;
	int		 depth;
};

/* Who has set what: the depth of it, -1 nobody. */
enum setting { SET_DEFAULT, SET_UNKNOWN, SET_FOREIGN, SET_ABIS, SET_NR };

struct settings {
	int		 depth[SET_NR];
	struct rf_place	 place[SET_NR];
};

static int read_lines(struct text *t, const char *bytes, size_t len);

/*
 * Whether a statement counts: the outermost one does.  Two of the same depth
 * that disagree are an error.
 */
static int setting_counts(const struct text *t, enum setting what, const struct rf_place *place,
			  bool same, bool *ret)
{
	struct settings *s = t->settings;

	*ret = s->depth[what] < 0 || t->depth < s->depth[what];
	if (*ret) {
		s->depth[what] = t->depth;
		s->place[what] = *place;
	} else if (t->depth == s->depth[what] && !same) {
		return rf_err_at(t->err, place, EINVAL, "%s:%u says something else",
				 s->place[what].file, s->place[what].line);
	}
	return 0;
}

static int read_action(struct text *t, struct rf_words *w, enum setting what, uint32_t *field)
{
	struct rf_place place = w->place;
	uint32_t action;
	bool counts;
	int r;

	r = rf_words_next(w);
	if (!r)
		r = rf_words_action(w, &action);
	if (!r)
		r = rf_words_end(w);
	if (!r)
		r = setting_counts(t, what, &place, action == *field, &counts);
	if (!r && counts)
		*field = action;
	return r;
}

static int stmt_default(struct text *t, struct rf_words *w)
{
	return read_action(t, w, SET_DEFAULT, &t->p->default_action);
}

static int stmt_unknown(struct text *t, struct rf_words *w)
{
	return read_action(t, w, SET_UNKNOWN, &t->p->unknown_action);
}

static int stmt_foreign(struct text *t, struct rf_words *w)
{
	return read_action(t, w, SET_FOREIGN, &t->p->bad_abi_action);
}

static int stmt_architectures(struct text *t, struct rf_words *w)
{
	struct rf_place place = w->place;
	unsigned int abis = 0;
	char nearest[64];
	bool counts;
	int r, abi, nr = 0;

	while (!(r = rf_words_next(w)) && w->word[0]) {
		nr++;
		if (strcmp(w->word, "native") == 0) {
			abis |= 1U << t->p->machine;
			continue;
		}
		for (abi = 0; abi < RF_ABI_NR; abi++)
			if (strcmp(w->word, rf_abi_defs[abi].name) == 0)
				break;
		if (abi == RF_ABI_NR) {
			const char *names[RF_ABI_NR + 2] = { "native" };

			for (int i = 0; i < RF_ABI_NR; i++)
				names[i + 1] = rf_abi_defs[i].name;
			return rf_err_at(t->err, &w->place, EINVAL, "no architecture '%s'%s", w->word,
					 rf_nearest(w->word, names, sizeof(names[0]), nearest));
		}
		/* those of other machines mean nothing here */
		if (rf_abi_defs[abi].family == t->p->machine)
			abis |= 1U << abi;
	}
	if (r < 0)
		return r;
	if (!nr)
		return rf_err_at(t->err, &place, EINVAL, "which architectures?");
	if (!abis)
		return rf_err_at(t->err, &place, EINVAL, "none of these is an architecture of %s",
				 rf_abi_defs[t->p->machine].name);
	r = setting_counts(t, SET_ABIS, &place, abis == t->p->abis, &counts);
	if (!r && counts)
		t->p->abis = abis;
	return r;
}

static int stmt_flags(struct text *t, struct rf_words *w)
{
	static const struct rf_word flags[] = {
		{ "log", SECCOMP_FILTER_FLAG_LOG },
		{ "spec-allow", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ NULL, 0 }
	};
	const struct rf_word *f;
	char nearest[64];
	int r;

	while (!(r = rf_words_next(w)) && w->word[0]) {
		for (f = flags; f->name && strcmp(f->name, w->word); f++)
			;
		if (!f->name)
			return rf_err_at(t->err, &w->place, EINVAL, "no flag '%s'%s", w->word,
					 rf_nearest(w->word, flags, sizeof(*flags), nearest));
		t->p->flags |= (uint32_t)f->value;
	}
	return r;
}

/* @file as seen from the directory of the file that includes it. */
static char *beside(struct rf_policy *p, const char *includer, const char *file)
{
	const char *slash = strrchr(includer, '/');
	size_t dir = file[0] != '/' && slash ? (size_t)(slash - includer) + 1 : 0;
	char *path = rf_policy_alloc(p, dir + strlen(file) + 1);

	if (path) {
		memcpy(path, includer, dir);
		strcpy(path + dir, file);
	}
	return path;
}

static int include_text(struct text *t, const struct rf_place *place, const char *name,
			const char *bytes, size_t len)
{
	struct text inner = { .outer = t, .p = t->p, .err = t->err, .name = name,
			      .settings = t->settings, .depth = t->depth + 1 };
	size_t first = 0;

	for (const struct text *o = t; o; o = o->outer)
		if (strcmp(o->name, name) == 0)
			return rf_err_at(t->err, place, EINVAL, "'%s' includes itself", name);
	if (inner.depth > RF_POLICY_DEPTH_MAX || ++t->p->nr_files > RF_POLICY_FILES_MAX)
		return rf_err_at(t->err, place, EINVAL, "too many includes");
	while (first < len && (bytes[first] == ' ' || bytes[first] == '\n'))
		first++;
	if (first < len && bytes[first] == '{')
		return rf_err_at(t->err, place, EINVAL, "'%s' is JSON, which cannot be included", name);
	return read_lines(&inner, bytes, len);
}

static int include_preset(struct text *t, const struct rf_place *place, const char *name)
{
	const char *names[16] = { NULL }, *bytes = rf_filter_preset_text(name);
	char nearest[64];

	if (bytes)
		return include_text(t, place, rf_policy_strndup(t->p, name, strlen(name)), bytes,
				    strlen(bytes));
	for (size_t i = 0; i + 1 < sizeof(names) / sizeof(*names); i++)
		if (!(names[i] = rf_filter_preset_name(i)))
			break;
	rf_err_at(t->err, place, EINVAL, "no preset '%s'%s", name,
		  rf_nearest(name, names, sizeof(names[0]), nearest));
	rf_err_hint(t->err, "a file is written with a slash: ./%s", name);
	return -EINVAL;
}

static int stmt_include(struct text *t, struct rf_words *w)
{
	struct rf_place place;
	char *path, *bytes = NULL;
	size_t len = 0;
	bool preset;
	int r;

	r = rf_words_next(w);
	if (r < 0)
		return r;
	place = w->place;
	if (!w->word[0])
		return rf_err_at(t->err, &place, EINVAL, "include what?");
	preset = !w->quoted && !strchr(w->word, '/');
	path = preset ? rf_policy_strndup(t->p, w->word, strlen(w->word)) :
			beside(t->p, t->name, w->word);
	if (!path)
		return rf_err_set(t->err, ENOMEM, "reading a policy");
	r = rf_words_end(w);
	if (r < 0)
		return r;
	if (preset)
		return include_preset(t, &place, path);
	if (t->p->read_flags & RF_POLICY_NO_FILES)
		return rf_err_at(t->err, &place, EINVAL, "files cannot be included here");
	r = rf_policy_slurp(path, &place, &bytes, &len, t->err);
	if (!r)
		r = include_text(t, &place, path, bytes, len);
	free(bytes);
	return r;
}

static const struct statement {
	const char	*name;
	int		(*read)(struct text *t, struct rf_words *w);
} statements[] = {
	{ "default", stmt_default },
	{ "unknown", stmt_unknown },
	{ "foreign", stmt_foreign },
	{ "architectures", stmt_architectures },
	{ "flags", stmt_flags },
	{ "include", stmt_include },
	/* rules: rule_text.c reads them; here for the nearest word */
	{ "allow", NULL }, { "deny", NULL }, { "kill", NULL }, { "kill-thread", NULL },
	{ "log", NULL }, { "notify", NULL }, { "trap", NULL }, { "trace", NULL },
	{ NULL, NULL }
};

static int read_line(struct text *t, struct rf_words *w)
{
	char nearest[64];
	bool is_rule;
	int r;

	r = rf_words_next(w);
	if (r < 0 || !w->word[0])
		return r;
	r = rf_words_rule(w, &is_rule);
	if (r < 0 || is_rule)
		return r;
	for (const struct statement *s = statements; s->name; s++)
		if (s->read && strcmp(s->name, w->word) == 0)
			return s->read(t, w);
	return rf_err_at(t->err, &w->place, EINVAL, "no statement '%s'%s", w->word,
			 rf_nearest(w->word, statements, sizeof(*statements), nearest));
}

static int read_lines(struct text *t, const char *bytes, size_t len)
{
	struct rf_words w = { .p = t->p, .err = t->err, .place = { .file = t->name } };
	const char *end = bytes + len, *eol;
	int r;

	if (!t->name)
		return rf_err_set(t->err, ENOMEM, "reading a policy");
	while (bytes < end) {
		eol = memchr(bytes, '\n', (size_t)(end - bytes));
		w.line = w.at = bytes;
		w.end = eol ? eol : end;
		w.place.line++;
		w.place.col = 1;
		r = read_line(t, &w);
		if (r < 0)
			return r;
		bytes = eol ? eol + 1 : end;
	}
	return 0;
}

int rf_policy_read(struct rf_policy *p, const char *name, const char *text, size_t len,
		   struct rf_err *err)
{
	struct settings settings = { .depth = { -1, -1, -1, -1 } };
	struct text t = { .p = p, .err = err, .settings = &settings,
			  .name = rf_policy_strndup(p, name, strlen(name)) };
	struct rf_place place = { .file = t.name };
	int r;

	r = read_lines(&t, text, len);
	if (r < 0)
		return r;
	if (settings.depth[SET_DEFAULT] < 0) {
		rf_err_at(err, &place, EINVAL, "no 'default' says what other calls get");
		rf_err_hint(err, "`default errno EPERM` makes a list of what is allowed, `default allow` one of what is not");
		return -EINVAL;
	}
	p->name = t.name;
	p->default_place = settings.place[SET_DEFAULT];
	p->unknown_place = settings.place[SET_UNKNOWN];
	p->bad_abi_place = settings.place[SET_FOREIGN];
	p->abis_place = settings.place[SET_ABIS];
	return 0;
}
