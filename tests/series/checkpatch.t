#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: checkpatch of the kernel (--strict) and of QEMU find nothing to say
# about any patch.  No sign-off is in yet, and the imported tree knows no commit
# that a Fixes: line names, so those two are not asked for.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

kernel_silent() (
	cd "$MSIWIN_CACHE/src/linux"
	perl scripts/checkpatch.pl --strict --no-signoff --quiet --ignore UNKNOWN_COMMIT_ID "$TOP/$1"
)

# QEMU's asks at every header sync whether the script was used: one warning.
qemu_silent() (
	cd "$MSIWIN_CACHE/src/qemu"
	said=$(perl scripts/checkpatch.pl --no-signoff --quiet "$TOP/$1" || :)
	echo "$said"
	case $said in
	'') ;;
	*"are you using scripts/update-linux-headers.sh"*"0 errors, 1 warnings"*) ;;
	*) exit 1 ;;
	esac
)

for name in linux qemu; do
	provision_base "$name"
	provision_series "$name"
done
for patch in $(patch_files linux); do
	ok "$patch" kernel_silent "$patch"
done
for patch in $(patch_files qemu); do
	ok "$patch" qemu_silent "$patch"
done
tap_done
