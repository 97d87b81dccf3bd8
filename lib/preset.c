/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Presets: specs that are part of the library.  Paths in them are those of
 * whoever uses them: `.` is the working directory, ~ the home.
 *
 * What is the default of its key (no network, the namespaces, init) is left
 * out, so that an option for it does not meet a contradiction here.
 *
 * /run is private because the sockets in it lead out of a sandbox, and a
 * read-only bind does not keep anybody from connecting.
 */
#include "spec.h"

#include <string.h>

struct preset {
	const char	*name;
	const char	*text;
};

static const struct preset presets[] = {
	{ "default",
	  "root: host\n"
	  "mounts:\n"
	  "  - {tmpfs: \"~\", mode: \"0700\", optional: true}\n"
	  "  - {tmpfs: /tmp, mode: \"1777\"}\n"
	  "  - {tmpfs: /run, mode: \"0755\", optional: true}\n"
	  "  - {proc: /proc}\n"
	  "  - {dev: /dev}\n"
	  "capabilities: []\n"
	  "no_new_privileges: true\n" },
	{ "build",
	  "extends: [default]\n"
	  "seccomp: build\n"
	  "mounts:\n"
	  "  - {rw: .}\n" },
	{ "shell",
	  "extends: [default]\n"
	  "hostname: sandbox\n"
	  "network: loopback\n"
	  "env:\n"
	  "  keep: [COLORTERM, EDITOR, HOME, LANG, LANGUAGE, LC_*, LOGNAME, PAGER,\n"
	  "         PATH, SHELL, TERM, TZ, USER]\n"
	  "command: [/bin/sh, -i]\n"
	  "terminal: private\n" },
	{ NULL, NULL }
};

const char *rf_preset_text(const char *name)
{
	for (const struct preset *p = presets; p->name; p++)
		if (!strcmp(p->name, name))
			return p->text;
	return NULL;
}

const char *rf_preset_name(size_t index)
{
	return index < sizeof(presets) / sizeof(*presets) ? presets[index].name : NULL;
}
