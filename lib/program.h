/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program's file says about the programs that it needs: the interpreter
 * of a script, the loader of an ELF file.
 */
#ifndef RF_PROGRAM_H
#define RF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct rf_program_head {
	unsigned char	 bytes[4096];
	size_t		 len;
};

/* The beginning of the host's @file; false: it cannot be read. */
bool rf_program_read(const char *file, struct rf_program_head *ret);
/* The word after "#!", into @buf; *ret_arg is what follows it, up to the end of the line. */
bool rf_program_script(const struct rf_program_head *h, char *buf, size_t size,
		       const char **ret_arg, size_t *ret_len);
/* PT_INTERP of a 64-bit ELF file whose headers are in the head. */
bool rf_program_loader(const struct rf_program_head *h, char *buf, size_t size);

#endif
