/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a namespace would have kept apart and Landlock does not: sockets.  A few
 * instructions in front of the filter that there is, which decides about the rest.
 *
 * Stream pairs stay, for they lead nowhere else.  Datagram ones can be sent from
 * to any address, so they go, and so does io_uring, which makes sockets without
 * these calls.
 */
#include "fallback.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"
#include "sandbox.h"

#define NO_CALL		0xffffffffU
#define X32_BIT		0x40000000U
#define IO_URING_SETUP	425U		/* everywhere */

/* Calls of an architecture that this kernel may run. */
static const struct arch {
	uint32_t	 arch, socket, socketpair, socketcall;
} archs[] = {
#if defined(__x86_64__)
	{ AUDIT_ARCH_X86_64, 41, 53, NO_CALL },
	{ AUDIT_ARCH_I386, 359, 360, 102 },
#elif defined(__aarch64__)
	{ AUDIT_ARCH_AARCH64, 198, 199, NO_CALL },
	{ AUDIT_ARCH_ARM, 281, 288, 102 },
#endif
};

struct program {
	struct sock_filter *insns;
	size_t		 nr;
};

static void put(struct program *p, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	p->insns[p->nr++] = (struct sock_filter){ .code = code, .k = k, .jt = jt, .jf = jf };
}

static void load(struct program *p, size_t offset)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* If the accumulator is @k, @then instructions are skipped, else @otherwise. */
static void jump_if(struct program *p, uint32_t k, uint8_t then, uint8_t otherwise)
{
	put(p, BPF_JMP | BPF_JEQ | BPF_K, k, then, otherwise);
}

static void refuse(struct program *p)
{
	put(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES, 0, 0);
}

static void refuse_call(struct program *p, uint32_t nr)
{
	if (nr == NO_CALL)
		return;
	jump_if(p, nr, 0, 1);
	refuse(p);
}

/* Loads the low half of argument @n; a kernel takes no more of these. */
static void load_arg(struct program *p, int n)
{
	size_t at = offsetof(struct seccomp_data, args) + (size_t)n * sizeof(uint64_t);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	at += sizeof(uint32_t);
#endif
	load(p, at);
}

/* The same calls have other names on x32, by one bit. */
#if defined(__x86_64__)
#define NUMBER_INSNS	2
#else
#define NUMBER_INSNS	1
#endif

static void load_number(struct program *p)
{
	load(p, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
	put(p, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT, 0, 0);
#endif
}

#define ARCH_INSNS	32	/* more than one architecture takes */

static void put_arch(struct program *p, const struct arch *a, bool all)
{
	load_number(p);
	refuse_call(p, a->socketcall);
	refuse_call(p, IO_URING_SETUP);
	if (all) {
		refuse_call(p, a->socket);
	} else {
		jump_if(p, a->socket, 0, 3 + NUMBER_INSNS);
		load_arg(p, 0);
		jump_if(p, AF_UNIX, 0, 1);
		refuse(p);
		load_number(p);
	}
	jump_if(p, a->socketpair, 0, 5);
	load_arg(p, 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, 0xf, 0, 0);	/* without SOCK_CLOEXEC and its like */
	jump_if(p, SOCK_STREAM, 2, 0);
	jump_if(p, SOCK_SEQPACKET, 1, 0);
	refuse(p);
}

static void put_prologue(struct program *p, bool all)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		size_t at;

		load(p, offsetof(struct seccomp_data, arch));
		at = p->nr;
		jump_if(p, archs[i].arch, 0, 0);
		put_arch(p, &archs[i], all);
		p->insns[at].jf = (uint8_t)(p->nr - at - 1);
	}
}

int rf_fallback_filter(struct rf_sandbox *sb, bool all, struct rf_err *err)
{
	struct rf_seccomp_spec *s = &sb->seccomp;
	const size_t prologue = sizeof(archs) / sizeof(archs[0]) * ARCH_INSNS;
	struct program p = { .nr = 0 };
	const char *name = s->on ? s->name : "off";

	p.insns = rf_sandbox_alloc(sb, (prologue + (s->on ? s->nr : 1)) * sizeof(*p.insns));
	s->name = rf_sandbox_printf(sb, "%s, %s", name, all ? "no sockets" : "no Unix sockets");
	if (!p.insns || !s->name)
		return rf_err_set(err, ENOMEM, "the fallback");
	put_prologue(&p, all);
	if (s->on)
		memcpy(p.insns + p.nr, s->insns, s->nr * sizeof(*p.insns));
	else
		put(&p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	p.nr += s->on ? s->nr : 0;
	if (p.nr > BPF_MAXINSNS)
		return rf_err_at(err, &s->place, E2BIG, "the filter has no room for the fallback");
	s->insns = p.insns;
	s->nr = p.nr;
	s->on = true;
	return 0;
}
