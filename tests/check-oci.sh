#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Examples of config.json through the reader: each key that it takes is in one of them, each
# value of another type is refused with its path and line, and the chains are those in
# tests/oci.  RF_GOLDEN_UPDATE=1 writes them anew; look at the difference.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # functions are called by ok
. "$RF_SRCDIR/tests/tap.sh"
oci=$RF_BUILDDIR/ringfence-oci
dir=$(mktemp -d) || exit 1
# a host that has both
features=$dir/features
{ cat "$RF_SRCDIR/tests/golden/root.features" && printf 'apparmor: yes\nselinux: yes\n'; } >"$features"
trap 'rm -rf "$tap_out" "$dir"' EXIT

# What the reader takes and no example has.
has_every_key() {
	sed -n '/\.refused/d; /SET(word)/d; s/.*{ \.name = "\([A-Za-z0-9]*\)", \.read.*/\1/p; s/.*SET(\([a-z]*\)).*/\1/p' \
		"$RF_SRCDIR"/lib/oci.c "$RF_SRCDIR"/lib/oci_[adhlmnp]*.c "$RF_SRCDIR"/lib/oci_rdt.c \
		"$RF_SRCDIR"/lib/oci_resource.c |
		sort -u >"$dir/keys"
	[ "$(wc -l <"$dir/keys")" -gt 90 ] || { echo "only $(wc -l <"$dir/keys") keys are found"; return 1; }
	while read -r key; do
		grep -q "\"$key\":" "$RF_SRCDIR"/tests/oci/*.json || echo "no example has '$key'"
	done <"$dir/keys" >"$dir/missing"
	cat "$dir/missing"
	[ ! -s "$dir/missing" ]
}

# The chain of example $1, or why there is none.
is_golden() {
	cp "$1" "$dir/config.json"
	(cd "$dir" && "$oci" explain --features "$features" >got 2>&1) || echo "status $?" >>"$dir/got"
	[ -z "$RF_GOLDEN_UPDATE" ] || cp "$dir/got" "${1%.json}.chain"
	diff -u "${1%.json}.chain" "$dir/got"
}

json_is_the_same() {
	cp "$RF_SRCDIR/tests/oci/everything.json" "$dir/config.json"
	(cd "$dir" && "$oci" explain --json --features "$features") |
		python3 -c 'import json, sys; v = json.load(sys.stdin); print(len(v["ops"]), len(v["receipt"]))' |
		grep -qx "$(grep -c '^ *[0-9]' "$RF_SRCDIR/tests/oci/everything.chain") 17"
}

refused() {
	python3 "$RF_SRCDIR/tests/oci/agree.py" "$oci" "$features" "$RF_SRCDIR"/tests/oci/*.json
}

# The schemas of the specification itself, of the version that the package has.
schemas=/usr/share/gocode/src/github.com/opencontainers/runtime-spec/schema
conforms() {
	rm -f "$dir/config.json"
	"$oci" spec -b "$dir" && mv "$dir/config.json" "$dir/root.json" &&
		"$oci" spec --rootless -b "$dir" &&
		python3 "$RF_SRCDIR/tests/oci/conforms.py" $schemas config-schema.json "$dir/root.json" \
			"$dir/config.json" "$RF_SRCDIR/tests/oci/minimal.json" "$RF_SRCDIR/tests/oci/tightened.json"
}
# Place, document.
wrong='ociVersion {"ociVersion": 1, "root": {"path": "x"}}
root {"ociVersion": "1.0.2", "root": "x"}
process.args {"ociVersion": "1.0.2", "root": {"path": "x"}, "process": {"cwd": "/", "args": "sh"}}
mounts[0] {"ociVersion": "1.0.2", "root": {"path": "x"}, "mounts": [{"type": "proc"}]}
linux.namespaces[0] {"ociVersion": "1.0.2", "root": {"path": "x"}, "linux": {"namespaces": [{"path": "/x"}]}}
linux.resources.hugepageLimits[0] {"ociVersion": "1.0.2", "root": {"path": "x"}, "linux": {"resources": {"hugepageLimits": [{"pageSize": "2MB"}]}}}
linux.resources.rdma."mlx5_1".hcaHandles {"ociVersion": "1.0.2", "root": {"path": "x"}, "linux": {"resources": {"rdma": {"mlx5_1": {"hcaHandles": "2"}}}}}'
refuses_what_does_not() {
	echo "$wrong" | while read -r place document; do
		echo "$document" >"$dir/config.json"
		! python3 "$RF_SRCDIR/tests/oci/conforms.py" $schemas config-schema.json "$dir/config.json" &&
			! (cd "$dir" && "$oci" explain --features "$features" 2>got) && cat "$dir/got" &&
			grep -qF "$place" "$dir/got" || exit 1
	done
}

ok "there is an example of each key" has_every_key
for example in "$RF_SRCDIR"/tests/oci/*.json; do
	ok "the chain of $(basename "$example")" is_golden "$example"
done
ok "explain --json has the same ops" json_is_the_same
ok "a value of another type is refused, with its path and its line" refused
if [ -d $schemas ] && python3 -c 'import jsonschema' 2>/dev/null; then
	ok "what spec writes, and the examples, conform to the specification's schema" conforms
	ok "what does not is refused by the schema and by the reader" refuses_what_does_not
else
	skip "the specification's schema" runtime-spec "needs golang-github-opencontainers-specs-dev and python3-jsonschema"
fi
done_testing
