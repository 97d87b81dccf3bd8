/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The three functions of libmnl that building a request takes, for a static
 * program where only the shared library is installed (Debian has no libmnl.a).
 * Elsewhere libmnl itself is linked: see configure.ac.
 */
#include <libmnl/libmnl.h>
#include <string.h>

struct nlmsghdr *mnl_nlmsg_put_header(void *buf)
{
	struct nlmsghdr *nlh = buf;

	memset(nlh, 0, NLMSG_HDRLEN);
	nlh->nlmsg_len = NLMSG_HDRLEN;
	return nlh;
}

/* Zeroed room for @size bytes at the end of the message. */
static void *extend(struct nlmsghdr *nlh, size_t size)
{
	char *end = (char *)nlh + NLMSG_ALIGN(nlh->nlmsg_len);

	size = NLMSG_ALIGN(size);
	nlh->nlmsg_len = NLMSG_ALIGN(nlh->nlmsg_len) + (uint32_t)size;
	return memset(end, 0, size);
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *nlh, size_t size)
{
	return extend(nlh, size);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	size_t len = strlen(data) + 1;
	struct nlattr *attr = extend(nlh, NLA_HDRLEN + len);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)attr + NLA_HDRLEN, data, len);
}
