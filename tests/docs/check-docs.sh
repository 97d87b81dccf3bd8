#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What users read is true: the examples of README, manual pages and docs/ run
# and print what they say, and the options are those that the program has.
# shellcheck source=tests/tap.sh
. "$RF_SRCDIR/tests/tap.sh"
docs=$RF_SRCDIR/tests/docs
work=$(mktemp -d) || exit 1
# shellcheck disable=SC2154	# tap_out: of tap.sh
trap 'rm -rf "$tap_out" "$work"' EXIT
chmod 0755 "$work"
PATH=$(dirname "$RINGFENCE"):$PATH
export PATH
has_userns=
unshare -Ur true 2>/dev/null && has_userns=1

# An empty directory to be in.
fresh() {
	rm -rf "$work/run"
	mkdir "$work/run" && cd "$work/run" || exit 1
}

console() {
	fresh && python3 "$docs/console.py" "$1"
}

# A spec, some keys of one, or some mounts; the host is not looked at.
yaml() {
	fresh
	sed -n '/^[^#[:space:]]/{p;q}' "$1" | grep -q '^-' && echo 'mounts:' >spec.yaml
	cat "$1" >>spec.yaml
	"$RINGFENCE" explain --print-features >features &&
		"$RINGFENCE" explain --features features --spec spec.yaml -- true >chain &&
		[ -s chain ]
}

# What a hook applies.
fragment() {
	"$RINGFENCE" hook --check createRuntime "$1"
}

# A seccomp policy, or some rules of one.
policy() {
	fresh
	grep -q '^default\|^include' "$1" || echo 'default errno EPERM' >./example.policy
	cat "$1" >>./example.policy
	"$RINGFENCE" seccomp check ./example.policy >answer && ! grep 'never decides' answer
}

# Some statements, or a program.
c_example() {
	fresh
	if grep -q '^int main\|^main' "$1"; then
		cp "$1" example.c
	else
		{
			printf '#include <%s>\n' errno.h fcntl.h sched.h signal.h stdio.h stdlib.h \
				string.h sys/wait.h unistd.h ringfence.h
			echo 'int main(void) {'
			cat "$1"
			echo 'return 0; }'
		} >example.c
	fi
	if [ -e "$RF_BUILDDIR/.libs/libringfence.so" ]; then
		${CC:-cc} -Wall -Werror -I"$RF_SRCDIR/lib" example.c -o example \
			"$RF_BUILDDIR/.libs/libringfence.so" || return
		# in a sandbox, for it may write where it likes
		[ -z "$has_userns" ] || "$RINGFENCE" run --rw . --ro "$RF_BUILDDIR/.libs" \
			--env LD_LIBRARY_PATH="$RF_BUILDDIR/.libs" -- ./example
	else
		${CC:-cc} -Wall -Werror -I"$RF_SRCDIR/lib" -fsyntax-only example.c
	fi
}

# The examples of FILE; MINIMUM of them can be run.
examples_of() {
	file=$1 minimum=$2 runnable=0

	rm -rf "$work/examples"
	mkdir "$work/examples"
	ok "$file: its examples can be told apart" \
		python3 "$docs/extract.py" "$RF_SRCDIR/$file" "$work/examples"
	# a pool needs Linux 6.5
	case $file in
	*-pool.1) python3 -c 'import socket; socket.socketpair()[0].getsockopt(socket.SOL_SOCKET, 77)' 2>/dev/null || {
		skip "$file: its examples" pool "a pool needs Linux 6.5"
		return
	} ;;
	esac
	for example in "$work/examples"/*; do
		line=${example##*/}
		kind=${line#*.} line=${line%.*}
		case $kind in
		console)
			if [ -n "$has_userns" ]; then
				ok "$file:$line: prints what it says" console "$example"
			else
				skip "$file:$line: prints what it says" userns \
					"the kernel refuses new user namespaces"
			fi ;;
		yaml)	case $file in
			*-hook.8) ok "$file:$line: is a fragment" fragment "$example" ;;
			*)	ok "$file:$line: is a spec" yaml "$example" ;;
			esac ;;
		policy)	ok "$file:$line: is a policy" policy "$example" ;;
		c)	ok "$file:$line: compiles and runs" c_example "$example" ;;
		*)	continue ;;
		esac
		runnable=$((runnable + 1))
	done
	ok "$file: has $minimum examples or more" [ "$runnable" -ge "$minimum" ]
}

# The shipped specs, with a command that ends.
shipped() {
	fresh
	mkdir build
	"$RINGFENCE" run --spec "$1" -- true
}

# ./bootstrap WORD, make TARGET and --enable-SWITCH of a text exist.
commands_exist() {
	sed -n 's/.*\.\/bootstrap \([a-z]\+\).*/\1/p' "$1" | sort -u | while read -r word; do
		grep -q "^$word)" "$RF_SRCDIR/bootstrap" || { echo "no ./bootstrap $word"; return 1; }
	done &&
	grep -o -- '--\(en\|dis\)able-[a-z-]*[a-z]' "$1" | sed 's/--[a-z]*-//' | sort -u |
	while read -r word; do
		grep -q "\[$word\]" "$RF_SRCDIR/configure.ac" || { echo "no --enable-$word"; return 1; }
	done &&
	grep -o '`make [a-z-]*`' "$1" | tr -d '`' | while read -r _ word; do
		case $word in all | check | install | distcheck) continue ;; esac
		grep -q "^$word:" "$RF_SRCDIR/Makefile.am" || { echo "no make $word"; return 1; }
	done
}

# Files that a text links to, or names in backquotes with a slash, exist.
links_exist() {
	dir=$(dirname "$1")

	grep -o '](\([^):#]*\))' "$1" | sed 's/^](//;s/)$//' | while read -r link; do
		[ -e "$dir/$link" ] || { echo "no $link"; return 1; }
	done
}

# Those that have more options than --help.
commands='run batch pool explain doctor seccomp exec ps kill pause resume hook'

options_in_help() {
	"$RINGFENCE" "$1" --help | sed 's/--\[no-\]/--/' |
		sed -n 's/^ *\(-., \)\?\(--[a-z][a-z0-9-]*\).*/\2/p' | sort -u
}

options_in_man() {
	sed -n '/^\.Sh OPTIONS/,/^\.Sh RUNNING/{s/^\.It \(Fl . , \)\?Fl -\([a-z0-9-]*\).*/--\2/p}' \
		"$RF_SRCDIR/man/ringfence.1" | sort -u
}

# options_in_page COMMAND NEXT: of a page of its own, up to the section behind OPTIONS
options_in_page() {
	sed -n "/^\.Sh OPTIONS/,/^\.Sh $2/{s/^\.It \(Fl . , \)\?Fl -\([a-z0-9-]*\).*/--\2/p}" \
		"$RF_SRCDIR"/man/ringfence-"$1".[18] | sort -u
}

man_has_options() {
	for command in $commands; do options_in_help "$command"; done | sort -u >"$work/help"
	{ options_in_man; options_in_page batch VERDICTS; options_in_page pool 'EXIT STATUS'; options_in_page hook STAGES; } | sort -u >"$work/man"
	diff "$work/help" "$work/man"
}

# completion_has SHELL COMMAND: every option of the command
completion_has() {
	"$RINGFENCE" completion "$1" >"$work/completion"
	options_in_help "$2" | while read -r option; do
		grep -q -e "$option\([^a-z0-9-]\|\$\)" "$work/completion" || {
			echo "no $option"
			return 1
		}
	done
}

for page in "$RF_SRCDIR"/man/*.[1-8]; do
	name=man/${page##*/}
	if command -v mandoc >/dev/null; then
		ok "$name has no fault that mandoc finds" mandoc -T lint -W warning "$page"
	else
		skip "$name has no fault that mandoc finds" mandoc "mandoc is not installed"
	fi
done

examples_of README.md 1
for page in "$RF_SRCDIR"/man/*.[1-8]; do
	case $page in
	*-ops.7) examples_of "man/${page##*/}" 0 ;;
	*)	examples_of "man/${page##*/}" 1 ;;
	esac
done
for text in "$RF_SRCDIR"/docs/*.md "$RF_SRCDIR"/CONTRIBUTING.md "$RF_SRCDIR"/SECURITY.md; do
	[ -e "$text" ] && examples_of "${text#"$RF_SRCDIR"/}" 0
done
for text in "$RF_SRCDIR"/*.md "$RF_SRCDIR"/docs/*.md; do
	[ -e "$text" ] || continue
	ok "${text#"$RF_SRCDIR"/}: commands that it tells exist" commands_exist "$text"
	ok "${text#"$RF_SRCDIR"/}: what it links to exists" links_exist "$text"
done
for spec in "$RF_SRCDIR"/examples/*.yaml; do
	if [ -n "$has_userns" ]; then
		ok "examples/${spec##*/} runs" shipped "$spec"
	else
		skip "examples/${spec##*/} runs" userns "the kernel refuses new user namespaces"
	fi
done
for jobs in "$RF_SRCDIR"/examples/*.batch; do
	if [ -n "$has_userns" ]; then
		ok "examples/${jobs##*/} runs" "$RINGFENCE" batch "$jobs"
	else
		skip "examples/${jobs##*/} runs" userns "the kernel refuses new user namespaces"
	fi
done
ok "the pages of commands have the options that --help has, and no others" man_has_options
for shell in bash zsh; do
	for command in $commands; do
		ok "the completion for $shell has every option of $command" completion_has $shell $command
	done
done
ok "SECURITY.md and docs/security.md name only tests that exist" python3 "$docs/promises.py" "$RF_SRCDIR"
done_testing
