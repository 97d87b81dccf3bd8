/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ringfence-oci start: opens the gate at which a container's process waits, and sees
 * what becomes of it.
 *
 * The process hands over the file of its launch area, in which it writes how each op
 * goes.  It closes the connection by its exec, or by its end; then the records say
 * which, also where a filter would not have let it send a word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "oci_runtime.h"
#include "oci_gate.h"
#include "oci_verdict.h"
#include "report.h"
#include "ring.h"

#define PATIENCE_MS 2000	/* for the end of what does not go on */

/* The area of a process that is parked. */
struct parked {
	struct rf_area	*area;
	size_t		 size;
	uint32_t	 gate;		/* op at which it is parked */
	int		 conn;
	int		 agent;		/* connection to who answers for its filter; -1 */
};

/* ---------------------------------------------------------------- connecting */

/* By a short name, from the directory: the whole path may be too long for a socket. */
static int at_gate(int dir, int fd, int (*call)(int fd, const struct sockaddr *a, socklen_t len))
{
	const struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = OCI_GATE };
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (here < 0)
		return -errno;
	if (fchdir(dir) < 0 || call(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		r = -errno;
	if (fchdir(here) < 0 && r == 0)
		r = -errno;
	(void)close(here);
	return r;
}

int oci_gate_listen(int dir)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = at_gate(dir, fd, bind);
	if (r == 0 && listen(fd, 4) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

/* All that is looked at is inside the mapping. */
static bool is_sound(const struct parked *p)
{
	const struct rf_area *a = p->area;
	const uint64_t nr = a->nr_ops;

	return p->size > sizeof(*a) && a->size <= p->size && nr && nr <= RF_OPS_MAX &&
	       a->off_records + nr * sizeof(struct rf_record) <= p->size &&
	       a->off_ops + nr * sizeof(struct rf_op) <= p->size &&
	       (uint64_t)a->off_data + a->data_len <= p->size && p->gate < nr &&
	       a->off_ops % 8 == 0 && a->off_records % 8 == 0 && a->data_len &&
	       !((const char *)a + a->off_data)[a->data_len - 1];
}

static int map_area(struct parked *p, int fd)
{
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -EPROTO;
	p->size = (size_t)st.st_size;
	map = mmap(NULL, p->size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	p->area = map;
	return is_sound(p) ? 0 : -EPROTO;
}

static int meet(struct oci_container *k, struct parked *p)
{
	struct rf_report rep;
	int fd = -1, r;

	p->conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (p->conn < 0)
		return -errno;
	r = at_gate(k->dir, p->conn, connect);
	if (r == 0)
		r = rf_report_receive(p->conn, 0, &rep, &fd);
	if (r == 1 && rep.what == RF_REPORT_GATE) {
		p->gate = rep.index;
		r = map_area(p, fd);
	} else if (r >= 0) {
		r = -ESRCH;
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* ------------------------------------------------------------------- judging */

static const struct rf_record *record(const struct parked *p, uint32_t i)
{
	return (const struct rf_record *)(const void *)((const char *)p->area +
							p->area->off_records) + i;
}

static const struct rf_op *op_at(const struct parked *p, uint32_t i)
{
	return (const struct rf_op *)(const void *)((const char *)p->area + p->area->off_ops) + i;
}

static const char *op_name(const struct parked *p, uint32_t i)
{
	return op_at(p, i)->kind < RF_OP_NR ? rf_op_defs[op_at(p, i)->kind].name : "start";
}

static bool has_landlock(const struct parked *p)
{
	for (uint32_t i = p->gate + 1; i < p->area->nr_ops; i++)
		if (op_at(p, i)->kind == RF_OP_LANDLOCK)
			return true;
	return false;
}

/* `create` has seen the command where it is: so what is wrong is about the file. */
static void exec_hint(const struct parked *p, int error, struct rf_err *err)
{
	if (error == ENOENT)
		rf_err_hint(err, "the file is there; the interpreter or loader that it names is not");
	else if (error == ENOEXEC)
		rf_err_hint(err, "no program for this machine, and no #! in its first line");
	else if (error == EACCES && has_landlock(p))
		rf_err_hint(err, "the interpreter of a script is for `landlock: {exec: [...]}` to name");
}

static int failed(const struct parked *p, uint32_t i, int error, struct rf_err *err)
{
	/* a chain of what the area holds, for its words */
	struct rf_chain c = {
		.ops = (struct rf_op *)(uintptr_t)op_at(p, 0), .nr_ops = p->area->nr_ops,
		.data = (char *)(uintptr_t)((const char *)p->area + p->area->off_data),
		.data_len = p->area->data_len,
	};
	const struct rf_op *op = op_at(p, i);
	char text[256];

	if (op->kind >= RF_OP_NR)
		return rf_err_set(err, EPROTO, "the container's records");
	if (op->kind == RF_OP_EXEC && op->u.exec.path < c.data_len) {
		rf_err_set(err, error, "exec %s", c.data + op->u.exec.path);
		exec_hint(p, error, err);
		return -error;
	}
	(void)rf_op_print(&c, op, text, sizeof(text));
	return rf_err_set(err, error, "%s", text);
}

/* *@ret_index: of the op that failed. */
static int judge(const struct oci_container *k, const struct parked *p, uint32_t *ret_index,
		 struct rf_err *err)
{
	for (uint32_t i = p->gate + 1; i < p->area->nr_ops; i++) {
		const struct rf_record *rec = record(p, i);

		*ret_index = i;
		if (rec->state == RF_REC_DONE) {
			if (rec->result < 0 && rec->result != -ECANCELED &&
			    !rf_op_may_fail(op_at(p, i), rec->result))
				return failed(p, i, -rec->result, err);
			continue;
		}
		if (rec->state == RF_REC_BEGUN && op_at(p, i)->kind == RF_OP_EXEC &&
		    rf_task_has_execed(k->pid) != 0)
			return 0;
		return failed(p, i, EINTR, err);
	}
	return rf_err_set(err, EPROTO, "the container's process has ended");
}

static bool is_listener(const struct parked *p, const struct rf_report *rep)
{
	return rep->what == RF_REPORT_FD && rep->index < p->area->nr_ops &&
	       rf_op_sends_listener(op_at(p, 0), rep->index);
}

/* Until its exec, or its end. */
static int await_end(const struct oci_container *k, struct parked *p, struct rf_err *err)
{
	struct rf_report rep;
	int fd, r, sent = 0;

	do {
		r = rf_report_receive(p->conn, 0, &rep, &fd);
		if (r == 1 && fd >= 0 && p->agent >= 0 && is_listener(p, &rep))
			sent = oci_listener_send(&p->agent, k, k->pid, OCI_CREATED, fd, err);
		if (fd >= 0)
			(void)close(fd);
		if (sent < 0)	/* nobody can answer for it */
			(void)oci_end_process(k, PATIENCE_MS);
	} while (r == 1 && sent == 0);
	return sent;
}

/* A filter that asks, and the agent that it asks. */
static int meet_agent(const struct oci_container *k, struct parked *p, struct rf_err *err)
{
	for (uint32_t i = p->gate + 1; k->listener && i < p->area->nr_ops; i++) {
		if (!rf_op_sends_listener(op_at(p, 0), i))
			continue;
		p->agent = oci_listener_connect(k, err);
		return p->agent < 0 ? p->agent : 0;
	}
	return 0;
}

static int open_gate(struct oci_container *k, struct parked *p, const char **ret_op,
		     struct rf_err *err)
{
	struct rf_report go = { .what = RF_REPORT_GO };
	uint32_t index = 0;
	int r = meet(k, p);

	if (r < 0)
		return rf_err_set(err, -r, "the gate of container %s", k->id);
	r = meet_agent(k, p, err);
	if (r < 0) {
		*ret_op = "seccomp";
		return r;
	}
	go.index = p->gate;
	if (send(p->conn, &go, sizeof(go), MSG_NOSIGNAL) != sizeof(go))
		return rf_err_set(err, errno, "the gate of container %s", k->id);
	r = await_end(k, p, err);
	if (r < 0)
		index = p->gate + 1;
	else
		r = judge(k, p, &index, err);
	(void)unlinkat(k->dir, OCI_GATE, 0);
	if (r == 0)
		return oci_verdict_started(k, err);
	*ret_op = op_name(p, index);
	oci_verdict_failed(k, index, *ret_op, err);
	return r;
}

int oci_start(struct oci_container *k, const char **ret_op, struct rf_err *err)
{
	struct parked p = { .conn = -1, .agent = -1 };
	int r;

	*ret_op = "hook";
	r = oci_hooks_run(k, RF_OCI_START_CONTAINER, OCI_CREATED, err);
	if (r < 0) {
		(void)oci_end_process(k, PATIENCE_MS);
		oci_verdict_failed(k, 0, *ret_op, err);
		return r;
	}
	*ret_op = "gate";
	r = open_gate(k, &p, ret_op, err);
	if (r == 0) {
		*ret_op = "hook";
		r = oci_hooks_run(k, RF_OCI_POSTSTART, OCI_RUNNING, err);
	}
	if (p.area)
		(void)munmap(p.area, p.size);
	if (p.conn >= 0)
		(void)close(p.conn);
	if (p.agent >= 0)
		(void)close(p.agent);
	return r;
}

/* ---------------------------------------------------------------- the command */

static const struct rf_opt start_opts[] = { { .name = NULL } };

static int start_main(int argc, char **argv)
{
	struct oci_container k = OCI_CONTAINER_INIT;
	struct rf_err err = RF_ERR_INIT;
	enum oci_status status;
	const char *op = NULL;
	char *words[1];
	int r = oci_options(&oci_cmd_start, argc, argv, NULL, NULL, words, 1, &err);

	if (r == 0)
		return oci_usage("start: no container ID");
	if (r > 0)
		r = oci_state_open(&k, words[0], &err);
	if (r == 0) {
		status = oci_state_status(&k);
		if (status == OCI_STOPPED)
			r = rf_err_set(&err, EINVAL, "cannot start a container that has stopped");
		else if (status == OCI_PAUSED)
			r = rf_err_set(&err, EINVAL, "cannot start a container that is paused");
		else if (status != OCI_CREATED)
			r = rf_err_set(&err, EINVAL, "cannot start an already running container");
	}
	if (r == 0)
		r = oci_start(&k, &op, &err);
	oci_state_close(&k);
	return r < 0 ? oci_fail_op(&err, op) : 0;
}

const struct command oci_cmd_start = {
	.name = "start", .args = "<container-id>", .opts = start_opts, .main = start_main,
	.help = "run the command of a created container",
};
