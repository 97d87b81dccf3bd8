/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gate of a container: a socket in its directory at which its process listens until
 * it is started.  Nobody but the directory's owner gets there.
 */
#ifndef RF_CMD_OCI_GATE_H
#define RF_CMD_OCI_GATE_H

#define OCI_GATE "gate"

/* A listening socket of that name in the directory @dir, or a negative errno. */
int oci_gate_listen(int dir);

#endif
