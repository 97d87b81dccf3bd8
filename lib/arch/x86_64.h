/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* x86-64: the system call instruction, and a clone whose child has its own stack. */
#ifndef RF_ARCH_X86_64_H
#define RF_ARCH_X86_64_H

#define RF_ARCH_NAME "x86_64"

static inline long rf_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/*
 * The child starts on a stack of its own, so it cannot return through this
 * frame: it calls @fn(@arg), which must not return.
 */
static inline long rf_arch_clone3(const void *args, unsigned long size,
				  void (*fn)(void *), void *arg)
{
	register void *r8 __asm__("r8") = (void *)fn;
	register void *r9 __asm__("r9") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%%r8\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(435L), "D"(args), "S"(size), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* clone(2): @stack is the top, aligned to 16 bytes. */
static inline long rf_arch_clone(unsigned long flags, void *stack, int *parent_tid,
				 unsigned int *child_tid, void *tls,
				 void (*fn)(void *), void *arg)
{
	register unsigned int *r10 __asm__("r10") = child_tid;
	register void *r8 __asm__("r8") = tls;
	register void *r12 __asm__("r12") = (void *)fn;
	register void *r13 __asm__("r13") = arg;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(ret)
			 : "a"(56L), "D"(flags), "S"(stack), "d"(parent_tid), "r"(r10),
			   "r"(r8), "r"(r12), "r"(r13)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The stack protector reads its canary at %fs:0x28: a private TLS block needs it. */
static inline void rf_arch_tls_init(void *tls)
{
	unsigned long *block = tls;
	unsigned long canary;

	__asm__ volatile("mov %%fs:0x28, %0" : "=r"(canary));
	block[0] = (unsigned long)tls;
	block[2] = (unsigned long)tls;
	block[5] = canary;
}

/* Entry point of an image: calls fn with the initial stack, which holds argc, argv, ... */
#define RF_ARCH_START(fn)						\
	__asm__(".globl _start\n"					\
		".type _start, @function\n"				\
		"_start:\n\t"						\
		"xor %ebp, %ebp\n\t"					\
		"mov %rsp, %rdi\n\t"					\
		"and $-16, %rsp\n\t"					\
		"call " #fn "\n\t"					\
		"ud2\n")

#endif
