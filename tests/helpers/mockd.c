/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mockd MODE LOG: a systemd for tests, on the bus of $DBUS_SYSTEM_BUS_ADDRESS, or else
 * of $DBUS_SESSION_BUS_ADDRESS.  It makes the group of a scope where the
 * real one does, puts its processes there, and writes each call with its values to LOG.
 *
 *	ok		all goes well
 *	fail		jobs fail
 *	deaf		no call is answered
 *	jobless		calls are answered, and jobs never end
 *	exists		the first StartTransientUnit finds a unit of that name
 *	refuse		StartTransientUnit and SetUnitProperties are errors
 *
 * Says "ready" on standard output; ends with its bus.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define PATH_SIZE	4400

struct mock {
	const char	*mode;
	FILE		*log;
	unsigned int	 jobs;
	bool		 existed;
	char		 unit[256], group[1024];	/* the one scope that there is */
};

static bool is(const struct mock *k, const char *mode)
{
	return !strcmp(k->mode, mode);
}

/* ------------------------------------------------------------------------ groups */

/* Hierarchies in which systemd makes a scope's group. */
static const char *const trees[] = { "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified",
				     "/sys/fs/cgroup" };

static bool is_tree(const char *tree)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/cgroup.procs", tree);
	return access(path, F_OK) == 0;
}

static void make_group(const char *tree, const char *group, uint32_t pid)
{
	char path[PATH_SIZE];
	FILE *f;

	if (!is_tree(tree))
		return;
	for (const char *p = strchr(group + 1, '/');; p = strchr(p + 1, '/')) {
		snprintf(path, sizeof(path), "%s%.*s", tree, p ? (int)(p - group) : (int)strlen(group),
			 group);
		(void)mkdir(path, 0755);
		if (!p)
			break;
	}
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", tree, group);
	f = fopen(path, "w");
	if (f) {
		fprintf(f, "%u\n", pid);
		fclose(f);
	}
}

static void remove_group(const char *tree, char *group)
{
	char path[PATH_SIZE];

	for (char *end = group + strlen(group); end && end > group; end = strrchr(group, '/')) {
		*end = '\0';
		snprintf(path, sizeof(path), "%s%s", tree, group);
		(void)rmdir(path);
	}
}

/* "a-b.slice" is "/a.slice/a-b.slice". */
static void expand(struct mock *k, const char *slice)
{
	size_t n = 0;

	for (const char *p = strcspn(slice, "-") ? slice : NULL; p; p = strchr(p, '-')) {
		p += *p == '-';
		n += (size_t)snprintf(k->group + n, sizeof(k->group) - n, "/%.*s.slice",
				      (int)(p - slice + (long)strcspn(p, "-.")), slice);
	}
	snprintf(k->group + n, sizeof(k->group) - n, "/%s", k->unit);
}

/* ------------------------------------------------------------------------- calls */

static int print_value(struct mock *k, sd_bus_message *m, uint32_t *pid)
{
	const char *contents;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
		union { const char *s; uint8_t y; int16_t n; uint16_t q; int32_t i; uint32_t u; int64_t x;
			uint64_t t; double d; } v = { .t = 0 };

		if (strchr("avr", type)) {
			fputs(type == 'a' ? " [" : type == 'r' ? " (" : "", k->log);
			if (type == 'v')
				fprintf(k->log, " %s", contents);
			r = sd_bus_message_enter_container(m, type, contents);
			if (r >= 0)
				r = print_value(k, m, pid);
			if (r >= 0)
				r = sd_bus_message_exit_container(m);
			fputs(type == 'a' ? " ]" : type == 'r' ? " )" : "", k->log);
			if (r < 0)
				return r;
			continue;
		}
		r = sd_bus_message_read_basic(m, type, &v);
		if (r < 0)
			return r;
		switch (type) {
		case 's': case 'o': case 'g':
			fprintf(k->log, " %s", v.s);
			break;
		case 'b':
			fprintf(k->log, " %s", v.i ? "true" : "false");
			break;
		case 'y':
			fprintf(k->log, " %02x", v.y);
			break;
		case 'd':
			fprintf(k->log, " %g", v.d);
			break;
		case 'i':
			fprintf(k->log, " %d", v.i);
			break;
		case 'n':
			fprintf(k->log, " %d", v.n);
			break;
		case 'q':
			fprintf(k->log, " %u", v.q);
			break;
		case 'x':
			fprintf(k->log, " %lld", (long long)v.x);
			break;
		case 'u':
			fprintf(k->log, " %u", v.u);
			*pid = v.u;
			break;
		default:
			fprintf(k->log, " %llu", (unsigned long long)v.t);
		}
	}
	return r;
}

/* One line for each property, "NAME SIGNATURE VALUE..."; the last process, and the slice. */
static int print_properties(struct mock *k, sd_bus_message *m, uint32_t *pid, char slice[256])
{
	int r = sd_bus_message_enter_container(m, 'a', "(sv)");

	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sv")) > 0) {
		const char *name, *contents, *text;
		char type;

		r = sd_bus_message_read(m, "s", &name);
		if (r < 0)
			return r;
		if (!strcmp(name, "Slice")) {
			r = sd_bus_message_read(m, "v", "s", &text);
			if (r >= 0) {
				fprintf(k->log, "Slice s %s", text);
				snprintf(slice, 256, "%s", text);
			}
		} else {
			fputs(name, k->log);
			r = sd_bus_message_peek_type(m, &type, &contents);
			if (r >= 0)
				r = print_value(k, m, pid);
		}
		fputc('\n', k->log);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int reply_job(struct mock *k, sd_bus_message *m)
{
	char job[64];
	int r;

	snprintf(job, sizeof(job), "/org/freedesktop/systemd1/job/%u", ++k->jobs);
	/* as the real one may: the end of the job first, and then its name */
	if (!is(k, "jobless")) {
		r = sd_bus_emit_signal(sd_bus_message_get_bus(m), "/org/freedesktop/systemd1",
				       "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", k->jobs, job,
				       k->unit, is(k, "fail") ? "failed" : "done");
		if (r < 0)
			return r;
	}
	return sd_bus_reply_method_return(m, "o", job);
}

static int start_unit(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct mock *k = arg;
	const char *name, *mode;
	char slice[256] = "system.slice";
	uint32_t pid = 0;
	int r = sd_bus_message_read(m, "ss", &name, &mode);

	if (r < 0)
		return r;
	fprintf(k->log, "StartTransientUnit %s %s\n", name, mode);
	r = print_properties(k, m, &pid, slice);
	fflush(k->log);
	if (r < 0)
		return r;
	if (is(k, "deaf"))
		return 1;
	if (is(k, "refuse"))
		return sd_bus_error_set(e, "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property");
	if (is(k, "exists") && !k->existed)
		return sd_bus_error_set(e, "org.freedesktop.systemd1.UnitExists", "Unit exists");
	snprintf(k->unit, sizeof(k->unit), "%s", name);
	k->group[0] = '\0';
	expand(k, slice);
	for (size_t i = 0; !is(k, "fail") && i < sizeof(trees) / sizeof(*trees); i++)
		make_group(trees[i], k->group, pid);
	return reply_job(k, m);
}

static int stop_unit(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct mock *k = arg;
	const char *name, *mode;
	int r = sd_bus_message_read(m, "ss", &name, &mode);

	if (r < 0)
		return r;
	fprintf(k->log, "StopUnit %s %s\n", name, mode);
	fflush(k->log);
	if (is(k, "deaf"))
		return 1;
	if (strcmp(name, k->unit) != 0)
		return sd_bus_error_set(e, "org.freedesktop.systemd1.NoSuchUnit", "Unit not loaded.");
	for (size_t i = 0; i < sizeof(trees) / sizeof(*trees); i++) {
		char group[1024];

		snprintf(group, sizeof(group), "%s", k->group);
		remove_group(trees[i], group);
	}
	return reply_job(k, m);
}

static int set_properties(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct mock *k = arg;
	const char *name;
	char slice[256];
	uint32_t pid;
	int runtime, r = sd_bus_message_read(m, "sb", &name, &runtime);

	if (r < 0)
		return r;
	fprintf(k->log, "SetUnitProperties %s %s\n", name, runtime ? "runtime" : "persistent");
	r = print_properties(k, m, &pid, slice);
	fflush(k->log);
	if (r < 0)
		return r;
	if (is(k, "deaf"))
		return 1;
	if (is(k, "refuse"))
		return sd_bus_error_set(e, "org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property");
	return sd_bus_reply_method_return(m, "");
}

static int reset_failed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct mock *k = arg;
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	(void)e;
	if (r < 0)
		return r;
	fprintf(k->log, "ResetFailedUnit %s\n", name);
	fflush(k->log);
	k->existed = true;
	return is(k, "deaf") ? 1 : sd_bus_reply_method_return(m, "");
}

static int subscribe(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct mock *k = arg;

	(void)e;
	fputs("Subscribe\n", k->log);
	fflush(k->log);
	return is(k, "deaf") ? 1 : sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Subscribe", "", "", subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", start_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StopUnit", "ss", "o", stop_unit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SetUnitProperties", "sba(sv)", "", set_properties, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ResetFailedUnit", "s", "", reset_failed, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
	SD_BUS_VTABLE_END
};

static int get_group(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *arg, sd_bus_error *e)
{
	const struct mock *k = arg;
	char *unit = NULL;
	int r = sd_bus_path_decode(path, "/org/freedesktop/systemd1/unit", &unit);

	(void)bus;
	(void)interface;
	(void)property;
	(void)e;
	r = sd_bus_message_append(reply, "s", r > 0 && !strcmp(unit, k->unit) ? k->group : "");
	free(unit);
	return r;
}

static const sd_bus_vtable scope[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("ControlGroup", "s", get_group, 0, 0),
	SD_BUS_VTABLE_END
};

/* Any unit may be asked for. */
static int find(sd_bus *bus, const char *path, const char *interface, void *arg, void **ret,
		sd_bus_error *e)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)e;
	*ret = arg;
	return 1;
}

int main(int argc, char **argv)
{
	struct mock k = { .mode = argc > 1 ? argv[1] : "" };
	sd_bus *bus = NULL;
	int r;

	if (argc != 3)
		return 2;
	k.log = fopen(argv[2], "w");
	r = !k.log ? -errno : !getenv("DBUS_SYSTEM_BUS_ADDRESS") ? sd_bus_open_user(&bus) :
		sd_bus_open_system(&bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1",
					     "org.freedesktop.systemd1.Manager", manager, &k);
	if (r >= 0)
		r = sd_bus_add_fallback_vtable(bus, NULL, "/org/freedesktop/systemd1/unit",
					       "org.freedesktop.systemd1.Scope", scope, find, &k);
	if (r >= 0)
		r = sd_bus_request_name(bus, "org.freedesktop.systemd1", 0);
	if (r >= 0) {
		puts("ready");
		fflush(stdout);
	}
	while (r >= 0) {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	}
	fprintf(stderr, "mockd: %s\n", strerror(-r));
	return 1;
}
