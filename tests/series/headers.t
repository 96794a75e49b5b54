#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: one uAPI in three places.  linux-headers/ of this repo is what the
# patched kernel installs, and QEMU's synced copy is the same, so that kernel,
# QEMU and any other VMM agree on every structure.
#
# Seen to fail with: a member renamed in linux-headers/ alone, one that is called
# class (C++98), a // comment (C90).
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

scratch_dir

same_in_qemu() {
	git -C "$MSIWIN_CACHE/src/qemu" show "series:linux-headers/linux/$1" |
		diff -u "$TOP/linux-headers/linux/$1" -
}

# As VMMs in C and in C++ include them.  __counted_by stands in linux/stddef.h,
# which bookworm has too old.
compiles() {
	mkdir -p "$scratch/linux"
	cp "$TOP/linux-headers/linux/$1" "$scratch/linux/"
	echo "#include <linux/$1>" >"$scratch/try.c"
	cc -std=c90 -Wall '-D__counted_by(n)=' -Werror -fsyntax-only -I "$scratch" "$scratch/try.c"
	echo "int main() { return 0; }" >>"$scratch/try.c"
	cc -x c++ -std=c++98 -Wall '-D__counted_by(n)=' -Werror -fsyntax-only -I "$scratch" "$scratch/try.c"
}

provision linux qemu
mkdir "$scratch/installed"
install_uapi "$scratch/installed"
for header in vfio.h iommufd.h; do
	ok "$header is what the patched kernel installs" \
		diff -u "$scratch/installed/$header" "$TOP/linux-headers/linux/$header"
	ok "$header is QEMU's copy" same_in_qemu "$header"
	ok "$header compiles as C90 and C++98" compiles "$header"
done
tap_done
