#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The JSON Schema and the reader agree on good and bad specs, on examples and
# presets, and the schema knows every key that the reader knows.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # functions are called by ok
. "$RF_SRCDIR/tests/tap.sh"
schema=$RF_SRCDIR/docs/ringfence-spec.schema.json

# Keys in the readers' tables that the schema has no property for.
known_keys() {
	sed -n 's/.*{ \.name = "\([a-z_0-9]*\)",.*/\1/p' "$RF_SRCDIR"/lib/spec_[a-np-z]*.c | sort -u |
	while read -r key; do
		grep -q "\"$key\": {" "$schema" || { echo "no property '$key'"; return 1; }
	done
}

agree() {
	python3 "$RF_SRCDIR/tests/schema/agree.py" "$schema" "$RINGFENCE" \
		"$RF_SRCDIR/tests/schema/cases" "$RF_SRCDIR"/examples/*.yaml \
		"$RF_SRCDIR"/tests/fuzz/fuzz_spec.seeds/*
}

ok "the schema has every key of the reader" known_keys
if python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	ok "schema and reader agree" agree
else
	skip "schema and reader agree" jsonschema "needs python3-jsonschema and python3-yaml"
fi
done_testing
