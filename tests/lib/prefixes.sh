# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Walk a series from its base to its last patch and test each state in every
# variant (an architecture, a compiler).  What passed once is known by a mark, a
# file, and not built again.  Source common.sh, provision.sh, build.sh and tap.sh
# first.  The caller has these functions:
#
#   mark VARIANT COMMIT    the name of the file
#   build COMMIT           builds the variants that have no mark; holds the lock
#   passes VARIANT COMMIT  judges what was built and makes the mark

# tested COMMIT NAME
tested() {
	for variant in $variants; do
		[ -f "$(mark "$variant" "$1")" ] || {
			with_lock "walk-$series" build "$1"
			break
		}
	done
	for variant in $variants; do
		ok "$variant: $2" passes "$variant" "$1"
	done
}

# every_prefix linux|qemu VARIANT...  With a base that fails nothing can be told.
every_prefix() {
	series=$1
	shift
	variants=$*
	# shellcheck disable=SC2154 # of tap.sh
	failed_before=$tap_failed
	tested base-commit base
	[ "$tap_failed" -gt "$failed_before" ] || for commit in $(commits "$series"); do
		tested "$commit" "$(git -C "$MSIWIN_CACHE/src/$series" log -1 --format=%s "$commit")"
	done
	tap_done
}

# commits linux|qemu  Those of the series, the first one first.
commits() {
	git -C "$MSIWIN_CACHE/src/$1" rev-list --reverse base-commit..series
}
