/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trials: the command once more, under a spec without some of its lines.
 *
 * A trial is a launch of this very program.  Writable directories are overlays
 * on memory, so what the command writes is gone with the trial; what it sends
 * over a network is not.  Its input is empty; what it prints is compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "learn.h"
#include "report.h"

#define TRIALS_MAX	2000

struct trial {
	int		 status;	/* as of waitpid(2) */
	uint64_t	 hash;		/* of what was printed */
};

struct trials {
	struct lesson	*l;
	char		 dir[PATH_MAX];	/* of the two files */
	char		 spec[PATH_MAX], policy[PATH_MAX];
	struct trial	 want;
	bool		 compare;	/* what is printed is always the same */
};

/* To the end of @fd. */
static uint64_t hash_of(int fd)
{
	uint64_t h = 14695981039346656037ULL;
	unsigned char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ buf[i]) * 1099511628211ULL;
	return h;
}

/*
 * Where a trial prints: [0] is read, [1] is the trial's.  A file if ours is one,
 * else a pipe: programs copy to a file by other calls.
 */
static int output(const struct trials *t, int fds[2])
{
	char name[PATH_MAX + 8];
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0 || !S_ISREG(st.st_mode))
		return pipe2(fds, O_CLOEXEC) < 0 ? -errno : 0;
	(void)snprintf(name, sizeof(name), "%.4000s/out", t->dir);
	fds[1] = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fds[0] = fds[1] < 0 ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	(void)unlink(name);
	return fds[0] < 0 ? -EIO : 0;
}

static int write_files(const struct trials *t)
{
	FILE *f = fopen(t->policy, "we");
	int r = f ? learn_write_policy(t->l, f) : -errno;

	if (f && fclose(f) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		return r;
	f = fopen(t->spec, "we");
	r = f ? learn_write(t->l, f, "./policy", true) : -errno;
	if (f && fclose(f) != 0 && r == 0)
		r = -errno;
	return r;
}

static mode_t kind_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_mode;
}

static _Noreturn void be_trial(const struct trials *t, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char option[PATH_MAX + 16];

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(125);
	(void)snprintf(option, sizeof(option), "--spec=%s", t->spec);
	(void)execl("/proc/self/exe", "ringfence", "run", option, (char *)NULL);
	_exit(125);
}

/* 0, or a negative errno. */
static int try(struct trials *t, struct trial *ret)
{
	int out[2] = { -1, -1 }, r;
	pid_t pid;

	t->l->trials++;
	r = write_files(t);
	if (r == 0)
		r = output(t, out);
	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		be_trial(t, out[1]);
	(void)close(out[1]);
	r = pid < 0 ? -errno : 0;
	if (pid > 0 && S_ISFIFO(kind_of(out[0])))
		ret->hash = hash_of(out[0]);
	while (pid > 0 && waitpid(pid, &ret->status, 0) < 0)
		if (errno != EINTR) {
			r = -errno;
			break;
		}
	if (pid > 0 && !S_ISFIFO(kind_of(out[0])))
		ret->hash = hash_of(out[0]);
	(void)close(out[0]);
	return r;
}

static bool is_as_wanted(struct trials *t)
{
	struct trial got = { 0, 0 };

	if (try(t, &got) < 0)
		return false;
	return got.status == t->want.status && (!t->compare || got.hash == t->want.hash);
}

/* Turn off @nr items from @at on, if the command does not miss them. */
static bool drop(struct trials *t, size_t at, size_t nr)
{
	struct item *items = t->l->items;
	bool was[64], any = false;

	for (size_t i = 0; i < nr; i++) {
		was[i] = items[at + i].off;
		any |= !was[i];
		items[at + i].off = true;
	}
	if (any && is_as_wanted(t))
		return true;
	for (size_t i = 0; i < nr; i++)
		items[at + i].off = was[i];
	return false;
}

static void prune(struct trials *t)
{
	size_t nr = t->l->nr;
	bool changed;

	for (size_t size = 32; size > 1; size /= 2)
		for (size_t at = 0; at + size <= nr && t->l->trials < TRIALS_MAX; at += size)
			(void)drop(t, at, size);
	/* one by one until none can go: what went later may have been why one stayed */
	do {
		changed = false;
		for (size_t at = 0; at < nr && t->l->trials < TRIALS_MAX; at++)
			if (!t->l->items[at].off)
				changed |= drop(t, at, 1);
	} while (changed && t->l->trials < TRIALS_MAX);
}

static void remove_files(const struct trials *t)
{
	(void)unlink(t->spec);
	(void)unlink(t->policy);
	(void)rmdir(t->dir);
}

int learn_prune(struct lesson *l)
{
	struct trials t = { .l = l };
	struct trial again = { 0, 0 };
	const char *tmp = getenv("TMPDIR");
	int r;

	(void)snprintf(t.dir, sizeof(t.dir) - 16, "%s/ringfence.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(t.dir)) {
		report_text("--learn: %s: %s\n", t.dir, strerror(errno));
		return 0;
	}
	(void)snprintf(t.spec, sizeof(t.spec), "%.4000s/spec", t.dir);
	(void)snprintf(t.policy, sizeof(t.policy), "%.4000s/policy", t.dir);
	r = try(&t, &t.want);
	if (r == 0)
		r = try(&t, &again);
	t.compare = again.hash == t.want.hash;
	if (r == 0 && again.status == t.want.status && l->status == t.want.status) {
		prune(&t);
		r = 1;
	} else {
		report_text("--learn: run again, with no input and its writes going nowhere, the command "
			    "does not end as before; nothing was left out\n");
		r = 0;
	}
	remove_files(&t);
	return r;
}
