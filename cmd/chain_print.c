/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chain_print.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "layers.h"
#include "receipt.h"
#include "report.h"
#include "verdict.h"

static int print_ops(const struct load *load, enum trace_format format, struct rf_err *err)
{
	int nr = rf_chain_nr(load->chain);

	if (format == TRACE_JSON)
		out("{\"version\":1,\"ops\":[\n");
	for (int i = 0; i < nr; i++) {
		char *line = op_line(load->chain, i, format, NULL);

		if (!line)
			return rf_err_set(err, ENOMEM, "printing the chain");
		out("%s%s", line, format != TRACE_JSON ? "" : i + 1 < nr ? ",\n" : "\n");
		free(line);
	}
	return 0;
}

static int print_layers(const struct load *load, enum trace_format format, struct rf_err *err)
{
	struct rf_receipt *receipt = layers_of(load, NULL);
	char *json = NULL;

	if (receipt && format == TRACE_JSON)
		json = rf_receipt_json(receipt);
	else if (receipt)
		layers_print(receipt);
	if (json)
		out("],\"receipt\":%s}\n", json);
	free(json);
	rf_receipt_free(receipt);
	if (!receipt || (format == TRACE_JSON && !json))
		return rf_err_set(err, ENOMEM, "printing the layers");
	return 0;
}

int chain_print(const struct load *load, enum trace_format format, struct rf_err *err)
{
	int r = print_ops(load, format, err);

	return r < 0 ? r : print_layers(load, format, err);
}
