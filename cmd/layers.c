/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "layers.h"

#include <stdlib.h>

#include "receipt.h"
#include "report.h"

struct rf_receipt *layers_of(const struct load *load, const struct rf_context *ctx)
{
	struct rf_receipt *receipt;
	int32_t *results = NULL;
	int nr = rf_chain_nr(load->chain);

	if (ctx) {
		results = malloc((size_t)nr * sizeof(*results));
		if (!results)
			return NULL;
	}
	for (int i = 0; results && i < nr; i++)
		if (rf_context_op(ctx, i, &results[i]) != 1)
			results[i] = RF_RESULT_NONE;
	receipt = rf_receipt_new(load->sb, &load->features, load->chain, results);
	free(results);
	return receipt;
}

static void print_facts(const struct rf_layer_state *l)
{
	char name[4096], value[4096];

	for (size_t i = 0; i < l->nr_facts; i++) {
		text_escape(l->facts[i].name, name, sizeof(name));
		text_escape(l->facts[i].value, value, sizeof(value));
		out(" %s=%s%s", name, value, i + 1 < l->nr_facts ? "," : "");
	}
}

void layers_print(const struct rf_receipt *receipt)
{
	char why[1024];

	out("layers:\n");
	for (int i = 0; i < RF_LAYER_NR; i++) {
		const struct rf_layer_state *l = &receipt->layers[i];

		out("  %-17s  %s", rf_layer_defs[i].name, l->in_force ? "in force" : "absent  ");
		print_facts(l);
		if (!l->in_force) {
			text_escape(l->why_not, why, sizeof(why));
			out("%s %s; %s", l->nr_facts ? ";" : "", why, rf_layer_defs[i].without);
		}
		out("\n");
	}
}
