/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that exits is seen to have ended when its memory and its descriptors
 * are gone, which takes a tenth of a short launch.  The last task of a sandbox takes
 * as long to die.  So this goes first and waits then, from one page of code that
 * needs neither a stack nor data.
 */
#include "leave.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>

#define PAGE	4096UL

#if defined(RF_STATIC_PROGRAM) && (defined(__x86_64__) || defined(__aarch64__))

/* @high: the end of the memory above the page. */
_Noreturn void leave_page(long status, long first, long second, unsigned long high);

#if defined(__x86_64__)
__asm__(
	".pushsection .text.leave,\"ax\",@progbits\n"
	".balign 4096\n"
	".globl leave_page\n"
	".type leave_page, @function\n"
	"leave_page:\n"
	"	movq %rdi, %r12\n"
	"	movq %rsi, %r13\n"
	"	movq %rdx, %r14\n"
	"	movq %rcx, %r15\n"
	"	xorl %edi, %edi\n"		/* close_range(0, ~0U, 0) */
	"	movl $-1, %esi\n"
	"	xorl %edx, %edx\n"
	"	movl $436, %eax\n"
	"	syscall\n"
	"	xorl %edi, %edi\n"		/* munmap: all below */
	"	leaq leave_page(%rip), %rsi\n"
	"	movl $11, %eax\n"
	"	syscall\n"
	"	leaq leave_page+4096(%rip), %rdi\n"	/* munmap: all above */
	"	movq %r15, %rsi\n"
	"	subq %rdi, %rsi\n"
	"	movl $11, %eax\n"
	"	syscall\n"
	"1:	testl %r13d, %r13d\n"
	"	jz 3f\n"
	"2:	movl $1, %edi\n"		/* waitid(P_PID, pid, NULL, WEXITED | __WALL, NULL) */
	"	movl %r13d, %esi\n"
	"	xorl %edx, %edx\n"
	"	movl $0x40000004, %r10d\n"
	"	xorl %r8d, %r8d\n"
	"	movl $247, %eax\n"
	"	syscall\n"
	"	cmpq $-4, %rax\n"		/* EINTR */
	"	je 2b\n"
	"3:	movq %r14, %r13\n"
	"	xorl %r14d, %r14d\n"
	"	testl %r13d, %r13d\n"
	"	jnz 2b\n"
	"4:	movq %r12, %rdi\n"		/* exit_group(status) */
	"	movl $231, %eax\n"
	"	syscall\n"
	"	jmp 4b\n"
	".size leave_page, . - leave_page\n"
	".balign 4096\n"
	".popsection\n");
#else
__asm__(
	".pushsection .text.leave,\"ax\",%progbits\n"
	".balign 4096\n"
	".globl leave_page\n"
	".type leave_page, %function\n"
	"leave_page:\n"
	"	mov x19, x0\n"
	"	mov x20, x1\n"
	"	mov x21, x2\n"
	"	mov x22, x3\n"
	"	mov x0, xzr\n"			/* close_range(0, ~0U, 0) */
	"	mov w1, #-1\n"
	"	mov x2, xzr\n"
	"	mov x8, #436\n"
	"	svc #0\n"
	"	mov x0, xzr\n"			/* munmap: all below */
	"	adr x1, leave_page\n"
	"	mov x8, #215\n"
	"	svc #0\n"
	"	adr x0, leave_page_end\n"	/* munmap: all above */
	"	sub x1, x22, x0\n"
	"	mov x8, #215\n"
	"	svc #0\n"
	"1:	cbz w20, 3f\n"
	"2:	mov x0, #1\n"			/* waitid(P_PID, pid, NULL, WEXITED | __WALL, NULL) */
	"	mov w1, w20\n"
	"	mov x2, xzr\n"
	"	mov w3, #4\n"
	"	movk w3, #0x4000, lsl #16\n"
	"	mov x4, xzr\n"
	"	mov x8, #95\n"
	"	svc #0\n"
	"	cmn x0, #4\n"			/* EINTR */
	"	b.eq 2b\n"
	"3:	mov x20, x21\n"
	"	mov x21, xzr\n"
	"	cbnz w20, 2b\n"
	"4:	mov x0, x19\n"			/* exit_group(status) */
	"	mov x8, #94\n"
	"	svc #0\n"
	"	b 4b\n"
	".balign 4096\n"
	"leave_page_end:\n"
	".size leave_page, . - leave_page\n"
	".popsection\n");
#endif

bool leave_can(void)
{
	return getauxval(AT_PAGESZ) == PAGE;
}

void leave(int status, const pid_t pids[2])
{
	/* up to the stack; above it is what the kernel may have sealed */
	uintptr_t high = ((uintptr_t)__builtin_frame_address(0) | (PAGE - 1)) + 1;

	leave_page(status & 0xff, pids[0], pids[1], high);
}

#else

bool leave_can(void)
{
	return false;
}

void leave(int status, const pid_t pids[2])
{
	(void)pids;
	exit(status);
}

#endif
