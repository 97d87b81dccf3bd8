/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

bool tracee_memory(pid_t tid, uint64_t at, void *buf, size_t size)
{
	struct iovec to = { .iov_base = buf, .iov_len = size };
	struct iovec from = { .iov_base = (void *)(uintptr_t)at, .iov_len = size };

	return process_vm_readv(tid, &to, 1, &from, 1, 0) == (ssize_t)size;
}

bool tracee_string(pid_t tid, uint64_t at, char *buf, size_t size)
{
	size_t n = 0;

	while (at && n < size) {
		/* to the end of a page: the next one may not be there */
		size_t part = 4096 - (at + n) % 4096;

		if (part > size - n)
			part = size - n;
		if (!tracee_memory(tid, at + n, buf + n, part))
			return false;
		if (memchr(buf + n, '\0', part))
			return true;
		n += part;
	}
	return false;
}

void path_normalize(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		size_t len;

		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (len == 2 && from[0] == '.' && from[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (len && !(len == 1 && from[0] == '.')) {
			*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* Where a relative path of @tid starts. */
static bool start_of(pid_t tid, int dirfd, bool has_dir, char ret[PATH_MAX])
{
	char link[64];
	ssize_t n;

	if (has_dir && dirfd != AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)tid, dirfd);
	else
		(void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)tid);
	n = readlink(link, ret, PATH_MAX - 1);
	if (n <= 0 || ret[0] != '/')
		return false;
	ret[n] = '\0';
	return true;
}

bool tracee_path(pid_t tid, int dirfd, bool has_dir, uint64_t at, char ret[PATH_MAX])
{
	char name[PATH_MAX], start[PATH_MAX];
	int n;

	if (!tracee_string(tid, at, name, sizeof(name)) || !name[0])
		return false;	/* without a name it is the descriptor itself */
	if (name[0] == '/') {
		(void)memcpy(ret, name, strlen(name) + 1);
	} else {
		if (!start_of(tid, dirfd, has_dir, start))
			return false;
		n = snprintf(ret, PATH_MAX, "%s/%s", start, name);
		if (n < 0 || n >= PATH_MAX)
			return false;
	}
	path_normalize(ret);
	return true;
}

static uint8_t open_wants(uint64_t flags)
{
	uint8_t wants = 0;

	if (flags & O_PATH)
		return flags & O_NOFOLLOW ? WANTS_STAT | WANTS_LINK : WANTS_STAT;
	if ((flags & O_ACCMODE) != O_WRONLY)
		wants |= WANTS_READ;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		wants |= WANTS_WRITE;
	if (flags & O_DIRECTORY)
		wants |= WANTS_DIR;
	if (flags & O_CREAT)
		wants |= WANTS_MAYBE;
	if ((flags & O_TMPFILE) == O_TMPFILE)	/* in the directory */
		wants = WANTS_WRITE | WANTS_DIR;
	return wants;
}

static void read_address(struct tracee *t, int at, int len)
{
	size_t size = t->args[len];

	t->address_len = 0;
	if (!t->args[at] || !size || size > sizeof(t->address))
		return;
	memset(&t->address, 0, sizeof(t->address));
	if (tracee_memory(t->tid, t->args[at], &t->address, size))
		t->address_len = size;
}

void tracee_read_call(struct tracee *t, const struct call *c)
{
	struct open_how how;

	t->wants[0] = t->wants[1] = 0;
	if (c->kind == CALL_CONNECT || c->kind == CALL_BIND)
		read_address(t, 1, 2);
	else if (c->kind == CALL_SENDTO)
		read_address(t, 4, 5);
	for (int i = 0; i < 2; i++) {
		const struct call_path *p = &c->paths[i];

		if (p->path < 0)
			continue;
		if (!tracee_path(t->tid, p->dir < 0 ? AT_FDCWD : (int)t->args[p->dir], p->dir >= 0,
				 t->args[p->path], t->path[i]))
			continue;
		t->wants[i] = p->wants;
		if (c->kind == CALL_OPEN)
			t->wants[i] = open_wants(t->args[c->extra]);
		else if (c->kind == CALL_OPENAT2)
			t->wants[i] = tracee_memory(t->tid, t->args[c->extra], &how, sizeof(how)) ?
				      open_wants(how.flags) : 0;
	}
}

int tracee_open(pid_t tid, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(O_PATH | O_CLOEXEC | flags),
		.resolve = RESOLVE_IN_ROOT,
	};
	char link[64];
	int root, fd, r;

	/* the magic links of a procfs would be ours */
	if (strncmp(path, "/proc/", 6) != 0)
		how.resolve |= RESOLVE_NO_MAGICLINKS;
	(void)snprintf(link, sizeof(link), "/proc/%d/root", (int)tid);
	root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path[1] ? path + 1 : ".", &how, sizeof(how));
	r = fd < 0 ? -errno : fd;
	(void)close(root);
	return r;
}

bool tracee_program(pid_t tid, char ret[PATH_MAX])
{
	Elf64_auxv_t v;
	char file[64];
	bool found = false;
	int fd;

	(void)snprintf(file, sizeof(file), "/proc/%d/auxv", (int)tid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (!found && read(fd, &v, sizeof(v)) == sizeof(v) && v.a_type != AT_NULL)
		if (v.a_type == AT_EXECFN)
			found = tracee_path(tid, AT_FDCWD, false, v.a_un.a_val, ret);
	(void)close(fd);
	return found;
}

/* A script's first line: the word behind "#!". */
static bool script_interpreter(const char *head, size_t len, char ret[PATH_MAX])
{
	size_t n, skip = 2;

	while (skip < len && (head[skip] == ' ' || head[skip] == '\t'))
		skip++;
	n = strcspn(head + skip, " \t\n");
	if (!n || n >= PATH_MAX || head[skip] != '/')
		return false;
	memcpy(ret, head + skip, n);
	ret[n] = '\0';
	path_normalize(ret);
	return true;
}

static bool elf_interpreter(int fd, const Elf64_Ehdr *e, char ret[PATH_MAX])
{
	Elf64_Phdr ph;

	if (e->e_ident[EI_CLASS] != ELFCLASS64 || e->e_phentsize != sizeof(ph))
		return false;
	for (unsigned int i = 0; i < e->e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), (off_t)(e->e_phoff + i * sizeof(ph))) != sizeof(ph))
			return false;
		if (ph.p_type != PT_INTERP || !ph.p_filesz || ph.p_filesz >= PATH_MAX)
			continue;
		if (pread(fd, ret, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
			return false;
		ret[ph.p_filesz] = '\0';
		if (ret[0] != '/')
			return false;
		path_normalize(ret);
		return true;
	}
	return false;
}

bool tracee_interpreter(pid_t tid, const char *path, char ret[PATH_MAX])
{
	_Alignas(Elf64_Ehdr) char head[257] = "";
	char link[64];
	bool found = false;
	ssize_t n;
	int at = tracee_open(tid, path, 0), fd;

	if (at < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	(void)close(at);
	if (fd < 0)
		return false;
	n = pread(fd, head, sizeof(head) - 1, 0);
	if (n > 2 && head[0] == '#' && head[1] == '!')
		found = script_interpreter(head, (size_t)n, ret);
	else if (n >= (ssize_t)sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG))
		found = elf_interpreter(fd, (const Elf64_Ehdr *)(const void *)head, ret);
	(void)close(fd);
	return found;
}
