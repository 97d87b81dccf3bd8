/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layers of a sandbox, for people.
 */
#ifndef RF_CMD_LAYERS_H
#define RF_CMD_LAYERS_H

#include "load.h"

struct rf_receipt;

/*
 * What of the chain of @load has been done in @ctx; NULL: as if all had been.
 * To be freed with rf_receipt_free(); NULL: no memory.
 */
struct rf_receipt *layers_of(const struct load *load, const struct rf_context *ctx);

/* On standard output, a line each. */
void layers_print(const struct rf_receipt *receipt);

#endif
