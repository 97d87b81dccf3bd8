// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the series, each in three kinds of ring, as TAP:
 *	spawn-test [-s SEED] [-n ROUNDS] [NAME...]
 */
#include "hostile.h"
#include "ring.h"

static const struct test *const groups[] = {
	chain_tests, call_tests, filter_tests, linger_tests, memory_tests, trace_tests,
	hostile_tests,
};

static const struct {
	const char	*name;
	unsigned int	flags;
} modes[] = {
	{ "plain", 0 },
	{ "coop", IORING_SETUP_COOP_TASKRUN },
	{ "defer", IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN },
};

/* pivot_root() has no use for the root of an initramfs: have a copy of it on top. */
static void leave_rootfs(void)
{
	char line[16] = "";
	int fd = open("/proc/mounts", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, 6) < 0)
		exit(2);
	close(fd);
	if (strcmp(line, "rootfs") != 0)
		return;
	mkdir("/newroot", 0755);
	if (unshare(CLONE_NEWNS) || mount("/", "/newroot", NULL, MS_BIND | MS_REC, NULL) ||
	    chdir("/newroot") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".")) {
		perror("leaving the initramfs");
		exit(2);
	}
}

static bool is_wanted(const char *name, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static void run_test(const struct test *t, const char *mode, int nr)
{
	const int before = failures;
	const double start = now();

	test_name = t->name;
	t->run();
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	printf("%s %d - %s: %s (%.2f s)\n", failures == before ? "ok" : "not ok", nr, mode, t->name,
	       now() - start);
}

int main(int argc, char **argv)
{
	int nr = 0, c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "s:n:")) >= 0) {
		if (c == 's')
			hostile_seed = (unsigned int)strtoul(optarg, NULL, 0);
		else if (c == 'n')
			hostile_rounds = (int)strtol(optarg, NULL, 0);
		else
			return 2;
	}
	leave_rootfs();
	for (unsigned int m = 0; m < sizeof(modes) / sizeof(modes[0]); m++) {
		setup_flags = modes[m].flags;
		for (unsigned int g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
			for (const struct test *t = groups[g]; t->name; t++)
				if (is_wanted(t->name, argv + optind)) {
					run_test(t, modes[m].name, ++nr);
				}
	}
	printf("1..%d\n", nr);
	return failures != 0 || !nr;
}
