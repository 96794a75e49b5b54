# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What every script shares: the cache folder, stages with elapsed time, logs,
# locks, stamps and scratch folders.  A script sets TOP to the top of the repo and
# sources this.
#
# All talk goes to stderr, so that a function can print its result on stdout.
# Bodies in ( ) keep their variables to themselves, as POSIX sh has no local.
# Errors stop a script by `set -e`, which sh ignores inside conditions: call
# functions on a line of their own, not in `if f`, `f || g` or `! f`.

: "${TOP:?set TOP to the top of the repo before sourcing common.sh}"
: "${MSIWIN_CACHE:=${XDG_CACHE_HOME:-$HOME/.cache}/msiwin}"
: "${MSIWIN_OUT:=$MSIWIN_CACHE/out}"
export TOP MSIWIN_CACHE MSIWIN_OUT
# What the user gives relative to here is meant so, wherever a script has gone.
for path in MSIWIN_CACHE MSIWIN_OUT LINUX_TARBALL QEMU_TARBALL; do
	eval "case \${$path-} in '' | /*) ;; *) export $path=\"\$PWD/\$$path\" ;; esac"
done
OUT=$MSIWIN_OUT

# Tenths of a second since the machine came up.
now() (
	read -r up _ </proc/uptime
	frac=${up#*.}
	echo $((${up%.*} * 10 + ${frac%?}))
)

# The first script of a run sets the zero of the clock, its children keep it.
: "${MSIWIN_START:=$(now)}"
export MSIWIN_START

tenths() {
	echo "$(($1 / 10)).$(($1 % 10))"
}

elapsed() {
	tenths $(($(now) - MSIWIN_START))
}

say() {
	printf '[%6ss] %s\n' "$(elapsed)" "$*" >&2
}

# die WHAT [WHAT TO DO]
die() {
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	[ -z "${2-}" ] || printf '%s: hint: %s\n' "${0##*/}" "$2" >&2
	exit 1
}

# Make the folders, where something is to go there.  Many a path in them is a word
# of a list for the shell or make, or stands in an option of QEMU.
need_cache() {
	case $MSIWIN_CACHE,$MSIWIN_OUT in
	*[[:space:]]* | *,*,*) die "a blank or a comma in $MSIWIN_CACHE or $MSIWIN_OUT" \
		"give another folder: MSIWIN_CACHE=" ;;
	esac
	mkdir -p "$MSIWIN_CACHE/lock" "$OUT"
}

# A new folder, $scratch, which goes when this shell ends: dash runs no EXIT trap
# when it is a signal that ends it.
scratch_dir() {
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

stage() {
	stage_name=$1
	stage_start=$(now)
	say "$stage_name ..."
}

stage_done() {
	say "$stage_name: done in $(tenths $(($(now) - stage_start)))s"
}

# Until it is killed, tell how far the log has got: a live line on a terminal,
# else a plain line every 30 s.  Ends by itself when the script is gone.
progress() {
	ticks=0
	while sleep 1 && kill -0 $$ 2>/dev/null; do
		ticks=$((ticks + 1))
		if [ -t 2 ]; then
			# \r too ends a line: git counts in place
			last=$(tail -c 400 "$1" | tr '\r' '\n' | tail -n 1 |
				tr -d '\033' | cut -c 1-50)
			printf '\r\033[K[%6ss] %s: %s lines: %s' "$(elapsed)" \
				"${1##*/}" "$(wc -l <"$1")" "$last" >&2
		elif [ $((ticks % 30)) -eq 0 ]; then
			say "${1##*/}: $(wc -l <"$1") lines, still running"
		fi
	done
}

# run_logged LOGFILE CMD...
run_logged() (
	log=$1
	shift
	mkdir -p "$(dirname "$log")"
	: >"$log"
	progress "$log" >&2 9>&- & # without fd 9: its last sleep must not hold a lock
	progress_pid=$!
	# A trap, because with set -e a failing function ends this subshell.
	trap 'logged_end $? "$log" "$progress_pid" "$*"' EXIT
	"$@" >>"$log" 2>&1
)

logged_end() {
	kill "$3" 2>/dev/null || :
	[ ! -t 2 ] || printf '\r\033[K' >&2
	[ "$1" -ne 0 ] || return 0
	say "failed with status $1: $4"
	tail -n 20 "$2" | sed 's/^/    /' >&2
	say "whole log: $2"
}

# with_lock NAME CMD...  Children inherit the lock: a build that outlives a
# killed script still keeps others out.
with_lock() (
	need_cache
	lock=$MSIWIN_CACHE/lock/$1
	shift
	exec 9>>"$lock"
	if ! flock -n 9; then
		say "waiting for ${lock##*/}, which another run holds: $(cat "$lock")"
		flock 9
	fi
	echo "pid $$, ${0##*/}" >"$lock"
	"$@"
)

# sha_of FILE...  One key for the contents of all files, whatever their names.
sha_of() (
	sums=$(sha256sum -- "$@") || exit
	printf '%s\n' "$sums" | cut -c 1-64 | sha256sum | cut -c 1-64
)

# stamped KEYFILE KEY CMD...  Run CMD unless it was done for this KEY already.
stamped() (
	keyfile=$1
	key=$2
	shift 2
	if [ -f "$keyfile" ] && [ "$(cat "$keyfile")" = "$key" ]; then
		exit 0
	fi
	rm -f "$keyfile"
	"$@"
	rc=$?
	[ "$rc" -eq 0 ] || exit "$rc"
	mkdir -p "$(dirname "$keyfile")"
	printf '%s\n' "$key" >"$keyfile.$$"
	mv "$keyfile.$$" "$keyfile"
)
