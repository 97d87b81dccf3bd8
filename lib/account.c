/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups by name and number.
 */
#include "account.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GETENT "/usr/bin/getent"

static const struct {
	const char	*database, *file;
	int		 nr_fields;	/* that are needed */
} sources[] = {
	[RF_USERS]	= { "passwd", "/etc/passwd", 6 },
	[RF_GROUPS]	= { "group", "/etc/group", 3 },
};

struct wanted {
	enum rf_accounts which;
	const char	*name;		/* or NULL, and then */
	uint32_t	 id;
};

/* NAME:PASSWORD:ID[:GID:TEXT:HOME]... True if @line is what is wanted. */
static bool parse(const struct wanted *w, const char *line, struct rf_account *a)
{
	char *field[6] = { NULL }, *p = a->text, *end;
	int nr = 0;
	unsigned long id;

	while (nr < sources[w->which].nr_fields) {
		size_t len = strcspn(line, ":\n");

		if (len >= (size_t)(a->text + sizeof(a->text) - p))
			return false;
		field[nr++] = memcpy(p, line, len);
		p[len] = '\0';
		p += len + 1;
		line += len;
		if (*line != ':')
			break;
		line++;
	}
	if (nr < sources[w->which].nr_fields)
		return false;
	errno = 0;
	id = strtoul(field[2], &end, 10);
	if (errno || end == field[2] || *end || id > UINT32_MAX)
		return false;
	a->name = field[0];
	a->id = (uint32_t)id;
	a->home = field[5] ? field[5] : "";
	return w->name ? !strcmp(w->name, a->name) : w->id == a->id;
}

static bool search(const struct wanted *w, FILE *f, struct rf_account *ret)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (!found && getline(&line, &size, f) > 0)
		found = parse(w, line, ret);
	free(line);
	return found;
}

bool rf_account_in(const char *text, uint32_t id, struct rf_account *ret)
{
	const struct wanted w = { .which = RF_USERS, .id = id };

	while (text) {
		if (parse(&w, text, ret))
			return true;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

/* A pipe from `getent DATABASE KEY`; NULL where there is none. */
static FILE *getent(const struct wanted *w, pid_t *ret_pid)
{
	static char *const envp[] = { (char *)"LC_ALL=C", NULL };
	posix_spawn_file_actions_t actions;
	char number[16];
	const char *key = w->name ? w->name : number;
	char *argv[] = { (char *)"getent", (char *)"--",
			 (char *)(uintptr_t)sources[w->which].database, (char *)(uintptr_t)key, NULL };
	int fds[2], r;
	FILE *f;

	(void)snprintf(number, sizeof(number), "%" PRIu32, w->id);
	if (access(GETENT, X_OK) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return NULL;
	r = posix_spawn_file_actions_init(&actions);
	if (r == 0) {
		r = posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn(ret_pid, GETENT, &actions, NULL, argv, envp);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	(void)close(fds[1]);
	f = r == 0 ? fdopen(fds[0], "re") : NULL;
	if (f)
		return f;
	(void)close(fds[0]);
	if (r == 0)
		(void)waitpid(*ret_pid, NULL, 0);
	return NULL;
}

static bool find(const struct wanted *w, struct rf_account *ret)
{
	FILE *f = fopen(sources[w->which].file, "re");
	bool found = false;
	pid_t pid;

	if (f) {
		found = search(w, f, ret);
		(void)fclose(f);
	}
	if (found)
		return true;
	f = getent(w, &pid);
	if (!f)
		return false;
	found = search(w, f, ret);
	(void)fclose(f);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return found;
}

bool rf_account_by_name(enum rf_accounts which, const char *name, struct rf_account *ret)
{
	const struct wanted w = { .which = which, .name = name };

	return find(&w, ret);
}

bool rf_account_by_id(enum rf_accounts which, uint32_t id, struct rf_account *ret)
{
	const struct wanted w = { .which = which, .id = id };

	return find(&w, ret);
}
