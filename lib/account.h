/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RF_ACCOUNT_H
#define RF_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_account {
	char		 text[2048];	/* the line, cut at its colons */
	const char	*name;
	uint32_t	 id;		/* uid, or gid of a group */
	const char	*home;		/* a user's; "" if there is none */
};

enum rf_accounts { RF_USERS, RF_GROUPS };

/*
 * Look up who has a name or a number: in /etc/passwd or /etc/group, and if it
 * is not there, by asking getent(1), which knows what else the system is set
 * up to ask.  The library's getpwnam() would load modules for that, which a
 * static program cannot do safely (with libnss_systemd it crashes).
 * Return: whether there is one.
 */
bool rf_account_by_name(enum rf_accounts which, const char *name, struct rf_account *ret);
bool rf_account_by_id(enum rf_accounts which, uint32_t id, struct rf_account *ret);
/* The user of number @id in @text, which is that of a file like /etc/passwd. */
bool rf_account_in(const char *text, uint32_t id, struct rf_account *ret);

#endif
