/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "program.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file may be of somebody who would like to see us wait, or open a device. */
bool rf_program_read(const char *file, struct rf_program_head *ret)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, ret->bytes, sizeof(ret->bytes) - 1);
	(void)close(fd);
	ret->len = n > 0 ? (size_t)n : 0;
	ret->bytes[ret->len] = '\0';
	return n >= 0;
}

bool rf_program_script(const struct rf_program_head *h, char *buf, size_t size,
		       const char **ret_arg, size_t *ret_len)
{
	const char *p = (const char *)h->bytes;
	size_t len;

	if (h->len < 3 || p[0] != '#' || p[1] != '!')
		return false;
	p += 2;
	p += strspn(p, " \t");
	len = strcspn(p, " \t\n");
	if (!len || len >= size)
		return false;
	memcpy(buf, p, len);
	buf[len] = '\0';
	p += len;
	p += strspn(p, " \t");
	if (ret_arg) {
		*ret_arg = p;
		*ret_len = strcspn(p, "\n");
	}
	return true;
}

bool rf_program_loader(const struct rf_program_head *h, char *buf, size_t size)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (h->len < sizeof(e))
		return false;
	memcpy(&e, h->bytes, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 || e.e_ident[EI_CLASS] != ELFCLASS64 ||
	    e.e_phentsize != sizeof(p))
		return false;
	for (size_t i = 0; i < e.e_phnum; i++) {
		size_t at = (size_t)e.e_phoff + i * sizeof(p);

		if (at > h->len || h->len - at < sizeof(p))
			return false;
		memcpy(&p, h->bytes + at, sizeof(p));
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_offset > h->len || p.p_filesz > h->len - p.p_offset || !p.p_filesz ||
		    p.p_filesz > size)
			return false;
		memcpy(buf, h->bytes + p.p_offset, p.p_filesz);
		buf[p.p_filesz - 1] = '\0';
		return true;
	}
	return false;
}
