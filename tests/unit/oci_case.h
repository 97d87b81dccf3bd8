/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A config.json as text: what it becomes, or what is said about it.
 */
#ifndef RF_TESTS_OCI_CASE_H
#define RF_TESTS_OCI_CASE_H

#include "compile_case.h"
#include "oci_config.h"

/* What every document needs; the parts that a case is about come in between. */
#define PROCESS(more)	"\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]" more "}"
#define LINUX(more)	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]" more "}"
#define DOC(process, linux_, more) \
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"rootfs\"}," PROCESS(process) "," \
	LINUX(linux_) more "}"

/* The sandbox of a document that is right. */
struct rf_sandbox *oci_good(const char *text, struct rf_oci_config *c);

struct oci_bad {
	const char	*text;
	const char	*want;		/* the message */
};

void oci_expect_bad(const struct oci_bad *cases, size_t nr);
#define OCI_EXPECT_BAD(cases) oci_expect_bad(cases, ARRAY_SIZE(cases))

/* Root of the host, on a kernel that has all. */
extern const struct rf_features oci_features;
/* Its chain, @sb's root being /rootfs; frees @sb. */
struct compiled oci_compiled(struct rf_sandbox *sb, const struct rf_features *f);

#endif
