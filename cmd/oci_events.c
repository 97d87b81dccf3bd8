/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci events: what a container uses, every so often, and each time that the
 * kernel has killed for want of memory; until its process has ended.
 *
 * Of version 1 the kernel tells an eventfd, of version 2 it changes memory.events.  Either
 * comes before the process is gone, so that is asked last.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "error.h"
#include "oci_runtime.h"
#include "oci_stats.h"
#include "report.h"

enum { OPT_INTERVAL, OPT_STATS };

static const struct rf_opt events_opts[] = {
	{ .name = "interval", .arg = "DURATION", .id = OPT_INTERVAL,
	  .help = "time between two reports; 5s by default" },
	{ .name = "stats", .id = OPT_STATS, .help = "one report, and no more" },
	{ .name = NULL }
};

struct events {
	int64_t		 interval_ms;
	bool		 stats;

	struct oci_container k;
	const char	*memory;	/* directory of the group that has the limit */
	int		 pidfd, oom;	/* eventfd or inotify; -1 */
	bool		 v2;
	int64_t		 kills;		/* that have been told */
	int64_t		 pending;	/* version 1 has told us, and counts a moment later; 0: no */
};

/* As Go has them: "5s", "1m30s", "1.5h", "250ms". */
static int64_t duration_ms(const char *text)
{
	static const struct { const char *name; double ms; } units[] = {
		{ "ns", 1e-6 }, { "us", 1e-3 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 },
	};
	double sum = 0;

	if (!*text)
		return -1;
	while (*text) {
		size_t digits = strspn(text, "0123456789."), len, i;
		char number[32];

		len = strspn(text + digits, "abcdefghijklmnopqrstuvwxyz");
		if (!digits || digits >= sizeof(number))
			return -1;
		(void)snprintf(number, sizeof(number), "%.*s", (int)digits, text);
		if (strchr(number, '.') != strrchr(number, '.'))
			return -1;
		for (i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (strlen(units[i].name) == len && !memcmp(units[i].name, text + digits, len))
				break;
		if (i == sizeof(units) / sizeof(*units))
			return -1;
		sum += strtod(number, NULL) * units[i].ms;
		text += digits + len;
	}
	if (sum <= 0 || sum > INT32_MAX)
		return -1;
	return sum < 1 ? 1 : (int64_t)sum;
}

static int take(void *state, const struct rf_opt *opt, const char *value, struct rf_err *err)
{
	struct events *e = state;

	if (opt->id == OPT_STATS) {
		e->stats = true;
		return 0;
	}
	e->interval_ms = duration_ms(value);
	return e->interval_ms < 0 ? rf_err_set(err, EINVAL, "--interval: '%.40s' is no duration "
					       "like 5s or 1m30s", value) : 0;
}

/* --------------------------------------------------------------------- printing */

/* At once: who reads waits for the line. */
static int print(const struct events *e, const char *type, const char *data, struct rf_err *err)
{
	char *line;
	int n = asprintf(&line, "{\"type\":\"%s\",\"id\":\"%s\"%s%s}\n", type, e->k.id,
			 data ? ",\"data\":" : "", data ? data : "");
	int r;

	if (n < 0)
		return rf_err_set(err, ENOMEM, "events");
	r = write_all(STDOUT_FILENO, line, (size_t)n);
	free(line);
	return r < 0 ? rf_err_set(err, -r, "standard output") : 0;
}

static int print_stats(const struct events *e, struct rf_err *err)
{
	char *data = oci_stats_json(&e->k);
	int r = data ? print(e, "stats", data, err) : rf_err_set(err, ENOMEM, "events");

	free(data);
	return r;
}

/* ---------------------------------------------------------------- out of memory */

static int64_t count_kills(const struct events *e)
{
	char text[512];

	if (rf_cgroup_read(e->memory, e->v2 ? "memory.events" : "memory.oom_control", text,
			   sizeof(text)) <= 0)
		return -1;
	/* where nobody is killed, whoever waits for memory is what there is to tell */
	if (!e->v2 && rf_cgroup_field(text, "oom_kill_disable") == 1)
		return e->kills + rf_cgroup_field(text, "under_oom");
	return rf_cgroup_field(text, "oom_kill");
}

static int watch_v1(struct events *e)
{
	char path[4400], words[40];
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s/memory.oom_control", e->memory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	e->oom = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)snprintf(words, sizeof(words), "%d %d", e->oom, fd);
	r = e->oom < 0 ? -errno : rf_cgroup_write(e->memory, "cgroup.event_control", words);
	(void)close(fd);
	if (r == 0)
		e->kills = count_kills(e);
	return r;
}

static int watch_v2(struct events *e)
{
	char path[4400];

	e->oom = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	(void)snprintf(path, sizeof(path), "%s/memory.events", e->memory);
	if (e->oom < 0 || inotify_add_watch(e->oom, path, IN_MODIFY) < 0)
		return -errno;
	e->kills = count_kills(e);
	return e->kills < 0 ? -ENOENT : 0;
}

static int watch(struct events *e, struct rf_err *err)
{
	int r;

	e->memory = oci_group_of(&e->k, "memory");
	if (!e->memory)
		return rf_err_set(err, EOPNOTSUPP, "events: container %s has no group that counts memory; "
				  "--stats needs none", e->k.id);
	for (size_t i = 0; i < e->k.nr_groups; i++)
		e->v2 |= e->memory == e->k.groups[i].dir && !*e->k.groups[i].name;
	r = e->v2 ? watch_v2(e) : watch_v1(e);
	return r < 0 ? rf_err_set(err, -r, "events: %s", e->memory) : 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What has come since; a group that is gone tells so too, and that is no kill. */
static int take_oom(struct events *e, struct rf_err *err)
{
	char buf[4096];
	bool told = false;
	int64_t kills;

	while (read(e->oom, buf, sizeof(buf)) > 0)
		told = true;
	if (told)
		e->pending = now_ms() + 1000;
	else if (!e->pending && !e->v2)
		return 0;
	kills = count_kills(e);
	if (kills <= e->kills) {
		if (now_ms() > e->pending)
			e->pending = 0;
		return 0;
	}
	e->kills = kills;
	e->pending = 0;
	return print(e, "oom", NULL, err);
}

/* ------------------------------------------------------------------- until its end */

static int follow(struct events *e, struct rf_err *err)
{
	struct pollfd p[2] = { { .fd = e->pidfd, .events = POLLIN }, { .fd = e->oom, .events = POLLIN } };
	int64_t next = now_ms() + e->interval_ms;
	int r = 0;

	while (r == 0) {
		int64_t left = next - now_ms();

		if (left <= 0) {
			r = print_stats(e, err);
			next = now_ms() + e->interval_ms;
			continue;
		}
		if (e->pending && left > 10)
			left = 10;
		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return rf_err_set(err, errno, "events: poll");
		r = take_oom(e, err);
		if (r == 0 && p[0].revents)
			return 0;
	}
	return r;
}

static int events_main(int argc, char **argv)
{
	struct events e = { .interval_ms = 5000, .k = OCI_CONTAINER_INIT, .pidfd = -1, .oom = -1 };
	struct rf_err err = RF_ERR_INIT;
	char *words[1];
	int r = oci_options(&oci_cmd_events, argc, argv, take, &e, words, 1, &err);

	if (r == 0)
		return oci_usage("events: no container ID");
	if (r > 0)
		r = oci_state_peek(&e.k, words[0], &err);
	if (r == 0) {
		e.pidfd = oci_state_pidfd(&e.k);
		if (e.pidfd < 0)
			r = rf_err_set(&err, EINVAL, "container %s is not running", e.k.id);
	}
	if (r == 0 && e.stats)
		r = print_stats(&e, &err);
	else if (r == 0 && (r = watch(&e, &err)) == 0)
		r = follow(&e, &err);
	if (e.pidfd >= 0)
		(void)close(e.pidfd);
	if (e.oom >= 0)
		(void)close(e.oom);
	oci_state_close(&e.k);
	return r < 0 ? oci_fail(&err) : 0;
}

const struct command oci_cmd_events = {
	.name = "events", .args = "[option...] <container-id>", .opts = events_opts,
	.help = "print what a container uses, and when it has run out of memory", .main = events_main,
};
