#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: git am takes both series, patch by patch, on the bases that series.conf
# names, without whitespace errors, and the result is what `series` in the cache
# holds, from which everything else is built.
#
# Seen to fail with: a blank at the end of a line that a patch adds.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

# The touched files alone, so that it takes a second and not a checkout.
am_gives_series() (
	name=$1
	scratch_dir
	git_fixed clone -q --shared --no-checkout -b base "$MSIWIN_CACHE/src/$name" "$scratch"
	cd "$scratch"
	touched_files "$name" | git_fixed sparse-checkout set --no-cone --stdin
	git_fixed checkout -q base
	for patch in $(patch_files "$name"); do
		git_fixed am -q --whitespace=error "$TOP/$patch"
	done
	[ "$(git rev-parse 'HEAD^{tree}')" = "$(git rev-parse 'origin/series^{tree}')" ] || {
		echo "branch series of $MSIWIN_CACHE/src/$name is not what $(patch_dir "$name")/ gives"
		exit 1
	}
)

provision linux qemu
for name in linux qemu; do
	ok "$name: git am of every patch gives the tree of 'series'" am_gives_series "$name"
done
tap_done
