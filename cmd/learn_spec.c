/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "learn.h"
#include "sandbox.h"

/* A scalar in double quotes, which YAML reads back as it was. */
static void quote(FILE *f, const char *s)
{
	(void)putc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			(void)fprintf(f, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)fprintf(f, "\\x%02x", c);
		else
			(void)putc(c, f);
	}
	(void)putc('"', f);
}

/* A path: without quotes where there is nothing in it that YAML could read. */
static void path(FILE *f, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";

	if (s[0] && s[0] != '-' && strspn(s, plain) == strlen(s))
		(void)fputs(s, f);
	else
		quote(f, s);
}

static void write_bind(FILE *f, const char *word, const struct item *i)
{
	(void)fprintf(f, "  - {%s: ", word);
	path(f, i->source);
	if (strcmp(i->source, i->at) != 0) {
		(void)fputs(", at: ", f);
		path(f, i->at);
	}
	(void)fputs("}\n", f);
}

/* What the command writes in a trial is gone with it. */
static void write_trial_rw(FILE *f, const struct item *i)
{
	struct stat st;

	if (stat(i->source, &st) == 0 && !S_ISDIR(st.st_mode)) {
		(void)fputs("  - {file: ", f);
		path(f, i->at);
		(void)fputs(", mode: \"0666\"}\n", f);
		return;
	}
	(void)fputs("  - {overlay: ", f);
	path(f, i->at);
	(void)fputs(", lower: [", f);
	path(f, i->source);
	(void)fputs("], upper: tmpfs}\n", f);
}

static void write_mount(FILE *f, const struct item *i, bool trial)
{
	switch (i->kind) {
	case ITEM_RO:
		write_bind(f, "ro", i);
		return;
	case ITEM_RW:
		if (trial)
			write_trial_rw(f, i);
		else
			write_bind(f, "rw", i);
		return;
	case ITEM_DIR:
		(void)fputs("  - {dir: ", f);
		break;
	case ITEM_TMPFS:
		(void)fputs("  - {tmpfs: ", f);
		break;
	case ITEM_PROC:
		(void)fputs("  - {proc: ", f);
		break;
	case ITEM_DEV:
		(void)fputs("  - {dev: ", f);
		break;
	case ITEM_SYMLINK:
		(void)fputs("  - {symlink: ", f);
		path(f, i->source);
		(void)fputs(", at: ", f);
		break;
	case ITEM_CONNECT:
	case ITEM_BIND:
	case ITEM_CALL:
		return;
	}
	path(f, i->at);
	(void)fputs(i->kind == ITEM_TMPFS ? ", mode: \"1777\"}\n" : "}\n", f);
}

static void write_ports(FILE *f, const struct lesson *l, enum item_kind kind, const char *word)
{
	bool first = true;

	for (size_t i = 0; i < l->nr; i++) {
		if (l->items[i].kind != kind || l->items[i].off)
			continue;
		if (first)
			(void)fprintf(f, "  %s:\n", word);
		first = false;
		(void)fprintf(f, "    - %u\n", l->items[i].port);
	}
	if (first)	/* none: all are denied */
		(void)fprintf(f, "  %s: []\n", word);
}

int learn_write(const struct lesson *l, FILE *f, const char *policy, bool trial)
{
	const struct rf_sandbox *sb = l->sb;

	(void)fputs("# Written by ringfence --learn; ringfence-spec(5)\ncommand: [", f);
	for (size_t i = 0; i < sb->nr_argv; i++) {
		if (i)
			(void)fputs(", ", f);
		quote(f, sb->argv[i]);
	}
	(void)fputs("]\n", f);
	(void)fputs("mounts:\n", f);
	for (size_t i = 0; i < l->nr; i++)
		if (!l->items[i].off)
			write_mount(f, &l->items[i], trial);
	if (l->seen->network) {
		(void)fprintf(f, "network: %s\n", l->seen->remote ? "host" : "loopback");
		(void)fputs("landlock:\n", f);
		write_ports(f, l, ITEM_CONNECT, "connect");
		write_ports(f, l, ITEM_BIND, "bind");
	}
	(void)fputs("seccomp: ", f);
	path(f, policy);
	(void)fputs("\n", f);
	if (trial)
		(void)fprintf(f, "limits: {wall: %llus}\n",
			      (unsigned long long)(10 + 5 * l->wall_us / 1000000));
	return ferror(f) ? -EIO : 0;
}

int learn_write_policy(const struct lesson *l, FILE *f)
{
	(void)fputs("# Written by ringfence --learn; ringfence-seccomp(5)\n", f);
	(void)fputs("default errno EPERM\nunknown errno ENOSYS\n", f);
	for (size_t i = 0; i < l->nr; i++)
		if (l->items[i].kind == ITEM_CALL && !l->items[i].off)
			(void)fprintf(f, "allow %s\n", l->items[i].at);
	return ferror(f) ? -EIO : 0;
}
