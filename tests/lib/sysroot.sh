# shellcheck shell=sh
# shellcheck disable=SC2154 # $apt: of packages.sh
# SPDX-License-Identifier: GPL-2.0
#
# Sysroots with what bookworm itself lacks.  Sourced by provision.sh.

# sysroot_arm64  What the cross build links against, and runs with in L1.
sysroot_arm64() {
	with_lock sysroot-arm64 sysroot arm64 'busybox-static:arm64
		libattr1-dev:arm64 libcap-dev:arm64 libcap-ng-dev:arm64
		libfdt-dev:arm64 libglib2.0-dev:arm64 libslirp-dev:arm64
		uuid-dev:arm64 zlib1g-dev:arm64'
}

# sysroot_host  The outer machine's QEMU as $L0_QEMU, meson as $MESON, and the
# Python modules that QEMU's configure wants in PYTHONPATH.
sysroot_host() {
	with_lock sysroot-host sysroot host 'qemu-system-arm meson python3-pycotap'
	root=$MSIWIN_CACHE/sysroot/host
	L0_QEMU=$root/l0-qemu
	MESON=$root/usr/bin/meson
	export L0_QEMU MESON
}

# sysroot NAME PACKAGES  Unpack packages and the libraries they need.
sysroot() (
	root=$MSIWIN_CACHE/sysroot/$1
	key=$(echo "$2" | tr -s ' \t\n' ' ')
	stamped "$root/made-from" "$key" make_sysroot "$1" "$key"
)

make_sysroot() (
	apt_update
	stage "fetch packages for $1"
	# shellcheck disable=SC2086 # one word a package
	debs=$(with_lock apt closure $2)
	rm -rf "$root.new"
	mkdir -p "$root.new"
	for deb in $debs; do
		wanted_in "$1" "${deb##*/}" || continue
		dpkg-deb -x "$deb" "$root.new"
	done
	relative_links "$root.new"
	[ "$1" != host ] || wrap_l0_qemu "$root.new"
	rm -rf "$root"
	mv "$root.new" "$root"
	stage_done
)

# closure PACKAGE...  Download them and all they depend on; print the files.
closure() (
	set -- install -y --no-install-recommends "$@"
	run_logged "$OUT/fetch-packages.log" apt_get --download-only "$@"
	# Inst libz1:arm64 (1:1.2 Debian:12/oldstable [arm64])
	apt_get --simulate "$@" | sed 's/).*//; s/[][(]//g' | awk -v dir="$apt/archives" '
		/^Inst/ {
			sub(/:.*/, "", $2)
			gsub(/:/, "%3a", $3)
			print dir "/" $2 "_" $3 "_" $NF ".deb"
		}'
)

# The cross compiler has a C library of its own, the host uses the machine's.
wanted_in() {
	case $1/$2 in
	arm64/libc6-dev_* | arm64/linux-libc-dev_* | host/libc6_*) false ;;
	arm64/*_arm64.deb) true ;;
	host/lib* | host/zlib1g_* | host/qemu-* | host/meson_* | host/python3-pycotap_*) true ;;
	*) false ;;
	esac
}

# /usr/lib/.../libz.so -> /lib/... would point out of the sysroot.
relative_links() (
	cd "$1"
	find . -type l | while read -r link; do
		target=$(readlink "$link")
		case $target in
		/*) ln -srfn "./$target" "$link" ;;
		esac
	done
)

wrap_l0_qemu() {
	cat >"$1/l0-qemu" <<-'END'
		#!/bin/sh
		# QEMU from another Debian suite, with its own libraries and firmware
		root=${0%/*}
		lib=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
		export LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
		exec "$root/usr/bin/qemu-system-aarch64" -L "$root/usr/share/qemu" "$@"
	END
	chmod +x "$1/l0-qemu"
}
