/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The annotation ringfence.spec as anything: nothing that a container has is more for it.
 */
#include "fuzz_oci.h"

static const char config[] =
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
	"\"args\":[\"sh\"],\"env\":[\"PATH=/bin\"],\"capabilities\":{\"bounding\":[\"CAP_KILL\","
	"\"CAP_CHOWN\"],\"permitted\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\","
	"\"soft\":10,\"hard\":20}]},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],\"resources\":{"
	"\"memory\":{\"limit\":1048576},\"pids\":{\"limit\":5},\"cpu\":{\"quota\":5000,"
	"\"cpus\":\"0-1\"}}}}";

static void check_limits(const struct rf_oci_config *c)
{
	for (size_t i = 0; i < c->nr_limits; i++) {
		const struct rf_oci_limit *l = &c->limits[i];

		if (!l->controller || !l->v1_file || !l->v2_file || strchr(l->v1_file, '/') ||
		    strchr(l->v2_file, '/'))
			abort();
		if ((!strcmp(l->v2_file, "memory.max") && strtoull(l->v2_text, NULL, 10) > 1048576) ||
		    (!strcmp(l->v2_file, "pids.max") && strtoull(l->v2_text, NULL, 10) > 5))
			abort();
	}
}

static void check_container(const struct rf_sandbox *sb, const struct rf_oci_config *c,
			    const struct rf_sandbox *was)
{
	if (sb->oci.caps.bounding & ~was->oci.caps.bounding ||
	    sb->oci.caps.permitted & ~was->oci.caps.permitted || sb->capabilities & ~was->capabilities)
		abort();
	if (sb->rlimits[7].hard > 20 || sb->rlimits[7].soft > 10)	/* RLIMIT_NOFILE */
		abort();
	if (sb->nr_mounts != was->nr_mounts || sb->nr_fds || sb->nr_argv != was->nr_argv ||
	    sb->user.uid != was->user.uid || sb->network != was->network || sb->cgroup.set)
		abort();
	for (size_t i = 0; i < sb->oci.nr_masked; i++)
		if (sb->oci.masked[i].path[0] != '/' || strstr(sb->oci.masked[i].path, "/../"))
			abort();
	check_limits(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rf_place place = { "config.json", 1, 2 };
	struct rf_sandbox *sb = rf_sandbox_new(), *was = rf_sandbox_new();
	char *text = strndup((const char *)data, size);
	struct rf_oci_config c, before;
	struct rf_err err = RF_ERR_INIT;
	int r;

	if (sb && was && text && size && rf_oci_parse("c", config, strlen(config), was, &before, &err) == 0 &&
	    rf_oci_parse("c", config, strlen(config), sb, &c, &err) == 0) {
		r = rf_oci_tighten(sb, &c, text, &place, data[0] & 1 ? RF_OCI_PURE :
				   RF_OCI_PURE | RF_OCI_ENTERS, &err);
		check_error(r, &err);
		if (r == 0) {
			check_container(sb, &c, was);
			compile(sb, &c);
		}
		err = (struct rf_err)RF_ERR_INIT;
		check_error(rf_oci_check_update(&before, text, &err), &err);
	}
	free(text);
	rf_sandbox_free(sb);
	rf_sandbox_free(was);
	return 0;
}
