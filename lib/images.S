/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The init and context images, as linked by the build (images.h). */
	.section .rodata
	.balign 16
	.globl rf_image_init, rf_image_init_end
	.hidden rf_image_init, rf_image_init_end
rf_image_init:
	.incbin "lib/image_init"
rf_image_init_end:
	.balign 16
	.globl rf_image_context, rf_image_context_end
	.hidden rf_image_context, rf_image_context_end
rf_image_context:
	.incbin "lib/image_context"
rf_image_context_end:
	.section .note.GNU-stack,"",%progbits
