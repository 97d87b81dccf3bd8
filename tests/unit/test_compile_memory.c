/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The compiler, when each of its allocations in turn fails. */
#include <errno.h>
#include <stdlib.h>

#include "compile_case.h"

#ifdef __SANITIZE_ADDRESS__
#define HAS_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER true
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER false
#endif

static long countdown = -1;		/* allocations until one fails; -1: never */

#if !HAS_SANITIZER
static bool fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

/* As glibc calls its own; a sanitizer has replaced them already. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t nr, size_t size)
{
	return fails() ? NULL : __libc_calloc(nr, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}
#endif

static const struct rf_features root = {
	.kernel = RF_KERNEL(6, 18), .caps = (1ULL << 41) - 1, .last_cap = 40, .nofile = 1024,
};

static const char spec[] =
	"root: empty\n"
	"network: loopback\n"
	"mounts:\n"
	"- {rw: /work}\n"
	"- {symlink: work/a, at: /link}\n"
	"- {ro: /usr, at: /link/b/usr}\n"
	"- {deny: /work/a/c/d}\n"
	"- {ro: /etc}\n"
	"- {file: /etc/motd, content: hi}\n"
	"- {overlay: /o, lower: [/a, /b], upper: tmpfs}\n"
	"- {dev: /dev}\n"
	"fds: {4: {from: 9}, 5: {open: /in}}\n"
	"argv0: other\n"
	"user: {uid: 5, gid: 5, map: {uid: [{inside: 0, outside: 100000, count: 9}], "
	"gid: [{inside: 0, outside: 100000, count: 9}]}}\n";

TEST(an_allocation_that_fails_is_an_error_and_no_chain)
{
	struct sandbox_case s = sandbox_of(spec, &root);
	struct rf_chain *chain = NULL;
	int r = -ENOMEM;

	SKIP_UNLESS(!HAS_SANITIZER, "plain", "a sanitizer has the allocator");
	for (long n = 0; r < 0; n++) {
		struct rf_err err = RF_ERR_INIT;
		long left;

		countdown = n;
		r = rf_compile(s.sb, &root, &chain, &err);
		left = countdown;
		countdown = -1;
		if (r < 0 && (r != -ENOMEM || err.code != ENOMEM || chain))
			fail_msg("allocation %ld: %d, %s", n, r, err.msg);
		if (r == 0 && left < 0)
			fail_msg("allocation %ld failed, and the chain passes for whole", n);
	}
	rf_chain_free(chain);
	sandbox_case_free(&s);
}
