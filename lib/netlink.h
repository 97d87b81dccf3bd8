/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links, addresses and routes by rtnetlink: one request and one answer at a time.
 *
 * A socket belongs to the network namespace in which it was made, wherever its
 * user is; so whoever has a socket of another namespace works there.  All
 * functions return 0 or a negative errno, and leave the kernel's own words, where
 * it has some, in .reason.
 */
#ifndef RF_NETLINK_H
#define RF_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rf_netlink {
	int		 fd;		/* socket of NETLINK_ROUTE */
	uint32_t	 seq;
	char		 reason[160];	/* of the last failure, or empty */
};

struct rf_netlink_addr {
	uint8_t		 family, prefix;	/* family 0: none */
	const uint8_t	*bytes;			/* 4 or 16 */
};

/* Take @fd, which stays the caller's to close, and ask for the kernel's words. */
void rf_netlink_init(struct rf_netlink *nl, int fd);
/* A socket of the caller's own namespace, or a negative errno. */
int rf_netlink_socket(void);

/* Index of link @name; *ret_up may be NULL.  -ENODEV. */
int rf_netlink_find(struct rf_netlink *nl, const char *name, uint32_t *ret_index, bool *ret_up);
int rf_netlink_set_up(struct rf_netlink *nl, uint32_t index, bool up);
int rf_netlink_set_master(struct rf_netlink *nl, uint32_t index, uint32_t master);
int rf_netlink_delete(struct rf_netlink *nl, uint32_t index);
/* To the namespace of descriptor @ns, where it is @name. */
int rf_netlink_move(struct rf_netlink *nl, uint32_t index, int ns, const char *name);

struct rf_netlink_veth {
	const char	*name;		/* in namespace .ns */
	int		 ns;
	const char	*peer;		/* in the socket's */
	uint32_t	 mtu;		/* 0: the kernel's */
	const uint8_t	*mac;		/* of .name; NULL: the kernel's */
};
int rf_netlink_veth(struct rf_netlink *nl, const struct rf_netlink_veth *veth);

int rf_netlink_addr(struct rf_netlink *nl, bool add, uint32_t index,
		    const struct rf_netlink_addr *addr);
/* @to without family: the default route of the family of @via.  @index 0: as @via says. */
int rf_netlink_route(struct rf_netlink *nl, bool add, const struct rf_netlink_addr *to,
		     const struct rf_netlink_addr *via, uint32_t index);

#endif
