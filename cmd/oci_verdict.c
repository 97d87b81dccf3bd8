/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ROOT/ID/verdict.json: which layers of confinement a container has, for as long as there
 * is a container.
 *
 * `create` knows what became of the ops up to the gate, and that the rest all have to
 * succeed or nothing runs: so it can say what is `planned`, and lists what is still to be
 * done, with the places.  `start` learns whether that came true: then it is the `receipt`.
 */
#include "oci_verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chain.h"
#include "error.h"
#include "receipt.h"
#include "trace.h"
#include "verdict.h"

#define FILE_NAME "verdict.json"

/* Text that may be no UTF-8, or null. */
static json_t *text_or_null(const char *text)
{
	return text && *text ? json_stringn_nocheck(text, strlen(text)) : json_null();
}

/* ------------------------------------------------------------------- created */

/* What the ops behind the gate are going to be: 0, for a failure is no container. */
static json_t *planned(const struct oci_made *m)
{
	const uint32_t nr = m->chain->nr_ops;
	int32_t *results = malloc(nr * sizeof(*results));
	struct rf_receipt *receipt = NULL;
	char *text = NULL;
	json_error_t e;
	json_t *list;

	for (uint32_t i = 0; results && i < nr; i++)
		if (rf_context_op(m->ctx, (int)i, &results[i]) != 1)
			results[i] = i > m->gate ? 0 : RF_RESULT_NONE;
	if (results)
		receipt = rf_receipt_new(m->sb, m->f, m->chain, results);
	if (receipt)
		text = rf_receipt_json(receipt);
	list = text ? json_loads(text, 0, &e) : NULL;
	free(text);
	free(results);
	rf_receipt_free(receipt);
	return list;
}

static json_t *op_of(const struct oci_made *m, uint32_t i)
{
	char words[400], *text;
	struct rf_op_row row = {
		.index = (int)i, .op = rf_chain_op_name(m->chain, (int)i), .text = words,
		.place = op_place(m->chain, (int)i),
		.hard = m->chain->ops[i].flags & RF_OP_F_HARD,
	};
	json_error_t e;
	json_t *j;

	(void)rf_op_print(m->chain, &m->chain->ops[i], words, sizeof(words));
	text = rf_op_row_json(&row);
	j = text ? json_loads(text, 0, &e) : NULL;
	free(text);
	return j;
}

static json_t *ops_left(const struct oci_made *m)
{
	json_t *list = json_array();

	for (uint32_t i = m->gate + 1; list && i < m->chain->nr_ops; i++)
		if (json_array_append_new(list, op_of(m, i)) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static int put(const struct oci_container *k, json_t *root, struct rf_err *err)
{
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	int r = text ? oci_state_put(k, FILE_NAME, text, err) : rf_err_set(err, ENOMEM, FILE_NAME);

	free(text);
	return r;
}

int oci_verdict_created(const struct oci_container *k, const struct oci_made *m,
			struct rf_err *err)
{
	char *fragment = oci_state_annotation(k, RF_OCI_FRAGMENT);
	json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:o, s:n, s:n, s:o, s:n, s:o}",
				 "version", 1, "id", k->id, "created", k->created, "status", "created",
				 "fragment", text_or_null(fragment), "exit_status", "error",
				 "planned", planned(m), "receipt", "ops", ops_left(m));
	int r = put(k, root, err);

	free(fragment);
	json_decref(root);
	return r;
}

/* ------------------------------------------------------------------- afterwards */

/* NULL: it was killed before it could write one. */
static json_t *get(const struct oci_container *k)
{
	size_t len;
	char *text = oci_state_get(k, FILE_NAME, &len);
	json_error_t e;
	json_t *root = text ? json_loadb(text, len, 0, &e) : NULL;

	free(text);
	return json_is_object(root) ? root : NULL;
}

int oci_verdict_started(const struct oci_container *k, struct rf_err *err)
{
	json_t *root = get(k);
	int r;

	if (!root)
		return 0;
	r = json_object_set_new(root, "status", json_string("started"));
	r |= json_object_set(root, "receipt", json_object_get(root, "planned"));
	r |= json_object_del(root, "planned");
	r |= json_object_del(root, "ops");
	r = r < 0 ? rf_err_set(err, ENOMEM, FILE_NAME) : put(k, root, err);
	json_decref(root);
	return r;
}

/* Where in its configuration op @index comes from. */
static void find_place(const json_t *root, uint32_t index, struct rf_err *err)
{
	const json_t *op, *place, *ops = json_object_get(root, "ops");
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)ops, i, op) {
		const char *file;

		if (json_integer_value(json_object_get(op, "index")) != (json_int_t)index)
			continue;
		place = json_object_get(op, "place");
		file = json_string_value(json_object_get(place, "file"));
		if (!file || err->file[0])
			return;
		(void)strncpy(err->file, file, sizeof(err->file) - 1);
		err->line = (unsigned int)json_integer_value(json_object_get(place, "line"));
		err->col = (unsigned int)json_integer_value(json_object_get(place, "col"));
	}
}

void oci_verdict_failed(const struct oci_container *k, uint32_t index, const char *op,
			struct rf_err *err)
{
	json_t *root = get(k), *error;
	struct rf_err ignored = RF_ERR_INIT;

	if (!root)
		return;
	find_place(root, index, err);
	error = json_pack("{s:o, s:o, s:i, s:i, s:s, s:o, s:o}", "op", text_or_null(op), "file",
			  text_or_null(err->file), "line", (int)err->line, "col", (int)err->col,
			  "message", err->msg, "errno", text_or_null(strerrorname_np(err->code)), "hint",
			  text_or_null(err->hint));
	(void)json_object_set_new(root, "status", json_string("failed"));
	(void)json_object_set_new(root, "error", error);
	(void)json_object_del(root, "planned");
	(void)json_object_del(root, "ops");
	/* the error itself is said in any case */
	(void)put(k, root, &ignored);
	json_decref(root);
}

void oci_verdict_ended(const struct oci_container *k, int status)
{
	json_t *root = get(k);
	struct rf_err ignored = RF_ERR_INIT;

	if (!root)
		return;
	(void)json_object_set_new(root, "status", json_string("ended"));
	(void)json_object_set_new(root, "exit_status", json_integer(status));
	(void)put(k, root, &ignored);
	json_decref(root);
}
