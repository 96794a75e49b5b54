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

# On a tree of the touched files alone: git am reads and writes the index of all
# files for each patch.
am_gives_series() (
	name=$1
	src=$MSIWIN_CACHE/src/$name
	scratch_dir
	cd "$scratch"
	git_fixed init -q
	echo "$src/.git/objects" >.git/objects/info/alternates
	{
		touched_files "$name"
		git -C "$src" diff --name-only --no-renames base series
	} | sort -u >.git/files
	at base | git update-index --index-info
	git_fixed commit -q -m base
	git_fixed checkout -q .
	for patch in $(patch_files "$name"); do
		git_fixed am -q --whitespace=error "$TOP/$patch"
	done
	at series >.git/expected
	git ls-tree -r HEAD | sort >.git/result
	diff .git/result .git/expected || {
		echo "branch series of $src is not what $(patch_dir "$name")/ gives"
		exit 1
	}
)

# at COMMIT  What ls-tree says about the touched files.
at() {
	tr '\n' '\0' <.git/files | xargs -0 git -C "$src" ls-tree "$1" -- | sort
}

provision linux qemu
for name in linux qemu; do
	ok "$name: git am of every patch gives the tree of 'series'" am_gives_series "$name"
done
tap_done
