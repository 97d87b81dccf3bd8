/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci: an OCI runtime with the command line of runc and crun.
 *
 *	main	oci_main.c	global options, the table of commands
 *	log	oci_log.c	errors: a line for people, a log for engines
 *	state	oci_state.c	what is on disk of a container
 *	record	oci_record.c	state.json as text
 *	verdict	oci_verdict.c	what it is confined by, beside that
 *	create	oci_create.c	create, run
 *	start	oci_start.c	opening the gate
 *	exec	oci_exec.c	one more process
 *	wait	oci_wait.c	until a process has ended, with its terminal
 *	home	oci_home.c	HOME, for who has none
 *	hook	oci_hook.c	hooks
 *	listener oci_listener.c	who answers for a filter
 *	update	oci_update.c	other limits
 *	scope	oci_scope.c	systemd's scope of a container
 *	rdt	oci_rdt.c	its class of service in resctrl
 *	end	oci_end.c	kill, delete, pause, resume
 *	show	oci_show.c	state, list, ps
 *	spec	oci_spec.c	spec, features
 *	explain	oci_explain.c	the chain of a bundle
 *	events	oci_events.c	events
 *	stats	oci_stats.c	what a container uses
 */
#ifndef RF_CMD_OCI_RUNTIME_H
#define RF_CMD_OCI_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "command.h"
#include "oci_config.h"
#include "ringfence.h"

/* Global options, and what they come to. */
struct oci {
	const char	*root;		/* directory of all containers */
	const char	*log_file;
	bool		 log_json;
	bool		 systemd;	/* makes the control groups */
	bool		 no_groups;
};
extern struct oci oci;

/* ------------------------------------------------------------------------ log */

/* Can the log be written?  0 or negative with @err. */
int oci_log_check(struct rf_err *err);
/* What failed, for people and for the log; the exit status. */
int oci_fail(const struct rf_err *err);
/* The same with the name of an op. */
int oci_fail_op(const struct rf_err *err, const char *op);
/* What is no error: in the log, or without one on standard error. */
void oci_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int oci_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---------------------------------------------------------------------- state */

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };
extern const char *const oci_status_names[];

struct oci_group {
	char		*dir, *name;
};

/* A container: its directory, locked for as long as this is open. */
struct oci_container {
	char		*id;
	int		 dir;		/* -1: none */
	bool		 locked;	/* by this program */
	/* of state.json */
	char		*version, *bundle, *rootfs, *created;
	pid_t		 pid;		/* 0: not yet */
	uint64_t	 start;		/* its start time, field 22 of /proc/PID/stat */
	uid_t		 owner;
	struct oci_group groups[RF_OCI_TREES];
	size_t		 nr_groups;
	char		*config;	/* file in the bundle; NULL: config.json */
	char		*unit;		/* of systemd's, which has made the groups; or NULL */
	bool		 user_unit;	/* by the user's bus */
	char		*annotations;	/* as JSON */
	char		*hooks;		/* likewise; or NULL */
	char		*rdt;		/* class of service in resctrl; NULL: none */
	/* made for it; called by the configuration, so nobody's to remove; with a group of its own */
	bool		 rdt_made, rdt_named, rdt_monitored;
	char		*listener, *listener_metadata; /* who answers for the filter; NULL: nobody */
};
#define OCI_CONTAINER_INIT { .dir = -1 }

/* May a container be called so, as runc has it? */
bool oci_id_is_good(const char *id);
/* Make @id's directory; -EEXIST. */
int oci_state_new(struct oci_container *k, const char *id, struct rf_err *err);
/*
 * Read without a lock: for who changes nothing, and may be a hook of who has it.
 * What is not written yet is creating, if somebody is at it.
 */
int oci_state_peek(struct oci_container *k, const char *id, struct rf_err *err);
/* Lock and read; -ENOENT: there is none.  With nothing written yet, it is as good as stopped. */
int oci_state_open(struct oci_container *k, const char *id, struct rf_err *err);
int oci_state_write(const struct oci_container *k, struct rf_err *err);
/* oci_record.c: its text; 0, -EINVAL, -ENOMEM; oci_state_forget() in any case. NULL: no memory. */
int oci_state_parse(struct oci_container *k, const char *text, size_t len);
char *oci_state_print(const struct oci_container *k);
void oci_state_forget(struct oci_container *k);
/*
 * What file @name of its directory says, to be freed; NULL with errno: ENOENT, EINVAL for one
 * that is cut short, EFBIG.
 */
char *oci_state_get(const struct oci_container *k, const char *name, size_t *ret_len);
/* Have @text as file @name of its directory, whole or not at all. */
int oci_state_put(const struct oci_container *k, const char *name, const char *text,
		  struct rf_err *err);
/* Remove the directory with all that is in it. */
int oci_state_remove(struct oci_container *k, struct rf_err *err);
void oci_state_close(struct oci_container *k);
/* Of its process now, by number and start time. */
enum oci_status oci_state_status(const struct oci_container *k);
/* A pidfd of its process, or -ESRCH. */
int oci_state_pidfd(const struct oci_container *k);
/* The number of its process in the pid namespace that it is in; 0: it is gone. */
pid_t oci_state_pid_inside(const struct oci_container *k);
/* Start time of @pid, 0: there is no such process, or it is a zombie. */
uint64_t oci_start_time(pid_t pid);
/* What a task joins @k's groups by: their files, which it may not open itself.  oci_join.c */
int oci_groups_open(const struct oci_container *k, struct rf_cgroup_spec *c, struct rf_err *err);
/* Task @pid, which is of one thread, into @k's groups. */
int oci_groups_join(const struct oci_container *k, pid_t pid, struct rf_err *err);
/* The same for groups below them, each as "PATH" or "CONTROLLER,...:PATH". */
int oci_groups_open_below(const struct oci_container *k, const char *const *below, size_t nr,
			  struct rf_cgroup_spec *c, struct rf_err *err);
/* The group by which all of it is stopped and killed, or NULL. */
const char *oci_state_tracker(const struct oci_container *k);
/*
 * oci_process.c: keep @text as the configuration that the container was made with; read it.
 * Its places are those of the bundle's file.
 */
int oci_config_keep(const struct oci_container *k, const char *text, struct rf_err *err);
int oci_config_load(const struct oci_container *k, struct rf_sandbox *sb, struct rf_oci_config *c,
		    struct rf_err *err);
/* The value of one of its annotations, malloc'd; NULL: it has none of that name. */
char *oci_state_annotation(const struct oci_container *k, const char *name);
/* The JSON of runtime-spec's `state`, malloc'd. */
char *oci_state_json(const struct oci_container *k, enum oci_status status);

/* ---------------------------------------------------------------------- start */

/*
 * Open the gate of a created container; 0, or a negative errno with what the command met,
 * and *ret_op is the op that did.
 */
int oci_start(struct oci_container *k, const char **ret_op, struct rf_err *err);

/* ---------------------------------------------------------------------- hooks */

/*
 * Run the hooks of a stage, in order; the container is @status.  The first that fails is
 * the error, but for those that come when it is too late, which is only said.
 */
int oci_hooks_run(const struct oci_container *k, enum rf_oci_stage stage, enum oci_status status,
		  struct rf_err *err);

/* ---------------------------------------------------------------------- scope */

/* Who keeps a scope alive until the container is in it. */
struct oci_keeper {
	pid_t		 pid;		/* 0: none */
	int		 go;		/* a pipe: it ends with that; -1 */
};
#define OCI_KEEPER_INIT { .go = -1 }

struct rf_oci_unit;

/* Is the driver here at all? */
bool oci_scope_is_built(void);
/* Have systemd make @k->unit; *@ret_group is its control group, malloc'd. */
int oci_scope_start(const struct oci_container *k, const struct rf_oci_unit *u,
		    struct oci_keeper *keeper, char **ret_group, struct rf_err *err);
/* The container is in it, or never will be. */
void oci_scope_release(struct oci_keeper *keeper);
int oci_scope_set(const struct oci_container *k, const struct rf_oci_unit *u, struct rf_err *err);
/* One that is gone is no error. */
int oci_scope_stop(const struct oci_container *k, struct rf_err *err);
/* The text of /proc/devices, malloc'd; NULL without memory or /proc. */
char *oci_scope_devices(void);

/* ------------------------------------------------------------------------ rdt */

/* What a task of @k joins its class and its group by, for @sb; then oci_rdt_opened(). */
int oci_rdt_open(const struct oci_container *k, struct rf_sandbox *sb, struct rf_err *err);
void oci_rdt_opened(struct rf_sandbox *sb);
/* Remove what was made for @k. */
int oci_rdt_remove(const struct oci_container *k, struct rf_err *err);
/* Other schemas, a line each; NULL: as it is. */
int oci_rdt_update(const struct oci_container *k, const char *l3, const char *mb,
		   struct rf_err *err);
/* `intel_rdt` of `events`, malloc'd; NULL: no memory. */
char *oci_rdt_json(const struct oci_container *k);

/* ------------------------------------------------------------------- listener */

/* A connection to the agent of @k's filter, or a negative errno with @err. */
int oci_listener_connect(const struct oci_container *k, struct rf_err *err);
/* Hand it the descriptor @listener for process @pid of @k, which is @status; closes *@to. */
int oci_listener_send(int *to, const struct oci_container *k, pid_t pid, enum oci_status status,
		      int listener, struct rf_err *err);

/* ----------------------------------------------------------------------- home */

/* If @sb's environment has no HOME: that of its user, as the root at @path of @dir has it. */
int oci_home(struct rf_sandbox *sb, int dir, const char *path, struct rf_err *err);

/* ------------------------------------------------------------------------ end */

/* Call for each container of the root whose state can be read; without their locks. */
int oci_each(int (*visit)(void *arg, struct oci_container *k), void *arg, struct rf_err *err);
/*
 * Kill @k's process and wait up to @patience_ms until it is gone or a zombie, for whoever is
 * its parent.  -ETIMEDOUT: it is neither.
 */
int oci_end_process(const struct oci_container *k, int patience_ms);
/* Kill what is left, remove its groups and its directory: in bounded time. */
int oci_delete(struct oci_container *k, struct rf_err *err);

extern const struct command oci_cmd_create, oci_cmd_start, oci_cmd_run, oci_cmd_state, oci_cmd_exec, oci_cmd_update,
	oci_cmd_kill, oci_cmd_delete, oci_cmd_list, oci_cmd_spec, oci_cmd_features, oci_cmd_explain,
	oci_cmd_ps, oci_cmd_pause, oci_cmd_resume, oci_cmd_events, oci_cmd_checkpoint, oci_cmd_restore;
extern const struct command *const oci_commands[];

/*
 * Parse options of @cmd, which may stand among its @max words at most; with
 * COMMAND_RUNS they end at the first word.  Return: the number of words in @words, or a
 * negative errno.
 */
int oci_options(const struct command *cmd, int argc, char **argv,
		int (*take)(void *state, const struct rf_opt *opt, const char *value,
			    struct rf_err *err),
		void *state, char **words, int max, struct rf_err *err);

#endif
