/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a tracer has found, on its way to the launcher: records in a file, each a
 * letter, numbers and strings that end in NUL.  Both ends are one program.
 */
#ifndef RF_CMD_FINDINGS_H
#define RF_CMD_FINDINGS_H

struct tracer;

/* 0 or a negative errno. */
int findings_write(int fd, const struct tracer *t);
int findings_read(int fd, struct tracer *t);

#endif
