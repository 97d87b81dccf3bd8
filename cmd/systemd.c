/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-systemd: talks to systemd over D-Bus, for ringfence-oci, which is linked
 * without it and so starts as fast where no systemd is asked for.  A bus that does not
 * answer is this program's trouble: it has a deadline, and can be killed.
 *
 *	ringfence-systemd [--user] SECONDS start UNIT [PROPERTY...]
 *	ringfence-systemd [--user] SECONDS set UNIT [PROPERTY...]
 *	ringfence-systemd [--user] SECONDS stop UNIT
 *
 * A property is NAME SIGNATURE COUNT and COUNT values.  The answer is one line on standard
 * output, "ok" or "error" and why.  A scope has to have a process: `start` puts a child
 * into it, which does nothing, says "ok CONTROL-GROUP", and lasts until the end of file
 * on standard input; by then somebody else is in it, or systemd takes it away.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SERVICE		"org.freedesktop.systemd1"
#define MANAGER_PATH	"/org/freedesktop/systemd1"
#define MANAGER		"org.freedesktop.systemd1.Manager"
#define JOBS_MAX	64

/* A job that is over. */
struct job {
	char		*path, *result;
};

struct talk {
	sd_bus		*bus;
	uint64_t	 until;		/* of CLOCK_MONOTONIC, microseconds */
	const char	*unit;
	char		**words;	/* properties */
	struct job	 jobs[JOBS_MAX];
	size_t		 nr_jobs;
	char		 why[512];
};

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* Never 0, which means for ever to sd-bus. */
static uint64_t left(const struct talk *t)
{
	const uint64_t now = now_us();

	return now < t->until ? t->until - now : 1;
}

static int fail(struct talk *t, const char *what, int r, const sd_bus_error *e)
{
	if (!t->why[0])
		(void)snprintf(t->why, sizeof(t->why), "%s: %s", what,
			       e && e->message ? e->message : strerror(-r));
	return r < 0 ? r : -EIO;
}

/* ------------------------------------------------------------------ connecting */

/* systemd's own socket, where there is no bus: as early in a boot, or in a small system. */
static int connect_private(struct talk *t, bool user)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char address[512];
	int r = sd_bus_new(&t->bus);

	if (user && !run)
		return -ENOENT;
	(void)snprintf(address, sizeof(address), "unix:path=%s/systemd/private", user ? run : "/run");
	if (r >= 0)
		r = sd_bus_set_address(t->bus, address);
	return r < 0 ? r : sd_bus_start(t->bus);
}

static int meet(struct talk *t, bool user)
{
	int r = user ? sd_bus_open_user(&t->bus) : sd_bus_open_system(&t->bus);

	/* one that is named, and not there, is an error */
	if (r < 0 && !getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS")) {
		t->bus = sd_bus_flush_close_unref(t->bus);
		r = connect_private(t, user);
	}
	if (r < 0)
		return fail(t, user ? "the user's bus" : "the system bus", r, NULL);
	/* also of what is asked without a word of ours about time, like a match */
	(void)sd_bus_set_method_call_timeout(t->bus, left(t));
	return 0;
}

/* ------------------------------------------------------------------- properties */

static int append_basic(sd_bus_message *m, char type, const char *text)
{
	const uint64_t u = strtoull(text, NULL, 10);
	const int64_t i = strtoll(text, NULL, 10);

	switch (type) {
	case 's':
		return sd_bus_message_append(m, "s", text);
	case 'b':
		return sd_bus_message_append(m, "b", !strcmp(text, "true"));
	case 'd':
		return sd_bus_message_append(m, "d", strtod(text, NULL));
	case 'x':
		return sd_bus_message_append(m, "x", i);
	case 't':
		return sd_bus_message_append(m, "t", u);
	case 'y':
		return u > UINT8_MAX ? -ERANGE : sd_bus_message_append(m, "y", (int)u);
	case 'q':
		return u > UINT16_MAX ? -ERANGE : sd_bus_message_append(m, "q", (int)u);
	case 'u':
		return u > UINT32_MAX ? -ERANGE : sd_bus_message_append(m, "u", (uint32_t)u);
	case 'n':
		return i != (int16_t)i ? -ERANGE : sd_bus_message_append(m, "n", (int)i);
	case 'i':
		return i != (int32_t)i ? -ERANGE : sd_bus_message_append(m, "i", (int32_t)i);
	default:
		return -EINVAL;
	}
}

/* Bits, as hexadecimal digits. */
static int append_bytes(sd_bus_message *m, const char *text)
{
	const size_t len = strlen(text) / 2;
	uint8_t *bytes;
	unsigned int byte;
	void *space;
	int r = sd_bus_message_append_array_space(m, 'y', len, &space);

	bytes = space;
	for (size_t i = 0; r >= 0 && i < len; i++) {
		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		bytes[i] = (uint8_t)byte;
	}
	return r;
}

static int append_array(sd_bus_message *m, const char *element, char **items, size_t nr)
{
	const bool pairs = !strcmp(element, "(ss)");
	int r = sd_bus_message_open_container(m, 'a', element);

	if (pairs && nr % 2)
		return -EINVAL;
	for (size_t i = 0; r >= 0 && i < nr; i += pairs ? 2 : 1)
		r = pairs ? sd_bus_message_append(m, "(ss)", items[i], items[i + 1]) :
			    append_basic(m, *element, items[i]);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_property(sd_bus_message *m, const char *name, const char *signature,
			   char **items, size_t nr)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', signature);
	if (r < 0)
		return r;
	if (!strcmp(signature, "ay") && nr == 1)
		r = append_bytes(m, items[0]);
	else if (*signature == 'a')
		r = append_array(m, signature + 1, items, nr);
	else
		r = nr == 1 && !signature[1] ? append_basic(m, *signature, items[0]) : -EINVAL;
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* All of the command line, and the process that the scope has at first; 0: none. */
static int append_properties(struct talk *t, sd_bus_message *m, pid_t pid)
{
	char number[16], *one[] = { number };
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (char **w = t->words; r >= 0 && *w;) {
		size_t nr = w[1] && w[2] ? strtoul(w[2], NULL, 10) : 0;
		char **items = w + 3;

		if (!w[1] || !w[2])
			return fail(t, *w, -EINVAL, NULL);
		for (size_t i = 0; i < nr; i++)
			if (!items[i])
				return fail(t, *w, -EINVAL, NULL);
		r = append_property(m, w[0], w[1], items, nr);
		if (r < 0)
			(void)fail(t, w[0], r, NULL);
		w = items + nr;
	}
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	if (r >= 0 && pid)
		r = append_property(m, "PIDs", "au", one, 1);
	return r < 0 ? fail(t, "properties", r, NULL) : sd_bus_message_close_container(m);
}

/* ------------------------------------------------------------------------- jobs */

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *e)
{
	struct talk *t = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)e;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	/* any of ours: the signal may come before we know the job's name */
	if (strcmp(unit, t->unit) != 0 || t->nr_jobs == JOBS_MAX)
		return 0;
	t->jobs[t->nr_jobs].path = strdup(path);
	t->jobs[t->nr_jobs].result = strdup(result);
	t->nr_jobs++;
	return 0;
}

static const char *result_of(const struct talk *t, const char *path)
{
	for (size_t i = 0; i < t->nr_jobs; i++)
		if (t->jobs[i].path && t->jobs[i].result && !strcmp(t->jobs[i].path, path))
			return t->jobs[i].result;
	return NULL;
}

/* Signals come to those only who have asked for them. */
static int listen_for_jobs(struct talk *t)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r;

	r = sd_bus_match_signal(t->bus, NULL, NULL, MANAGER_PATH, MANAGER, "JobRemoved", on_removed, t);
	if (r < 0)
		return fail(t, "the bus", r, NULL);
	r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER, "Subscribe");
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), &e, NULL);
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.AlreadySubscribed"))
		r = 0;
	if (r < 0)
		r = fail(t, "systemd", r, &e);
	sd_bus_message_unref(m);
	sd_bus_error_free(&e);
	return r;
}

/* Until job @path is over; its result, or NULL. */
static const char *await_job(struct talk *t, const char *path)
{
	const char *result;
	int r;

	while (!(result = result_of(t, path))) {
		r = sd_bus_process(t->bus, NULL);
		if (r == 0 && now_us() >= t->until)
			r = -ETIMEDOUT;
		if (r == 0)
			r = sd_bus_wait(t->bus, left(t));
		if (r < 0) {
			(void)fail(t, "waiting for systemd's job", r, NULL);
			return NULL;
		}
	}
	return result;
}

/* ------------------------------------------------------------------------ calls */

static int reset_failed(struct talk *t)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER, "ResetFailedUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", t->unit);
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), NULL, NULL);
	sd_bus_message_unref(m);
	return r;
}

/* A call that makes a job; its path in *@ret. */
static int call_start(struct talk *t, pid_t pid, char **ret, sd_bus_error *e)
{
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER,
					       "StartTransientUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", t->unit, "replace");
	if (r >= 0)
		r = append_properties(t, m, pid);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), e, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0) {
		*ret = strdup(path);
		r = *ret ? 0 : -ENOMEM;
	}
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	return r;
}

static int make_scope(struct talk *t, pid_t pid)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	const char *result;
	char *job = NULL;
	int r = call_start(t, pid, &job, &e);

	/* what is left of one that has failed is in the way until somebody has seen it */
	if (r < 0 && sd_bus_error_has_name(&e, "org.freedesktop.systemd1.UnitExists")) {
		sd_bus_error_free(&e);
		(void)reset_failed(t);
		r = call_start(t, pid, &job, &e);
	}
	if (r < 0) {
		r = fail(t, "StartTransientUnit", r, &e);
	} else {
		result = await_job(t, job);
		if (result && strcmp(result, "done") != 0) {
			(void)snprintf(t->why, sizeof(t->why), "systemd's job ended with: %.100s", result);
			r = -EIO;
		} else if (!result) {
			r = -EIO;
		}
		if (r < 0)
			(void)reset_failed(t);
	}
	sd_bus_error_free(&e);
	free(job);
	return r;
}

static int find_group(struct talk *t, char **ret)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *reply = NULL;
	const char *group = "";
	char *path = NULL;
	int r = sd_bus_path_encode(MANAGER_PATH "/unit", t->unit, &path);

	if (r >= 0)
		r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, path,
						   "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", "org.freedesktop.systemd1.Scope", "ControlGroup");
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), &e, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "v", "s", &group);
	if (r < 0 || *group != '/') {
		r = fail(t, "ControlGroup", r < 0 ? r : -ENOENT, &e);
	} else {
		*ret = strdup(group);
		r = *ret ? 0 : -ENOMEM;
	}
	sd_bus_error_free(&e);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	free(path);
	return r;
}

/* ---------------------------------------------------------------------- commands */

/* Nothing that it does touches memory that it has not touched: it may be under a limit. */
_Noreturn static void keep(void)
{
	char c;

	while (read(0, &c, 1) > 0)
		;
	_exit(0);
}

/* A unit that may come yet: told to stop, and not waited for. */
static void abandon(struct talk *t)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER, "StopUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", t->unit, "replace");
	if (r >= 0)
		r = sd_bus_message_set_expect_reply(m, 0);
	if (r >= 0)
		r = sd_bus_send(t->bus, m, NULL);
	if (r >= 0)
		(void)sd_bus_flush(t->bus);
	sd_bus_message_unref(m);
}

static int start(struct talk *t)
{
	char *group = NULL;
	int r = listen_for_jobs(t);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0)
		keep();
	if (pid < 0)
		return fail(t, "fork", -errno, NULL);
	r = make_scope(t, pid);
	if (r >= 0)
		r = find_group(t, &group);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		abandon(t);
		return r;
	}
	(void)printf("ok %s\n", group);
	(void)fflush(stdout);
	free(group);
	(void)alarm(0);
	(void)waitpid(pid, NULL, 0);
	return 1;
}

static int set(struct talk *t)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER,
					       "SetUnitProperties");

	/* for this boot */
	if (r >= 0)
		r = sd_bus_message_append(m, "sb", t->unit, 1);
	if (r >= 0)
		r = append_properties(t, m, 0);
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), &e, NULL);
	if (r < 0)
		r = fail(t, "SetUnitProperties", r, &e);
	sd_bus_error_free(&e);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

/* One that is gone is what was wanted. */
static int stop(struct talk *t)
{
	sd_bus_error e = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL, *reply = NULL;
	const char *path;
	int r = listen_for_jobs(t);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_call(t->bus, &m, SERVICE, MANAGER_PATH, MANAGER, "StopUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", t->unit, "replace");
	if (r >= 0)
		r = sd_bus_call(t->bus, m, left(t), &e, &reply);
	if (r >= 0) {
		r = sd_bus_message_read(reply, "o", &path);
		if (r >= 0)
			r = await_job(t, path) ? 0 : -EIO;
	} else if (sd_bus_error_has_name(&e, "org.freedesktop.systemd1.NoSuchUnit")) {
		r = 0;
	}
	if (r < 0)
		r = fail(t, "StopUnit", r, &e);
	else
		(void)reset_failed(t);
	sd_bus_error_free(&e);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(m);
	return r;
}

static const struct { const char *name; int (*run)(struct talk *t); } verbs[] = {
	{ "start", start }, { "set", set }, { "stop", stop },
};

int main(int argc, char **argv)
{
	const bool user = argc > 1 && !strcmp(argv[1], "--user");
	char **words = argv + (user ? 2 : 1);
	struct talk t = { .bus = NULL };
	unsigned long seconds;
	int r = -EINVAL;

	if (argc - (user ? 1 : 0) < 4) {
		(void)fprintf(stderr, "ringfence-systemd is for ringfence-oci to call\n");
		return 2;
	}
	seconds = strtoul(words[0], NULL, 10);
	t.until = now_us() + (uint64_t)seconds * 1000000;
	t.unit = words[2];
	t.words = words + 3;
	/* where sd-bus waits without a limit, as in a connect */
	(void)alarm((unsigned int)seconds + 1);
	r = meet(&t, user);
	for (size_t i = 0; r >= 0 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(words[1], verbs[i].name) != 0)
			continue;
		r = verbs[i].run(&t);
		break;
	}
	if (r == 0)
		(void)printf("ok\n");
	else if (r < 0)
		(void)printf("error %s\n", t.why[0] ? t.why : strerror(-r));
	for (size_t i = 0; i < t.nr_jobs; i++) {
		free(t.jobs[i].path);
		free(t.jobs[i].result);
	}
	sd_bus_flush_close_unref(t.bus);
	return r < 0;
}
