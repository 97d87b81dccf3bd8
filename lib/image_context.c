/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context image: a context with memory of its own, for chains that join
 * namespaces others live in or that change ids (DESIGN.md 4, rules 3 and 9).
 * FREESTANDING; the same loop and executors as in the library.
 *
 * In: argv[1] is the number of the descriptor of the area; all descriptors
 * that the area names are open and survive exec: they are made close-on-exec
 * again, those of the launch here, those in slots by rf_context_main().
 */
#include <linux/errno.h>
#include <linux/mman.h>

#include "compat.h"
#include "context.h"
#include "syscall.h"
#include "task.h"

static char init_stack[RF_TASK_STACK] __attribute__((aligned(16)));
static char payload_stack[RF_TASK_STACK] __attribute__((aligned(16)));
static char scratch[RF_SCRATCH] __attribute__((aligned(16)));
static unsigned long tls[RF_TLS_SIZE / sizeof(unsigned long)];

static int number(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

static void close_on_exec(int fd)
{
	if (fd >= 0)
		(void)rf_sys3(__NR_fcntl, fd, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */);
}

static struct rf_area *map_area(int fd)
{
	uint64_t size;
	long r = rf_sys4(__NR_pread64, fd, &size, sizeof(size), __builtin_offsetof(struct rf_area, size));

	if (r != sizeof(size))
		rf_task_exit(RF_EXIT_FAILED);
	r = rf_sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (r < 0 && r > -4096)
		rf_task_exit(RF_EXIT_FAILED);
	return (struct rf_area *)r;
}

__attribute__((noreturn, used)) void rf_image_start(unsigned long *stack);
void rf_image_start(unsigned long *stack)
{
	struct rf_start start = { .area_fd = -1, .image_fd = -1 };
	char **argv = (char **)(stack + 1);
	struct rf_area *a;
	int fd;

	if (stack[0] < 2)
		rf_task_exit(RF_EXIT_FAILED);
	fd = number(argv[1]);
	a = map_area(fd);
	if (a->flags & RF_AREA_APART) {
		close_on_exec(fd);
		start.area_fd = fd;
	} else {
		(void)rf_sys1(__NR_close, fd);
	}
	close_on_exec(a->report_fd);
	close_on_exec(a->ring_fd);
	close_on_exec(a->init_fd);
	close_on_exec(a->submitter_pidfd);
	start.area = a;
	/* exec first, or it would cost the capabilities in the new user namespace */
	start.unshare = ((const struct rf_op *)((char *)a + a->off_ops))->u.clone.flags;
	start.init_stack = init_stack + sizeof(init_stack);
	start.payload_stack = payload_stack + sizeof(payload_stack);
	start.scratch = scratch;
	start.tls = tls;
#if defined(__x86_64__)
	/* no libc has set this image's thread pointer, and nothing reads it */
	tls[0] = tls[2] = (unsigned long)tls;
#endif
	rf_context_main(&start);
	rf_task_exit(RF_EXIT_FAILED);
}

RF_ARCH_START(rf_image_start);
