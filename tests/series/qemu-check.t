#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: the patched QEMU builds where the boots do not look, and its own tests
# pass: with TCG and without KVM, for Arm and x86, with the unit tests and those
# qtests that meet what the series changes; without VFIO; the parsers of what the
# kernel says with the address sanitizer.  What wants firmware is left out: the
# distribution's tarball has none.
#
# Slow: runs with ALL=1.  What passed once is not built again.
#
# Seen to fail with: no stub of qmp_query_vfio_containers() (without VFIO); a walk of
# capabilities that does not look where the buffer ends (address sanitizer, TCG's unit
# tests); another word in the message of a refused msi-iova (qtest).
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"

if [ -z "${ALL-}" ]; then
	skip "QEMU: other configurations, its own tests" "slow, runs with ALL=1"
	tap_done
	exit
fi

walk=$MSIWIN_CACHE/walk/qemu
plain="--without-default-features --disable-docs --disable-install-blobs --enable-werror"

# The flags of each configuration.
flags() {
	case $1 in
	tcg) echo "$plain --target-list=aarch64-softmmu,x86_64-softmmu --enable-tcg \
		--without-default-devices --with-devices-aarch64=msiwin --with-devices-x86_64=msiwin" ;;
	no-vfio) echo "$plain --target-list=aarch64-softmmu,x86_64-softmmu --enable-tcg --disable-tools \
		--without-default-devices --with-devices-aarch64=msiwin-no-vfio \
		--with-devices-x86_64=msiwin-no-vfio" ;;
	asan) echo "$plain --target-list=x86_64-softmmu --enable-kvm --enable-asan --disable-tools \
		--without-default-devices --with-devices-x86_64=msiwin" ;;
	esac
}

devices() {
	for target in aarch64 x86_64; do
		mak=$TOP/tests/boot/qemu-devices.mak
		[ $target = aarch64 ] || mak=$TOP/tests/series/qemu-devices-x86_64.mak
		place "$mak" "$walk/configs/devices/$target-softmmu/msiwin.mak"
		grep -v 'VFIO\|IOMMUFD' "$mak" >"$walk/configs/devices/$target-softmmu/msiwin-no-vfio.mak"
	done
}

configure_qemu_for() {
	rm -rf "$obj"
	mkdir -p "$obj"
	cd "$obj"
	# shellcheck disable=SC2046 # one word a flag
	"$walk/configure" --python=/usr/bin/python3 --cc='ccache gcc' $(flags "$1")
}

# prepare CONFIGURATION: with what is checked out, configured; sets $obj.
prepare() {
	obj=$MSIWIN_CACHE/obj/qemu-$1
	checkout qemu "$last"
	devices
	export PYTHONPATH="$MSIWIN_CACHE/sysroot/host/usr/lib/python3/dist-packages"
	[ -f "$obj/build.ninja" ] || rm -f "$obj/configured"
	stamped "$obj/configured" "$(flags "$1")" configure_qemu_for "$1"
	ninja -C "$obj" build.ninja
}

unit_tests() {
	git -C "$walk" diff --name-only --diff-filter=A base-commit "$last" -- tests/unit |
		sed -n 's,^tests/unit/\(.*\)\.c$,\1,p'
}

make_tcg() {
	prepare tcg
	ninja -C "$obj"
	make -C "$obj" check-unit
	cd "$obj"
	pyvenv/bin/meson test --no-rebuild --print-errorlogs qtest-aarch64/arm-virt-msi-iova-test \
		qtest-aarch64/qmp-cmd-test qtest-aarch64/device-introspect-test \
		qtest-aarch64/test-hmp qtest-aarch64/qom-test \
		qtest-x86_64/qmp-cmd-test qtest-x86_64/device-introspect-test
}

make_no_vfio() {
	prepare no-vfio
	ninja -C "$obj" qemu-system-aarch64 qemu-system-x86_64
	for target in aarch64 x86_64; do
		! "$obj/qemu-system-$target" -device help | grep vfio-pci || exit 1
	done
}

make_asan() {
	prepare asan
	for test in $(unit_tests); do
		ninja -C "$obj" "tests/unit/$test"
		"$obj/tests/unit/$test"
	done
}

# passes CONFIGURATION FUNCTION
passes() (
	key=$({
		gcc --version
		sha_of "$0" "$TOP/tests/series/qemu-devices-x86_64.mak" "$TOP/tests/boot/qemu-devices.mak"
		tree_id qemu "$last" docs MAINTAINERS
	} | sha256sum | cut -c 1-16)
	mark=$MSIWIN_CACHE/passed/qemu-$1-$key
	[ ! -f "$mark" ] || exit 0
	with_lock walk-qemu run_logged "$OUT/qemu-check-$1.log" "$2"
	mkdir -p "${mark%/*}"
	: >"$mark"
)

provision qemu
last=$(commit_of qemu series)
sysroot_host
ok "no VFIO: it links" passes no-vfio make_no_vfio
ok "address sanitizer: the new unit tests" passes asan make_asan
ok "TCG, Arm and x86: it links, unit tests, qtests" passes tcg make_tcg
tap_done
