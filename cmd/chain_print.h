/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `explain` prints.
 */
#ifndef RF_CMD_CHAIN_PRINT_H
#define RF_CMD_CHAIN_PRINT_H

#include "load.h"
#include "trace.h"

/* The ops of the chain of @load, and the layers that they would come to. */
int chain_print(const struct load *load, enum trace_format format, struct rf_err *err);

#endif
