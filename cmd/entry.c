/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The static program's first instructions.  A page fault costs a virtual
 * machine ten times what a page costs that is mapped in advance, and a launch
 * would meet some fifty of them, a tenth of its time: so the pages that every
 * run uses are mapped at once, before the C library wakes up.
 *
 * madvise(2), MADV_POPULATE_READ and MADV_POPULATE_WRITE: Linux 5.14.  Where it
 * fails, pages are mapped one by one as they always are.
 */
#include <asm/mman.h>
#include <link.h>
#include <stdint.h>

#include "syscall.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#define MADV_POPULATE_WRITE	23
#endif

#define PAGE		4096UL
#define STACK		(8 * PAGE)	/* below the arguments */
#define RELRO_TAIL	(2 * PAGE)

/* of the linker: the program's own header, where it was loaded */
extern const ElfW(Ehdr) __ehdr_start;

void entry_start(void);
void entry_populate(uintptr_t sp);

static uintptr_t page_down(uintptr_t at)
{
	return at & ~(PAGE - 1);
}

static void populate(uintptr_t from, uintptr_t to, int how)
{
	(void)rf_sys3(__NR_madvise, page_down(from), page_down(to + PAGE - 1) - page_down(from), how);
}

/*
 * Before the C library: no stack protector (its canary is not there yet; see
 * Makefile.am), no call that goes through a table.
 */
__attribute__((used))
void entry_populate(uintptr_t sp)
{
	const ElfW(Ehdr) *file = &__ehdr_start;
	const ElfW(Phdr) *parts = (const void *)((const char *)file + file->e_phoff);
	uintptr_t begin = (uintptr_t)file, data = 0, end = 0;

	for (int i = 0; i < file->e_phnum; i++) {
		const ElfW(Phdr) *p = &parts[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_W) {
			data = p->p_vaddr;
			end = p->p_vaddr + p->p_memsz;
		}
	}
	/* what becomes read-only once the C library has looked at it is written at its end only */
	for (int i = 0; i < file->e_phnum; i++)
		if (parts[i].p_type == PT_GNU_RELRO && parts[i].p_memsz > RELRO_TAIL)
			data = page_down(parts[i].p_vaddr + parts[i].p_memsz) - RELRO_TAIL;
	populate(begin, data, MADV_POPULATE_READ);
	populate(data, end, MADV_POPULATE_WRITE);
	populate(sp - STACK, sp, MADV_POPULATE_WRITE);
}

/*
 * The linker's -e names this one.  The kernel's stack and the register that may
 * hold a function for exit are handed on as they came.
 */
#if defined(__x86_64__)
__asm__(
	".pushsection .text.entry_start,\"ax\",@progbits\n"
	".globl entry_start\n"
	".type entry_start, @function\n"
	"entry_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rbx\n"
	"	movq %rdx, %r12\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call entry_populate\n"
	"	movq %rbx, %rsp\n"
	"	movq %r12, %rdx\n"
	"	jmp _start\n"
	".size entry_start, . - entry_start\n"
	".popsection\n");
#elif defined(__aarch64__)
__asm__(
	".pushsection .text.entry_start,\"ax\",%progbits\n"
	".globl entry_start\n"
	".type entry_start, %function\n"
	"entry_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x19, x0\n"
	"	mov x0, sp\n"
	"	bl entry_populate\n"
	"	mov x0, x19\n"
	"	mov x30, #0\n"
	"	b _start\n"
	".size entry_start, . - entry_start\n"
	".popsection\n");
#endif
