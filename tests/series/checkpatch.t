#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: checkpatch of the kernel (--strict) and of QEMU find nothing to say
# about any patch.  No sign-off is in yet, and the imported tree knows no commit
# that a Fixes: line names, so those two are not asked for.
#
# Seen to fail with: if( in a patch of either series.
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
	status=0
	said=$(perl scripts/checkpatch.pl --no-signoff --quiet "$TOP/$1") || status=$?
	echo "$said"
	case $status$said in
	0) ;;
	[01]*"are you using scripts/update-linux-headers.sh"*"0 errors, 1 warnings"*) ;;
	*) exit 1 ;;
	esac
)

# read_all linux|qemu CMD  As many patches at once as there are processors.
read_all() {
	started=0
	for patch in $(patch_files "$1"); do
		read_one "$2" "$patch" &
		started=$((started + 1))
		[ $((started % $(nproc))) -ne 0 ] || wait
	done
	wait
	for patch in $(patch_files "$1"); do
		ok "$patch" was_silent "$patch"
	done
}

read_one() {
	mkdir -p "$scratch/${2%/*}"
	"$1" "$2" >"$scratch/$2" 2>&1
	: >"$scratch/$2.silent"
}

was_silent() {
	cat "$scratch/$1"
	[ -f "$scratch/$1.silent" ]
}

provision linux qemu
scratch_dir
read_all linux kernel_silent
read_all qemu qemu_silent
tap_done
