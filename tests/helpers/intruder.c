/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a hostile command does inside a sandbox, for the tests of attacks.
 *
 *	intruder VERB ARGUMENT...
 *
 * Exit status: 0 the attack worked, 1 it did not (standard error says why),
 * 2 usage.  A VERB that prepares something outside waits for end of file on
 * standard input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	return 1;
}

static void until_eof(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

/* ------------------------------------------------------------------ memory */

/* Is @text, given in two halves so that it is not in our own, in [from, to)? */
static bool is_in_range(int mem, uint64_t from, uint64_t to, const char *const half[2])
{
	size_t a = strlen(half[0]), b = strlen(half[1]), keep = a + b - 1;
	static char buf[(1 << 20) + 256];
	size_t have = 0;

	while (from < to) {
		size_t want = to - from < 1 << 20 ? (size_t)(to - from) : 1 << 20;
		ssize_t n = pread(mem, buf + have, want, (off_t)from);

		if (n <= 0)
			return false;
		have += (size_t)n;
		from += (uint64_t)n;
		for (char *p = buf; p + a + b <= buf + have; p++) {
			p = memchr(p, half[0][0], (size_t)(buf + have - p) - a - b + 1);
			if (!p)
				break;
			if (!memcmp(p, half[0], a) && !memcmp(p + a, half[1], b))
				return true;
		}
		if (have > keep) {
			memmove(buf, buf + have - keep, keep);
			have = keep;
		}
	}
	return false;
}

/* Found in the memory of task @pid? -1: it could not be looked at. */
static int is_in_memory(const char *pid, const char *const half[2])
{
	unsigned long from, to;
	char path[64], line[512], mode[8];
	bool found = false;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%.20s/mem", pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	maps = fopen(path, "re");
	if (mem < 0 || !maps)
		return -1;
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r')
			found = is_in_range(mem, from, to, half);
	fclose(maps);
	close(mem);
	return found;
}

/* memory PID HALF HALF: the two halves are side by side in that task's memory. */
static int memory(char **arg)
{
	const char *const half[2] = { arg[1], arg[2] };
	int r = is_in_memory(arg[0], half);

	if (r < 0)
		return failed(arg[0]);
	return r ? 0 : 1;
}

/* memories HALF HALF: in the memory of any task there is but ourselves. */
static int memories(char **arg)
{
	const char *const half[2] = { arg[0], arg[1] };
	DIR *proc = opendir("/proc");
	int self = getpid(), found = 1;
	struct dirent *e;

	if (!proc)
		return failed("/proc");
	while ((e = readdir(proc)))
		if (atoi(e->d_name) > 0 && atoi(e->d_name) != self &&
		    is_in_memory(e->d_name, half) == 1)
			found = 0;
	closedir(proc);
	return found;
}

/* trace PID: become its tracer. */
static int trace(char **arg)
{
	if (ptrace(PTRACE_SEIZE, atoi(arg[0]), NULL, NULL) < 0)
		return failed("ptrace");
	return 0;
}

/* ----------------------------------------------------------------- sockets */

static socklen_t abstract(const char *name, struct sockaddr_un *addr)
{
	size_t len = strlen(name);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	memcpy(addr->sun_path + 1, name, len < 100 ? len : 100);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

/* listen NAME: an abstract socket, until end of file; prints a line when it is there. */
static int listen_at(char **arg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	socklen_t len = abstract(arg[0], &addr);

	if (fd < 0 || bind(fd, (void *)&addr, len) < 0 || listen(fd, 1) < 0)
		return failed("listen");
	puts("listening");
	fflush(stdout);
	until_eof();
	return 0;
}

static int connect_to(char **arg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;
	socklen_t len = abstract(arg[0], &addr);

	if (fd < 0 || connect(fd, (void *)&addr, len) < 0)
		return failed("connect");
	return 0;
}

/* ------------------------------------------------------------------- files */

/* escape FILE: out of a chroot by a directory that is kept open; FILE can be read then. */
static int escape(char **arg)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	char dir[] = "/tmp/escapeXXXXXX";

	if (root < 0 || !mkdtemp(dir) || chroot(dir) < 0 || fchdir(root) < 0)
		return failed("chroot");
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return failed("..");
	if (chroot(".") < 0)
		return failed("chroot");
	fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	return fd < 0 ? failed(arg[0]) : 0;
}

/* dotdot FD FILE: FILE, relative, after walking up from a descriptor. */
static int dotdot(char **arg)
{
	int fd;

	if (fchdir(atoi(arg[0])) < 0)
		return failed("fchdir");
	for (int i = 0; i < 64; i++)
		if (chdir("..") < 0)
			return failed("..");
	fd = open(arg[1], O_RDONLY | O_CLOEXEC);
	return fd < 0 ? failed(arg[1]) : 0;
}

/* mknod FILE MAJOR MINOR: a character device that can be opened. */
static int make_node(char **arg)
{
	int fd;

	if (mknod(arg[0], S_IFCHR | 0666, makedev((unsigned int)atoi(arg[1]),
						   (unsigned int)atoi(arg[2]))) < 0)
		return failed("mknod");
	fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	return fd < 0 ? failed("open") : 0;
}

/* open-write FILE...: any of them, for writing; nothing is written. */
static int open_write(char **arg)
{
	int r = 1;

	for (; *arg; arg++)
		if (open(*arg, O_WRONLY | O_CLOEXEC) < 0)
			failed(*arg);
		else
			r = 0;
	return r;
}

/*
 * swap A B: exchange two names over and over, until end of file; prints a line
 * once it is at it.
 */
static int swap(char **arg)
{
	bool told = false;

	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) < 0)
		return failed("fcntl");
	for (;;) {
		char c;

		if (syscall(SYS_renameat2, AT_FDCWD, arg[0], AT_FDCWD, arg[1], 2) < 0)
			return failed("renameat2");
		if (!told) {
			puts("swapping");
			fflush(stdout);
			told = true;
		}
		if (read(STDIN_FILENO, &c, 1) == 0)
			return 0;
	}
}

/* -------------------------------------------------------------------- keys */

/* with-key NAME COMMAND...: a session keyring with a key in it, and a command. */
static int with_key(char **arg)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_add_key, "user", arg[0], "canary", 6, KEY_SPEC_SESSION_KEYRING) < 0)
		return failed("key") + 76;	/* 77: there are no keys here */
	execvp(arg[1], arg + 1);
	return failed(arg[1]);
}

/* read-key NAME: one of the session's, or one found by asking the kernel. */
static int read_key(char **arg)
{
	char buf[64];
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", arg[0], 0);

	if (key < 0)
		key = syscall(SYS_request_key, "user", arg[0], NULL, 0);
	if (key < 0)
		return failed("search");
	if (syscall(SYS_keyctl, KEYCTL_READ, key, buf, sizeof(buf)) < 0)
		return failed("read");
	return 0;
}

/* ---------------------------------------------------------------- terminals */

/* Requests that put something into a terminal's input, or take its output. */
static int push_into(const char *what, int fd)
{
	/* the kernel looks at the lower half; a filter has to do so too (CVE-2019-10063) */
	static const unsigned long high[] = { 0, 1UL << 32, ~0UL << 32 };
	char byte = 'X', paste = 3;	/* TIOCL_PASTESEL */
	int worked = 0;

	for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		worked |= syscall(SYS_ioctl, fd, high[i] | TIOCSTI, &byte) == 0;
		worked |= syscall(SYS_ioctl, fd, high[i] | TIOCLINUX, &paste) == 0;
		worked |= syscall(SYS_ioctl, fd, high[i] | TIOCCONS, NULL) == 0;
	}
	return worked ? 1 : (failed(what), 0);
}

/* push [FILE...]: into the terminal behind 0, 1, 2, /dev/tty and each FILE, in all ways. */
static int push(char **arg)
{
	static const char *const usual[] = {
		"/dev/tty", "/dev/console", "/dev/tty0", "/proc/self/fd/0", "/proc/self/fd/1",
		"/proc/self/fd/2",
	};
	int worked = 0, fd;

	for (fd = 0; fd < 3; fd++)
		worked |= push_into("a standard descriptor", fd);
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if ((fd = open(usual[i], O_RDWR | O_CLOEXEC)) >= 0)
			worked |= push_into(usual[i], fd);
	for (; *arg; arg++)
		if ((fd = open(*arg, O_RDWR | O_CLOEXEC)) >= 0)
			worked |= push_into(*arg, fd);
		else
			failed(*arg);
	return worked ? 0 : 1;
}

/* steal FILE: make the terminal FILE, or a standard descriptor, that of a new session. */
static int steal(char **arg)
{
	pid_t child = fork();
	int status, fd;

	if (child) {
		if (child < 0 || waitpid(child, &status, 0) < 0)
			return failed("fork");
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	(void)setsid();
	for (fd = 0; fd < 3; fd++)
		for (long force = 0; force < 2; force++)
			if (ioctl(fd, TIOCSCTTY, force) == 0)
				return 0;
	fd = open(arg[0], O_RDWR);
	for (long force = 0; fd >= 0 && force < 2; force++)
		if (ioctl(fd, TIOCSCTTY, force) == 0)
			return 0;
	return failed(arg[0]);
}

/* ---------------------------------------------------------------- channels */

static int number_of(const char *name)
{
	int n = 0x5246;

	while (*name)
		n = n * 31 + *name++;
	return n & 0x7fffffff;
}

/* Where two who have agreed on a name can leave something for one another. */
static int shared_segment(const char *name, int flags)
{
	return shmget(number_of(name), 4096, flags);
}

static int shared_queue(const char *name, int flags)
{
	return (int)syscall(SYS_mq_open, name, O_RDWR | O_CLOEXEC | flags, 0666, NULL);
}

static int shared_file(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "/dev/shm/%.100s", name);
	return open(path, O_RDWR | O_CLOEXEC | flags, 0666);
}

static int shared_lock(const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/tmp/%.100s.lock", name);
	fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -1;
	return fd;
}

static const struct channel {
	const char	*what;
	int		(*open)(const char *name, int flags);
	int		 make;
} channels[] = {
	{ "System V shared memory", shared_segment, IPC_CREAT | 0666 },
	{ "POSIX message queue", shared_queue, O_CREAT },
	{ "/dev/shm", shared_file, O_CREAT },
	{ "lock in /tmp", shared_lock, O_CREAT },
};

/* leave NAME: something in every channel, until end of file; prints a line when it is there. */
static int leave(char **arg)
{
	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].open(arg[0], channels[i].make) < 0)
			failed(channels[i].what);
	puts("left");
	fflush(stdout);
	until_eof();
	return 0;
}

/* clear NAME: what was left outside. */
static int clear(char **arg)
{
	char path[256];

	(void)shmctl(shared_segment(arg[0], 0), IPC_RMID, NULL);
	(void)syscall(SYS_mq_unlink, arg[0]);
	snprintf(path, sizeof(path), "/dev/shm/%.100s", arg[0]);
	(void)unlink(path);
	snprintf(path, sizeof(path), "/tmp/%.100s.lock", arg[0]);
	(void)unlink(path);
	return 0;
}

/* find NAME: in any of them. */
static int find(char **arg)
{
	int r = 1;

	for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++)
		if (channels[i].open(arg[0], 0) >= 0) {
			fprintf(stderr, "found: %s\n", channels[i].what);
			r = 0;
		}
	return r;
}

/* ------------------------------------------------------------------ the rest */

static const struct verb {
	const char	*name;
	int		 nr;		/* of arguments, at least */
	int		(*run)(char **arg);
} verbs[] = {
	{ "memory", 3, memory }, { "memories", 2, memories }, { "trace", 1, trace },
	{ "listen", 1, listen_at }, { "connect", 1, connect_to },
	{ "escape", 1, escape }, { "dotdot", 2, dotdot }, { "mknod", 3, make_node },
	{ "open-write", 1, open_write }, { "swap", 2, swap },
	{ "leave", 1, leave }, { "find", 1, find }, { "clear", 1, clear },
	{ "push", 0, push }, { "steal", 1, steal },
	{ "with-key", 2, with_key }, { "read-key", 1, read_key },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, argv[1]) && argc - 2 >= verbs[i].nr)
			return verbs[i].run(argv + 2);
	fprintf(stderr, "usage: intruder VERB ARGUMENT...\n");
	return 2;
}
