/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libmnl that building a request takes, for a static
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

void mnl_attr_put(struct nlmsghdr *nlh, uint16_t type, size_t len, const void *data)
{
	struct nlattr *attr = extend(nlh, NLA_HDRLEN + len);

	attr->nla_type = type;
	attr->nla_len = (uint16_t)(NLA_HDRLEN + len);
	memcpy((char *)attr + NLA_HDRLEN, data, len);
}

void mnl_attr_put_u32(struct nlmsghdr *nlh, uint16_t type, uint32_t data)
{
	mnl_attr_put(nlh, type, sizeof(data), &data);
}

void mnl_attr_put_strz(struct nlmsghdr *nlh, uint16_t type, const char *data)
{
	mnl_attr_put(nlh, type, strlen(data) + 1, data);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *attr = extend(nlh, NLA_HDRLEN);

	attr->nla_type = NLA_F_NESTED | type;
	return attr;
}

void mnl_attr_nest_end(struct nlmsghdr *nlh, struct nlattr *start)
{
	start->nla_len = (uint16_t)((char *)nlh + nlh->nlmsg_len - (char *)start);
}
