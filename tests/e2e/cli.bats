# SPDX-License-Identifier: LGPL-2.1-or-later
# Help, version, completion scripts and the man pages: all say what the tables say.
load harness

# long options of --help, one a line, without --no-
help_options() {
	"$RINGFENCE" "$1" --help | grep -oE '^ {2,}(-., )? *--(\[no-\])?[a-z0-9-]+' |
		sed 's/.*--//; s/^\[no-\]//' | sort
}

@test "--help lists the commands, and every command has --help" {
	local command

	run -0 "$RINGFENCE" --help
	for command in run explain doctor seccomp exec ps kill pause resume completion help version; do
		assert_output_has "  $command "
		run -0 "$RINGFENCE" $command --help
		assert_output_has "Usage: ringfence $command"
		run -0 "$RINGFENCE" help $command
		run -0 "$RINGFENCE" --help
	done
	run -2 "$RINGFENCE" help no-such-command
	run -2 "$RINGFENCE" version extra
}

@test "--version is that of the build" {
	run -0 "$RINGFENCE" --version
	[[ "$output" =~ ^ringfence\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	[ "$("$RINGFENCE" version)" = "$output" ]
}

@test "help that cannot be written is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	for arguments in --help --version "run --help" "completion bash"; do
		# shellcheck disable=SC2086
		run -125 bash -c '"$RINGFENCE" '"$arguments"' >/dev/full'
		assert_output_has "standard output: No space left on device"
		run -125 bash -c '"$RINGFENCE" '"$arguments"' >&-'
	done
}

@test "no option is listed twice, and letters are unique" {
	local command

	for command in run batch explain doctor seccomp exec ps kill pause resume hook; do
		[ -z "$(help_options $command | uniq -d)" ]
		[ -z "$("$RINGFENCE" $command --help | grep -oE '^ *-., ' | sort | uniq -d)" ]
	done
}

@test "the man page has every option, and no other" {
	local page=$SRCDIR/man/ringfence.1 command

	for command in run explain doctor seccomp exec ps kill pause resume; do help_options $command; done | sort -u >table
	sed -n '/^\.Sh OPTIONS/,/^\.Sh SIGNALS/p' "$page" | grep '^\.It Fl' |
		grep -oE 'Fl -[a-z0-9-]+' | sed 's/^Fl -//; s/^no-\(init\|env-clear\|die-with-parent\|landlock-loader\)$/\1/' |
		sort -u >man
	diff table man
}

@test "the man page has every command" {
	local command

	"$RINGFENCE" --help | grep -oE '^  [a-z]+' | while read -r command; do
		grep -q "^\.Cm $command" "$SRCDIR/man/ringfence.1"
	done
}

@test "the examples of the man page work" {
	local line command= wanted="$DIR/wanted" got="$DIR/got"

	need_userns
	mkdir bin examples
	ln -s "$RINGFENCE" bin/ringfence
	PATH=$DIR/bin:$PATH
	cd examples
	check() {
		[ -z "$command" ] || {
			echo "$ $command"
			timeout 60 sh -c "$command" >"$got" || return 1
			diff "$wanted" "$got" || return 1
		}
		: >"$wanted"
	}
	: >"$wanted"
	while IFS= read -r line; do
		case $line in
		'$ '*)	check
			command=${line#\$ } ;;
		.*)	check
			command= ;;
		*)	[ -z "$command" ] || echo "$line" >>"$wanted" ;;
		esac
	done < <(sed -n '/^\.Sh EXAMPLES/,/^\.Sh OPTIONS/p' "$SRCDIR/man/ringfence.1" | sed 's/\\e/\\/g')
	check
}

@test "the bash completion knows commands, options and words" {
	complete_as() {	# WORD...: completions of the last one
		bash --norc --noprofile -c '
			. "$0"
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
			compopt() { :; }
			_ringfence
			printf "%s\n" "${COMPREPLY[@]}"' completion "$@"
	}
	"$RINGFENCE" completion bash >completion
	bash -n completion
	[ "$(complete_as ringfence expl)" = explain ]
	[ "$(complete_as ringfence run --hostn)" = --hostname ]
	complete_as ringfence run -- | grep -qx -- --no-init
	[ "$(complete_as ringfence run --engine pl)" = plain ]
	[ "$(complete_as ringfence run --engine = ri)" = ring ]
	[ "$(complete_as ringfence run --namespaces user,moun)" = user,mount ]
	[ "$(complete_as ringfence run --trace = js)" = json ]
	[ "$(complete_as ringfence explain --js)" = --json ]
	[ -z "$(complete_as ringfence explain --verd)" ]
	[ "$(complete_as ringfence completion z)" = zsh ]
	touch here.yaml
	[ "$(complete_as ringfence run --spec here)" = here.yaml ]
	[ "$(complete_as ringfence run --hostname x -- sh here)" = here.yaml ]
	complete_as ringfence run --hostname --engine | grep -q . && return 1
	true
}

@test "the zsh completion is well-formed" {
	"$RINGFENCE" completion zsh >_ringfence
	[ "$(head -n 1 _ringfence)" = "#compdef ringfence" ]
	if command -v zsh >/dev/null; then
		zsh -n _ringfence
	fi
	help_options run | while read -r option; do
		grep -qE -- "--$option(=|=-)?\[" _ringfence || {
			echo "no --$option"
			return 1
		}
	done
	run -2 "$RINGFENCE" completion fish
	run -2 "$RINGFENCE" completion
}
