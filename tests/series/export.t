#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: `make export` changes nothing when nothing has changed: what git am has
# made of the patches is written out again byte for byte, cover letters,
# series.conf and headers included.  And it keeps series.conf readable when the
# branches do change, and does not overwrite patches that have changed, too.
#
# Seen to fail with: the index line of a patch with shorter hashes, an empty line at
# the end of linux-headers/linux/vfio.h.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

scratch_dir

same() {
	diff -ru "$TOP/$1" "$scratch/$1"
}

# A repo of its own, whose list misses a patch, has one too many and a comment.
relists() (
	cp -r "$TOP" "$scratch/repo"
	cd "$scratch/repo"
	first=$(patch_files linux | head -n 1)
	second=$(patch_files linux | sed -n 2p)
	sed -i "\\,^$first,i # a topic
		s,^$second,patches/0002-gone.patch," series.conf
	rm "$second"
	tests/series/export "$scratch/relisted"
	diff "$TOP/series.conf" "$scratch/relisted/series.conf" | grep '^[<>]'
	[ "$(diff "$TOP/series.conf" "$scratch/relisted/series.conf" | grep '^[<>]')" = "> # a topic" ]
)

# With a cache of its own, where neither is what was exported.
keeps_patches() (
	cp -r "$TOP" "$scratch/newer"
	for name in linux qemu; do
		src=$scratch/cache/src/$name
		git clone -q --shared --no-checkout -b series "$MSIWIN_CACHE/src/$name" "$src"
		echo "old old" >"$src/.git/msiwin-series"
	done
	MSIWIN_CACHE=$scratch/cache fails "have changed" "$scratch/newer/tests/series/export"
	diff -r "$TOP/patches" "$scratch/newer/patches"
)

provision linux qemu
ok "export runs" "$TOP/tests/series/export" "$scratch"
for what in patches qemu-patches series.conf linux-headers; do
	ok "$what: not a byte has changed" same "$what"
done
ok "series.conf: patches come and go, comments stay" relists
ok "newer patches stay" keeps_patches
tap_done
