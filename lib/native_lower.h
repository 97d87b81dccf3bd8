/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of lowering share.  native_lower.c has the walk, calls, memory and
 * numbers; native_op.c and those of single groups, native_fd.c to native_restrict.c, a
 * function for each kind of op; native_made.c what the chain itself has made.
 */
#ifndef RF_NATIVE_LOWER_H
#define RF_NATIVE_LOWER_H

#include <asm/unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "compat.h"
#include "native.h"

struct rf_made;

struct rf_lower {
	const struct rf_chain	*c;
	const struct rf_native_host *h;
	struct rf_native	*n;
	struct rf_made		*made;
	int			 error;		/* 0, or the first that went wrong */
	uint32_t		 op;		/* that is being lowered */
	int32_t			*number;	/* of each slot; -1: none yet */
	bool			*maybe;		/* it may be empty when it is used */
	bool			*busy;		/* number base + i has an owner */
	uint32_t		 nr_numbers;
	int			 report, init_sock, init_peer, init_image;	/* numbers */
	uint64_t		 cwd;		/* in extra, for getcwd; 0: not yet */
	int32_t			 init_slot;	/* with the pidfd of pid 1; -1 */
	bool			 init_waits;	/* pid 1 has been made, and not been seen yet */
	/* behind an error: written, and looked at by nobody */
	struct rf_call		 lost_call;
	struct rf_req		 lost_req;
};

/* The chain runs on the ring engine, and this is said to be why. */
void rf_lower_refuse(struct rf_lower *l, const char *why);

/* Append a call to the request that is being made.  Valid until the next one. */
struct rf_call *rf_lower_call(struct rf_lower *l, uint32_t nr, const uint64_t args[RF_CALL_ARGS],
			      unsigned int points);
/* RF_CALL(l, openat, ARGUMENT...): up to six; P_n(value) says that argument n is RF_AT_*. */
#define RF_CALL(l, name, points, ...)						\
	rf_lower_call(l, __NR_##name, (const uint64_t[RF_CALL_ARGS]){ __VA_ARGS__ }, points)
#define RF_P0	(1U << 0)
#define RF_P1	(1U << 1)
#define RF_P2	(1U << 2)
#define RF_P3	(1U << 3)
#define RF_P4	(1U << 4)
/* What a test fails with where a branch takes it up: no call of an op has it. */
#define RF_BRANCH EUCLEAN
/* Numbers that may be negative, as arguments. */
#define RF_N(value)	((uint64_t)(int64_t)(value))

/* Fails with @error unless @size bytes at @at, of which @mask counts, are @how @value. */
struct rf_call *rf_lower_test(struct rf_lower *l, uint64_t at, unsigned int size, uint64_t mask,
			      uint64_t value, unsigned int how, int error);
/* The op fails with @error. */
void rf_lower_fail(struct rf_lower *l, int error);
/* Where the next call is, and how many come behind that one: for `skip`. */
static inline uint32_t rf_lower_here(const struct rf_lower *l)
{
	return l->n->nr_calls;
}
/* The call at @at skips, and all up to here is left out. */
void rf_lower_skip_to_here(struct rf_lower *l, uint32_t at);

/* Bytes of `extra`, aligned to 8, zero without @from. */
uint64_t rf_lower_bytes(struct rf_lower *l, const void *from, size_t len);
uint64_t rf_lower_text(struct rf_lower *l, const char *text);
/* ... and in them, at @at, a pointer to @to. */
void rf_lower_point(struct rf_lower *l, uint64_t at, uint64_t to);
/* Of the chain: text, 0 where there is none, and bytes. */
static inline uint64_t rf_lower_str(rf_str s)
{
	return s ? RF_AT_DATA | s : 0;
}
static inline uint64_t rf_lower_blob(struct rf_blob b)
{
	return RF_AT_DATA | b.off;
}
static inline const char *rf_lower_string(const struct rf_lower *l, rf_str s)
{
	return s ? l->c->data + s : NULL;
}

/* The descriptor of @slot; or of the current directory, where the op names none. */
int64_t rf_lower_fd(struct rf_lower *l, int32_t slot);
int64_t rf_lower_dir(struct rf_lower *l, int32_t slot);
/* A number that nobody has; and that it is free again. */
int32_t rf_lower_number(struct rf_lower *l);
void rf_lower_free(struct rf_lower *l, int32_t number);
/* What @call makes becomes @slot's, and is the op's result. */
void rf_lower_fill(struct rf_lower *l, struct rf_call *call, int32_t slot);
/* ... is the caller's, until rf_lower_close() of the number. */
int32_t rf_lower_keep(struct rf_lower *l, struct rf_call *call);
void rf_lower_close(struct rf_lower *l, int32_t number);
/* openat2(2), close-on-exec. */
struct rf_call *rf_lower_open(struct rf_lower *l, int64_t dir, uint64_t path, uint64_t flags,
			      uint64_t mode, uint64_t resolve);
/* What statx(2) says of @number: a struct statx in extra. */
uint64_t rf_lower_statx(struct rf_lower *l, int64_t number, uint32_t mask);
/* All of it in one write(2), as rf_write_once(). */
void rf_lower_write(struct rf_lower *l, int64_t number, uint64_t data, size_t len);
/* What @number is of is a file system of type @magic, or it is -EXDEV. */
void rf_lower_expect_fs(struct rf_lower *l, int64_t number, uint64_t magic);
/* As rf_proc_write(): into a procfs, and nothing that looks like it. */
int32_t rf_lower_proc(struct rf_lower *l);
int32_t rf_lower_proc_at(struct rf_lower *l, int32_t proc, uint64_t path, uint64_t flags,
			 uint64_t resolve);
/* What @call gives, also where that is an errno: 64 bits in extra. */
uint64_t rf_lower_store(struct rf_lower *l, struct rf_call *call);
/* Wait for pid 1, once. */
void rf_lower_await_init(struct rf_lower *l);

/* native_op.c: by kind; NULL: it cannot be lowered. */
typedef void (*rf_lower_fn)(struct rf_lower *l, const struct rf_op *op);
extern const rf_lower_fn rf_lower_ops[RF_OP_NR];
#define RF_LOWER(name) void rf_lower_op_##name(struct rf_lower *l, const struct rf_op *op)
RF_LOWER(open); RF_LOWER(dup); RF_LOWER(close); RF_LOWER(pipe); RF_LOWER(pty);
RF_LOWER(socket); RF_LOWER(memfd); RF_LOWER(send_fds); RF_LOWER(recv_fds);
RF_LOWER(mkdir); RF_LOWER(mkfile); RF_LOWER(symlink); RF_LOWER(write); RF_LOWER(chown);
RF_LOWER(chmod); RF_LOWER(open_tree); RF_LOWER(mkfs); RF_LOWER(mount_setattr);
RF_LOWER(move_mount); RF_LOWER(pivot_root); RF_LOWER(umount); RF_LOWER(verify);
RF_LOWER(mask); RF_LOWER(sched); RF_LOWER(landlock); RF_LOWER(seccomp);

/*
 * native_made.c: file systems that the chain makes are empty, so what is in them is
 * known: whether a name is there need not be asked, and no link leads anywhere else.
 */
struct rf_made *rf_made_new(void);
void rf_made_free(struct rf_made *m);
/* @slot has a new file system of memory.  0 or -ENOMEM, as all of these. */
int rf_made_fs(struct rf_made *m, int32_t slot, bool owned);
/* @slot is what @path leads to below the root in @dir. */
int rf_made_opened(struct rf_made *m, int32_t slot, int32_t dir, const char *path);
/* What is in @from (-1: something else) has been attached at @to, or at @path below that. */
int rf_made_attached(struct rf_made *m, int32_t from, int32_t to, const char *path);

/* @slot is a copy of the tree at what is in @dir, or at @path below that. */
int rf_made_bound(struct rf_made *m, int32_t slot, int32_t dir, const char *path);

/* Where something is. */
struct rf_made_place {
	uint32_t	 fs;		/* the file system */
	bool		 owned;
	const char	*at;		/* where that is attached; NULL: it is what the slot has */
	const char	*rest;		/* the path from there on, which is the end of ... */
	const char	*full;		/* ... that from the root of the file system */
};
/*
 * Where @path below @dir is.  1; 0: on a file system of which nothing is known, or the
 * path is not plain.
 */
int rf_made_where(struct rf_made *m, int32_t dir, const char *path, struct rf_made_place *ret);
enum rf_made_kind { RF_MADE_NOTHING = 0, RF_MADE_DIR, RF_MADE_FILE, RF_MADE_LINK };
/* What is at the first @len bytes of p->rest; and that there is something now. */
enum rf_made_kind rf_made_name(const struct rf_made *m, const struct rf_made_place *p, size_t len);
int rf_made_add(struct rf_made *m, const struct rf_made_place *p, size_t len,
		enum rf_made_kind kind);

#endif
