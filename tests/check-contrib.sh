#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The files for engines: each is of the format that the engine reads, names programs
# where `make install` puts them, and can be found in docs/engines.md.
# shellcheck source=tests/tap.sh
# shellcheck disable=SC2317 # functions are called by ok
. "$RF_SRCDIR/tests/tap.sh"
bindir=$(sed -n 's/^prefix=//p' "$RF_BUILDDIR/lib/libringfence.pc")/bin
built=$RF_BUILDDIR/contrib
json='import json, sys; d = json.load(open(sys.argv[1]))'
toml='import tomllib, sys; d = tomllib.load(open(sys.argv[1], "rb"))'
yaml='import yaml, sys; d = yaml.safe_load(open(sys.argv[1]))'

# has FILE HOW EXPRESSION: python's, of `d`, is true; `bin` is bindir
has() {
	python3 -c "$2
bin = sys.argv[2]
sys.exit(not ($3))" "$1" "$bindir"
}

containerd() {
	has "$built/containerd/ringfence.toml" "$toml" 'd["version"] == 2 and
		d["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]["ringfence"] == {
			"runtime_type": "io.containerd.runc.v2",
			"options": {"BinaryName": bin + "/ringfence-oci"}}'
}

docker() {
	has "$built/docker/daemon.json" "$json" \
		'd == {"runtimes": {"ringfence": {"path": bin + "/ringfence-oci"}}}'
}

podman() {
	has "$built/podman/ringfence.conf" "$toml" \
		'd["engine"]["runtimes"] == {"ringfence-oci": [bin + "/ringfence-oci"]} and
			"ringfence-oci" in d["engine"]["runtime_supports_json"]'
}

# What `ringfence hook` prints for it, but for the places.
podman_hook() {
	fragment=$(mktemp) && echo 'sysctl: {net.ipv4.ip_forward: 0}' >"$fragment" || return
	"$RINGFENCE" hook --print-hooks-d --annotation 'org.ringfence.hook=^yes$' createRuntime \
		"$fragment" >"$fragment.json"
	sed "s|\"[^\"]*/ringfence\"|\"$bindir/ringfence\"|; s|\"$fragment\"|\"/etc/ringfence/hook.yaml\"|" \
		"$fragment.json" | diff - "$built/podman/ringfence-hook.json"
	result=$?
	rm -f "$fragment" "$fragment.json"
	return $result
}

kubernetes() {
	has "$RF_SRCDIR/contrib/kubernetes/runtimeclass.yaml" "$yaml" \
		'd["kind"] == "RuntimeClass" and d["handler"] == d["metadata"]["name"] == "ringfence"'
}

# Each line a comment or Key="value", and all keys that Slurm asks for.
slurm() {
	! grep -vE "^(#.*|RunTime[A-Z][a-z]+=\"exec $bindir/ringfence-oci [^\"]*\")?\$" \
		"$built/slurm/oci.conf" &&
		[ "$(sed -n 's/^RunTime\([a-zA-Z]*\)=.*/\1/p' "$built/slurm/oci.conf" | sort | xargs)" = \
			"Delete Kill Query Run" ]
}

are_told_of() {
	(cd "$RF_SRCDIR" && find contrib -type f -name '[!._]*.*') | sed 's/\.in$//' |
		while read -r file; do
			grep -qF "$file" "$RF_SRCDIR/docs/engines.md" || { echo "no word of $file"; return 1; }
		done
}

if python3 -c 'import tomllib, yaml' 2>/dev/null; then
	for engine in containerd docker podman kubernetes; do
		ok "the file for $engine" $engine
	done
else
	skip "the files for containerd, docker, podman and kubernetes" tomllib "needs python 3.11 and python3-yaml"
fi
ok "the hook for podman" podman_hook
ok "the file for slurm" slurm
ok "docs/engines.md has each" are_told_of
done_testing
