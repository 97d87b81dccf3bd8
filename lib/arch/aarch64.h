/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aarch64: the system call instruction, and a clone whose child has its own stack. */
#ifndef RF_ARCH_AARCH64_H
#define RF_ARCH_AARCH64_H

#define RF_ARCH_NAME "aarch64"

static inline long rf_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory", "cc");
	return x0;
}

/* The child calls @fn(@arg) on its own stack and must not return. */
static inline long rf_arch_clone3(const void *args, unsigned long size,
				  void (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = 435;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = (long)size;
	register void *x9 __asm__("x9") = (void *)fn;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0) : "r"(x8), "r"(x1), "r"(x9), "r"(x10)
			 : "memory", "cc");
	return x0;
}

/* clone(2): here tls comes before child_tid. */
static inline long rf_arch_clone(unsigned long flags, void *stack, int *parent_tid,
				 unsigned int *child_tid, void *tls,
				 void (*fn)(void *), void *arg)
{
	register long x8 __asm__("x8") = 220;
	register long x0 __asm__("x0") = (long)flags;
	register long x1 __asm__("x1") = (long)stack;
	register long x2 __asm__("x2") = (long)parent_tid;
	register long x3 __asm__("x3") = (long)tls;
	register long x4 __asm__("x4") = (long)child_tid;
	register void *x9 __asm__("x9") = (void *)fn;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "brk 1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9), "r"(x10)
			 : "memory", "cc");
	return x0;
}

/* The stack protector's canary is a global symbol here: an empty block will do. */
static inline void rf_arch_tls_init(void *tls)
{
	(void)tls;
}

/* Entry point of an image: calls fn with the initial stack, which holds argc, argv, ... */
#define RF_ARCH_START(fn)						\
	__asm__(".globl _start\n"					\
		".type _start, %function\n"				\
		"_start:\n\t"						\
		"mov x29, xzr\n\t"					\
		"mov x0, sp\n\t"					\
		"bl " #fn "\n\t"					\
		"brk 1\n")

#endif
