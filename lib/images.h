/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two freestanding programs that the library carries: pid 1 of a sandbox,
 * and a context with memory of its own.  images.S includes their ELF files.
 */
#ifndef RF_IMAGES_H
#define RF_IMAGES_H

extern const char rf_image_init[], rf_image_init_end[];
extern const char rf_image_context[], rf_image_context_end[];

#endif
