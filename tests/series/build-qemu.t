#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: QEMU builds after every patch, so that git bisect can stop anywhere:
# the folders that the series touches, for an arm64 host as it boots in L1, and
# for x86_64 with what VFIO needs there, -Werror (ALL=1: the whole, linked, and for
# x86_64 with clang, too); the unit tests that the series brings pass.
#
# Seen to fail with: a static function in hw/vfio/container.c that nobody calls.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/prefixes.sh"

src=$MSIWIN_CACHE/src/qemu
clang="clang-19"
# of x86_64, where only warnings count; qemu-check.t sees the last patch with -O2
level=0
[ -z "${ALL-}" ] || level=2

compiler() {
	case $1 in
	*-clang) echo "$clang" ;;
	arm64) echo "${CROSS}gcc" ;;
	*) echo gcc ;;
	esac
}

# configure_x86_64 VARIANT
configure_x86_64() {
	rm -rf "$obj"
	mkdir -p "$obj"
	cd "$obj"
	"$MSIWIN_CACHE/walk/qemu/configure" --python=/usr/bin/python3 --cc="ccache $(compiler "$1")" \
		--target-list=x86_64-softmmu --enable-kvm --disable-tcg \
		--without-default-features --without-default-devices \
		--with-devices-x86_64=msiwin --disable-docs --disable-tools \
		--disable-install-blobs --enable-werror "-Doptimization=$level"
}

# compile_x86_64 VARIANT COMMIT
compile_x86_64() (
	obj=$MSIWIN_CACHE/obj/qemu-$1
	devices=$MSIWIN_CACHE/walk/qemu/configs/devices
	place "$TOP/tests/series/qemu-devices-x86_64.mak" "$devices/x86_64-softmmu/msiwin.mak"
	export PYTHONPATH="$MSIWIN_CACHE/sysroot/host/usr/lib/python3/dist-packages"
	[ -f "$obj/build.ninja" ] || rm -f "$obj/configured"
	stamped "$obj/configured" "$level $(sha_of "$0")" configure_x86_64 "$1"
	ninja -C "$obj" build.ninja
	# shellcheck disable=SC2046 # one word a target
	ninja -C "$obj" $(targets qemu-system-x86_64)
	for test in $(new_unit_tests "$2"); do
		ninja -C "$obj" "tests/unit/$test"
		"$obj/tests/unit/$test"
	done
)

# compile_arm64 VARIANT COMMIT: in the folder of the boots
compile_arm64() (
	prepare_qemu
	ninja -C "$obj" build.ninja
	# shellcheck disable=SC2046 # one word a target
	ninja -C "$obj" $(targets qemu-system-aarch64)
)

# targets PROGRAM: what to build of it
targets() {
	if [ -n "${ALL:-}" ]; then
		echo "$1"
		return
	fi
	ninja -C "$obj" -t inputs "$1" | grep -E "/($(touched_folders))/[^/]*\\.c$" | sed 's/$/^/'
}

touched_folders() {
	git -C "$src" diff --name-only base-commit series -- '*.c' |
		sed 's,/[^/]*$,,' | sort -u | paste -s -d '|'
}

new_unit_tests() {
	git -C "$src" diff --name-only --diff-filter=A base-commit "$1" -- tests/unit |
		sed -n 's,^tests/unit/\(.*\)\.c$,\1,p'
}

# mark VARIANT COMMIT: the file that is there when it has passed
mark() (
	key=$({
		"$(compiler "$1")" --version
		echo "$1 ${ALL:-} $QEMU_FLAGS"
		sha_of "$0" "$TOP/tests/series/qemu-devices-x86_64.mak" "$TOP/tests/boot/qemu-devices.mak"
		tree_id qemu "$2" docs MAINTAINERS
	} | sha256sum | cut -c 1-16)
	echo "$MSIWIN_CACHE/passed/qemu-$1-$key"
)

# build COMMIT: all variants at once, as much of it is meson and ninja looking for
# what there is to do
build() (
	checkout qemu "$1"
	mkdir -p "$MSIWIN_CACHE/passed"
	for variant in $variants; do
		build_one "$variant" "$1" &
	done
	wait
)

build_one() {
	mark=$(mark "$1" "$2")
	[ ! -f "$mark" ] || return 0
	run_logged "$OUT/build-qemu-$1.log" "compile_${1%-clang}" "$1" "$2"
	: >"$mark"
}

passes() {
	[ -f "$(mark "$1" "$2")" ] || {
		tail -n 20 "$OUT/build-qemu-$1.log"
		return 1
	}
}

provision qemu
sysroot_arm64
sysroot_host
set -- arm64 x86_64
if [ -n "${ALL-}" ]; then
	need_packages "$clang"
	set -- "$@" x86_64-clang
fi
every_prefix qemu "$@"
