/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RF_CMD_SIGNAL_NAME_H
#define RF_CMD_SIGNAL_NAME_H

/* A signal by its name, with or without SIG, or by its number; -1: there is none. */
int signal_number(const char *text);

#endif
