/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runner behind harness.h: one forked child per test, TAP on standard
 * output.  What a test says while it runs is kept in a file and shown, as TAP
 * comments, only when it fails.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native_abi.h"

#define ALARM_SECONDS		300	/* of a test; RF_TEST_SECONDS where a machine is slow */
#define EXIT_SKIPPED		77

/* Shared with the child that runs the test. */
struct shared {
	char	reason[512];	/* of a skip */
	char	dir[128];	/* made by harness_dir() */
};

static struct harness_test *first, **last = &first;
static struct shared *shared;
static const char *engine;
static int nr_printed, nr_failed;

void harness_register(struct harness_test *test)
{
	*last = test;
	last = &test->next;
}

const char *harness_engine(void)
{
	const char *env = getenv("RF_TEST_ENGINE");

	if (engine)
		return engine;
	return env ? env : "plain";
}

static bool is_required(const char *need)
{
	const char *list = getenv("RF_TESTS_REQUIRE");
	size_t len = strlen(need);

	while (list && *list) {
		size_t word = strcspn(list, " ,");

		if (word == len && memcmp(list, need, len) == 0)
			return true;
		list += word + (list[word] != '\0');
	}
	return false;
}

void harness_skip(const char *need, const char *fmt, ...)
{
	size_t used = strlen(need) + 2;
	va_list ap;

	(void)snprintf(shared->reason, sizeof(shared->reason), "%s: ", need);
	va_start(ap, fmt);
	(void)vsnprintf(shared->reason + used, sizeof(shared->reason) - used, fmt, ap);
	va_end(ap);
	if (is_required(need)) {
		fprintf(stderr, "RF_TESTS_REQUIRE forbids the skip: %s\n", shared->reason);
		_exit(1);
	}
	_exit(EXIT_SKIPPED);
}

void harness_alarm(unsigned int seconds)
{
	(void)alarm(seconds);
}

const char *harness_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (!shared->dir[0]) {
		int n = snprintf(shared->dir, sizeof(shared->dir), "%s/ringfence-test-XXXXXX",
				 tmp && tmp[0] == '/' ? tmp : "/tmp");

		assert_in_range(n, 1, sizeof(shared->dir) - 1);
		if (!mkdtemp(shared->dir)) {
			shared->dir[0] = '\0';
			fail_msg("mkdtemp: %s", strerror(errno));
		}
	}
	return shared->dir;
}

void harness_file(const char *at, const char *text)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", harness_dir(), at);
	for (char *p = path + strlen(harness_dir()) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

int harness_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	(void)closedir(dir);
	return nr - 3;		/* ".", ".." and the directory itself */
}

bool harness_is_root(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, count;
	int n;

	if (!map)
		return false;
	n = fscanf(map, "%u %u %u", &inside, &outside, &count);
	(void)fclose(map);
	return geteuid() == 0 && n == 3 && inside == 0 && outside == 0 && count == 4294967295U;
}

bool harness_has_userns(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(1);
		_exit(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *harness_refused_call(void)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd < 0)
		return "openat2";
	close((int)fd);
	/* the size is looked at first: without a filter this is EINVAL */
	syscall(SYS_mount_setattr, -1, "", 0, NULL, 0);
	return errno == EINVAL ? NULL : "mount_setattr";
}

bool harness_has_io_uring(void)
{
	struct io_uring_params params;
	long fd, r;

	memset(&params, 0, sizeof(params));
	fd = syscall(SYS_io_uring_setup, 1, &params);
	if (fd < 0)
		return false;
	/* IORING_REGISTER_SEND_MSG_RING with a wild SQE: EFAULT where it is known */
	r = syscall(SYS_io_uring_register, -1, 31, (void *)1, 1);
	r = r < 0 ? errno : 0;
	(void)close((int)fd);
	return r == EFAULT;
}

bool harness_has_native(void)
{
	/* struct rf_ioring_spawn_reg (native_abi.h), with the magic alone */
	uint64_t reg[8] = { RF_IORING_SPAWN_MAGIC };
	struct io_uring_params params;
	long fd, r;

	memset(&params, 0, sizeof(params));
	fd = syscall(SYS_io_uring_setup, 1, &params);
	if (fd < 0)
		return false;
	r = syscall(SYS_io_uring_register, fd, RF_IORING_REGISTER_SPAWN, reg, 1);
	(void)close((int)fd);
	return r == 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	(void)remove(path);
	return 0;
}

/* Also run when the test was killed; mounts that it left are not followed. */
static void remove_dir(void)
{
	if (shared->dir[0])
		(void)nftw(shared->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	shared->dir[0] = '\0';
}

static _Noreturn void run_child(const struct harness_test *test, int log)
{
	const struct CMUnitTest one[] = {
		{ test->name, test->run, NULL, NULL, NULL },
	};
	const char *seconds = getenv("RF_TEST_SECONDS");

	(void)setpgid(0, 0);
	if (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	(void)close(log);
	(void)alarm(seconds ? (unsigned int)atoi(seconds) : ALARM_SECONDS);
	if (engine && strcmp(engine, "ring") == 0 && !harness_has_io_uring())
		harness_skip("io_uring", "the kernel refuses io_uring, or has no IORING_REGISTER_SEND_MSG_RING");
	exit(cmocka_run_group_tests(one, NULL, NULL) ? 1 : 0);
}

static void show_log(FILE *log)
{
	char line[1024];

	rewind(log);
	while (fgets(line, sizeof(line), log))
		printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
}

static void report(const char *title, int status, FILE *log)
{
	nr_printed++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED && shared->reason[0]) {
		printf("ok %d - %s # SKIP %s\n", nr_printed, title, shared->reason);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		printf("ok %d - %s\n", nr_printed, title);
		return;
	}
	nr_failed++;
	printf("not ok %d - %s\n", nr_printed, title);
	if (WIFSIGNALED(status))
		printf("# killed by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ": the time is up" : "");
	show_log(log);
}

static void run_one(const struct harness_test *test, const char *with_engine)
{
	char title[256];
	FILE *log = tmpfile();
	int status = -1;
	pid_t pid;

	if (!log) {
		printf("Bail out! tmpfile: %s\n", strerror(errno));
		exit(1);
	}
	engine = with_engine;
	(void)snprintf(title, sizeof(title), "%s%s%s%s", test->name, engine ? " (" : "",
		       engine ? engine : "", engine ? ")" : "");
	shared->reason[0] = '\0';
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_child(test, fileno(log));
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		printf("Bail out! fork: %s\n", strerror(errno));
		exit(1);
	}
	(void)kill(-pid, SIGKILL);	/* what the test left behind in its group */
	report(title, status, log);
	remove_dir();
	(void)fclose(log);
}

static bool is_wanted(const struct harness_test *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], test->name) == 0)
			return true;
	return argc < 2;
}

int main(int argc, char **argv)
{
	const char *const engines[] = { "ring", "plain", harness_has_native() ? "native" : NULL };
	const char *only = getenv("RF_TEST_ENGINE");

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	for (const struct harness_test *t = first; t; t = t->next) {
		if (!is_wanted(t, argc, argv))
			continue;
		if (!t->per_engine) {
			run_one(t, NULL);
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
			if (engines[i] && (!only || strcmp(only, engines[i]) == 0))
				run_one(t, engines[i]);
	}
	printf("1..%d\n", nr_printed);
	return nr_failed > 0;
}
