#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: a bisection that lands on any patch of the Linux series finds a kernel
# that boots L1 and whose guest gets its MSIs, by type1 and by iommufd.  Takes a
# kernel a patch: ALL=1.
#
# Seen to fail with: a BUG() in the init of vfio_iommu_type1, in a patch in between.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

if [ -z "${ALL-}" ]; then
	skip "boots at every patch" "takes longest, make check-all"
	tap_done
	exit
fi
provision linux qemu
for rev in $(git -C "$MSIWIN_CACHE/src/linux" rev-list --reverse base-commit..series); do
	ok "$(git -C "$MSIWIN_CACHE/src/linux" log -1 --format=%s "$rev")" \
		"$TOP/tests/boot/run" -r "$rev" host host-iommufd
done
tap_done
