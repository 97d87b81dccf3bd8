/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool's reader of requests on anything: what it accepts is whole, and the same once it
 * was packed and read again.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pool_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_strings(char **strings, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!strings[i] || strlen(strings[i]) > POOL_REQUEST_MAX)
			abort();
	if (strings[nr])
		abort();
}

static void check(const struct pool_request *q)
{
	if (!q->argc || q->cwd[0] != '/' || q->nr_fds > POOL_FDS_MAX || q->umask > 0777)
		abort();
	check_strings(q->argv, q->argc);
	check_strings(q->envp, q->nr_env);
	for (size_t i = 0; i < q->nr_fds; i++)
		if (q->numbers[i] < 0)
			abort();
}

static void check_again(const struct pool_request *q)
{
	struct pool_request other;
	size_t len;
	void *text = pool_request_pack(q, &len);

	if (!text || pool_request_unpack(text, len, &other) < 0)
		abort();
	if (other.argc != q->argc || other.nr_env != q->nr_env || other.nr_fds != q->nr_fds ||
	    strcmp(other.cwd, q->cwd) != 0 || other.wants_verdict != q->wants_verdict ||
	    other.has_spec != q->has_spec ||
	    memcmp(other.rlimits, q->rlimits, sizeof(q->rlimits)) != 0)
		abort();
	for (size_t i = 0; i < q->argc; i++)
		if (strcmp(other.argv[i], q->argv[i]) != 0)
			abort();
	pool_request_done(&other);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool_request q;
	int r = pool_request_unpack(data, size, &q);

	if (r == 0) {
		check(&q);
		check_again(&q);
		pool_request_done(&q);
	} else if (r != -EBADMSG && r != -ENOMEM) {
		abort();
	}
	return 0;
}
