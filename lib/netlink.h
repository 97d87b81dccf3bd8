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
	bool		 interrupted;	/* the list changed while it was read */
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
/* The network namespace of a socket, for whoever has power over it; or a negative errno. */
int rf_netlink_ns(int fd);

/* Index of link @name; *ret_up may be NULL.  -ENODEV. */
int rf_netlink_find(struct rf_netlink *nl, const char *name, uint32_t *ret_index, bool *ret_up);
/* What link @index is called.  -ENODEV. */
int rf_netlink_name(struct rf_netlink *nl, uint32_t index, char ret[16]);
int rf_netlink_set_up(struct rf_netlink *nl, uint32_t index, bool up);
int rf_netlink_set_master(struct rf_netlink *nl, uint32_t index, uint32_t master);
int rf_netlink_delete(struct rf_netlink *nl, uint32_t index);
/*
 * To the namespace of descriptor @ns, where it is @name and has @new_index, or what the
 * kernel gives it (0).  -EBUSY: another has that index.  Should only the new name fail, it
 * has been moved, under its old one.
 */
int rf_netlink_move(struct rf_netlink *nl, uint32_t index, int ns, const char *name,
		    uint32_t new_index);

/* Addresses, as the kernel has told them. */
struct rf_netlink_kept {
	char		*messages;	/* of RTM_NEWADDR; malloc'd */
	size_t		 len;
};
#define RF_NETLINK_ADDR_TEXT 56
/* Those of link @index that are permanent and of global scope; rf_netlink_forget() in any case. */
int rf_netlink_keep(struct rf_netlink *nl, uint32_t index, struct rf_netlink_kept *kept);
void rf_netlink_forget(struct rf_netlink_kept *kept);
/*
 * Give them to link @index, called @to, labels of @from in its words; it is down at the
 * time or not.  The first that fails is in @ret_addr, which may be NULL.
 */
int rf_netlink_restore(struct rf_netlink *nl, uint32_t index, const struct rf_netlink_kept *kept,
		       const char *from, const char *to, char ret_addr[RF_NETLINK_ADDR_TEXT]);

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
