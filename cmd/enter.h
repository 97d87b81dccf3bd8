/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a running sandbox to one that a second command gets: the same
 * namespaces, joined, and the same confinement, from the state of its launcher.
 */
#ifndef RF_CMD_ENTER_H
#define RF_CMD_ENTER_H

#include "load.h"
#include "running.h"

struct enter {
	struct running	 r;
	int		 ns[RF_NS_NR];	/* descriptors that the chain is given; -1 */
};

void enter_init(struct enter *e);
void enter_done(struct enter *e);

/*
 * @l->sb has what the command line says, and not more.  Add the confinement of
 * @who, and compile.  0 or a negative errno with @err.
 */
int enter_load(struct enter *e, const char *who, struct load *l, struct rf_err *err);

#endif
