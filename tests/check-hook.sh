#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The JSON Schema of fragments and the reader of `ringfence hook` agree, and schema
# and ringfence-hook(8) have every key that the reader has.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # functions are called by ok
. "$RF_SRCDIR/tests/tap.sh"
schema=$RF_SRCDIR/docs/ringfence-hook.schema.json
page=$RF_SRCDIR/man/ringfence-hook.8

keys() {
	sed -n 's/.*{ \.name = "\([a-z_]*\)",.*/\1/p' "$RF_SRCDIR"/lib/hook_*.c | sort -u
}

schema_has_keys() {
	keys | while read -r key; do
		grep -q "\"$key\": {" "$schema" || { echo "no property '$key'"; return 1; }
	done
}

page_has_keys() {
	keys | while read -r key; do
		grep -E '^\.(It )?Ic' "$page" | grep -qw "$key" || { echo "no entry for '$key'"; return 1; }
	done
}

agree() {
	python3 "$RF_SRCDIR/tests/schema/agree.py" "$schema" "$RINGFENCE" \
		"$RF_SRCDIR/tests/schema/hook-cases" "$RF_SRCDIR"/tests/fuzz/fuzz_hook.seeds/*.yaml
}

ok "the schema has every key of the reader" schema_has_keys
ok "the page has every key of the reader" page_has_keys
if python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	ok "schema and reader agree" agree
else
	skip "schema and reader agree" jsonschema "needs python3-jsonschema and python3-yaml"
fi
done_testing
