/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci spec: what a config.json may look like.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"
#include "report.h"

/* ------------------------------------------------------------------------- spec */

enum { OPT_BUNDLE, OPT_ROOTLESS, OPT_FILE };

struct spec {
	const char	*bundle, *file;
	bool		 rootless;
};

static const struct rf_opt spec_opts[] = {
	{ .name = "bundle", .letter = 'b', .arg = "DIR", .id = OPT_BUNDLE,
	  .help = "write to DIR instead of the current directory", .complete = RF_COMPLETE_DIR },
	{ .name = "file", .letter = 'f', .arg = "FILE", .id = OPT_FILE,
	  .help = "in that directory, instead of config.json", .complete = RF_COMPLETE_FILE },
	{ .name = "rootless", .id = OPT_ROOTLESS, .help = "one for an ordinary user" },
	{ .name = NULL }
};

static int take_spec(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct spec *s = state;

	(void)err;
	if (opt->id == OPT_BUNDLE)
		s->bundle = value;
	else if (opt->id == OPT_FILE)
		s->file = value;
	else
		s->rootless = true;
	return 0;
}

static const char usual[] =
"{\"ociVersion\":\"1.2.0\",\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},"
"\"args\":[\"sh\"],\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
"\"TERM=xterm\"],\"cwd\":\"/\",\"capabilities\":{"
"\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
"\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
"\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
"\"noNewPrivileges\":true},\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
"\"hostname\":\"ringfence\",\"mounts\":["
"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\","
"\"strictatime\",\"mode=755\",\"size=65536k\"]},"
"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":[\"nosuid\","
"\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\","
"\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\",\"options\":["
"\"nosuid\",\"noexec\",\"nodev\"]},"
"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\",\"options\":[\"nosuid\","
"\"noexec\",\"nodev\",\"ro\"]},"
"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":["
"\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
"\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
"{\"type\":\"mount\"},{\"type\":\"cgroup\"}],\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\","
"\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\",\"/proc/timer_list\","
"\"/proc/timer_stats\",\"/proc/sched_debug\",\"/sys/firmware\",\"/proc/scsi\"],"
"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
"\"/proc/sysrq-trigger\"]}}";

/* Without what takes the host's power: a group for tty, limits, a view of the host's groups. */
static int make_rootless(json_t *root)
{
	json_t *linux_ = json_object_get(root, "linux"), *mounts = json_object_get(root, "mounts");
	json_t *m;
	size_t i;
	int r;

	r = json_object_del(linux_, "resources");
	r |= json_array_append_new(json_object_get(linux_, "namespaces"),
				   json_pack("{s:s}", "type", "user"));
	r |= json_object_set_new(linux_, "uidMappings", json_pack("[{s:i, s:I, s:i}]", "containerID", 0,
				 "hostID", (json_int_t)geteuid(), "size", 1));
	r |= json_object_set_new(linux_, "gidMappings", json_pack("[{s:i, s:I, s:i}]", "containerID", 0,
				 "hostID", (json_int_t)getegid(), "size", 1));
	json_array_foreach(mounts, i, m) {
		json_t *options = json_object_get(m, "options");

		if (!strcmp(json_string_value(json_object_get(m, "destination")), "/dev/pts"))
			r |= json_array_remove(options, json_array_size(options) - 1);
	}
	return r;
}

static int write_spec(const struct spec *s, struct rf_err *err)
{
	json_error_t e;
	json_t *root = json_loads(usual, 0, &e);
	char *text = NULL, *file = NULL;
	int fd, r = 0;

	if (root && (!s->rootless || make_rootless(root) == 0))
		text = json_dumps(root, JSON_INDENT(8));
	json_decref(root);
	if (!text || asprintf(&file, "%s%s%s", *s->file == '/' ? "" : s->bundle,
			      *s->file == '/' ? "" : "/", s->file) < 0) {
		free(text);
		return rf_err_set(err, ENOMEM, "spec");
	}
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		r = rf_err_set(err, errno, "%s", file);
	if (r == 0) {
		r = write_all(fd, text, strlen(text));
		if (r == 0)
			r = write_all(fd, "\n", 1);
		if (close(fd) < 0 && r == 0)
			r = -errno;
		if (r < 0)
			rf_err_set(err, -r, "write %s", file);
	}
	free(text);
	free(file);
	return r;
}

static int spec_main(int argc, char **argv)
{
	struct spec s = { .bundle = ".", .file = "config.json" };
	struct rf_err err = RF_ERR_INIT;
	int r = oci_options(&oci_cmd_spec, argc, argv, take_spec, &s, NULL, 0, &err);

	if (r == 0)
		r = write_spec(&s, &err);
	return r < 0 ? oci_fail(&err) : 0;
}

const struct command oci_cmd_spec = {
	.name = "spec", .args = "[option...]", .opts = spec_opts, .main = spec_main,
	.help = "write a config.json to begin with",
};
