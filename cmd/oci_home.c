/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HOME of a process whose configuration has none: engines leave it to their runtime, which
 * looks the user up in the container's /etc/passwd.
 *
 * That file is the container's.  It is looked up below the root, opened when it is known to
 * be a file, and read in part if it is large; what it says goes nowhere else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "account.h"
#include "error.h"
#include "oci_runtime.h"

#define FILE_MAX	(256U << 10)

static bool has_home(const struct rf_sandbox *sb)
{
	for (size_t i = 0; sb->envp && sb->envp[i]; i++)
		if (!strncmp(sb->envp[i], "HOME=", 5))
			return true;
	return false;
}

/* No FIFO that waits, no device that does something, no link that leads out. */
static int open_accounts(int root)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int place = (int)syscall(SYS_openat2, root, "etc/passwd", &how, sizeof(how)), fd = -1;
	struct stat st;
	char path[32];

	if (place < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	if (fstat(place, &st) == 0 && S_ISREG(st.st_mode))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	(void)close(place);
	return fd;
}

static char *read_accounts(int root)
{
	int fd = open_accounts(root);
	char *text = fd < 0 ? NULL : malloc(FILE_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && n > 0 && len < FILE_MAX) {
		n = read(fd, text + len, FILE_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (text)
		text[len] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return text;
}

int oci_home(struct rf_sandbox *sb, int dir, const char *path, struct rf_err *err)
{
	struct rf_account a;
	const char *home = "/";
	size_t nr = 0;
	char **envp, *text;
	int root;

	if (has_home(sb))
		return 0;
	root = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	text = root < 0 ? NULL : read_accounts(root);
	if (root >= 0)
		(void)close(root);
	if (text && rf_account_in(text, (uint32_t)sb->user.uid, &a) && *a.home == '/')
		home = a.home;
	for (; sb->envp && sb->envp[nr]; nr++)
		;
	envp = rf_sandbox_alloc(sb, (nr + 2) * sizeof(*envp));
	if (envp && nr)
		memcpy(envp, sb->envp, nr * sizeof(*envp));
	if (envp)
		envp[nr] = rf_sandbox_printf(sb, "HOME=%s", home);
	free(text);
	if (!envp || !envp[nr])
		return rf_err_set(err, ENOMEM, "HOME");
	sb->envp = envp;
	return 0;
}
