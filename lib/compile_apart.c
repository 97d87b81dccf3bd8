/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command that waits for others than the submitter.
 *
 * Up to here the payload task dies with the submitter.  It parks so that the
 * submitter can write down who it is; only then it lets go, and waits at a socket
 * that whoever may open it finds by its name.  So at each moment either the submitter
 * is there to end the task, or what it has written says where the task is.
 *
 * Where no_new_privs is set that is behind the credentials.  Without it the filter
 * takes power, so both come after the gate: a filter need not know how one waits.
 */
#include "compile.h"

void rf_emit_apart(struct rf_compile *k)
{
	int32_t slot;

	if (!k->sb->oci.on)
		return;
	rf_emit_find(k);
	rf_chain_set_place(k->c, NULL);
	if (!k->sb->oci.enters)
		(void)rf_prep_gate(k->c);
	(void)rf_prep_pdeathsig(k->c, 0);
	/* the submitter of one that joins a container waits for its exec */
	if (k->sb->oci.enters)
		return;
	slot = rf_chain_give(k->c, k->sb->oci.gate_fd < 0 ? RF_NO_DESCRIPTOR : k->sb->oci.gate_fd);
	if (rf_prep_gate(k->c) >= 0)
		k->c->ops[k->c->nr_ops - 1].u.gate.slot = slot;
}
