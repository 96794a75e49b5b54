# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables of run and of the cell
# SPDX-License-Identifier: GPL-2.0
#
# What a cell of matrix.conf is and what it boots.  Sourced by run, which has the
# options: $base, $debug, $rev, $more_params and $more_limit.

cells() {
	sed -n 's/^\[\(.*\)\]$/\1/p' "$BOOT/matrix.conf"
}

# Sets one variable a key of the cell.
read_cell() {
	kernel=series qemu=series config=4k machine=gic-version=3,iommu=smmuv3
	nic=e1000e l0='' dt='' params='' l2=gic-version=3 backends='' hotadd=''
	selftests='' tests=series programs='' arch=arm64 compare='' fails='' skips=''
	emulator='' memory=1536 limit=240 slow=''
	window=0x8000000 overlap='' warns='' refuses='' hint='' says=''
	# shellcheck disable=SC2034 # value: by eval
	while read -r key eq value; do
		case $key in
		"["*) in_cell=$key ;;
		'' | '#'*) ;;
		kernel | qemu | config | machine | nic | l0 | dt | params | l2 | backends | hotadd | \
			selftests | tests | programs | arch | compare | fails | skips | \
			emulator | memory | limit | slow | \
			window | overlap | warns | refuses | hint | says)
			[ "$eq" = = ] || die "matrix.conf: [$1]: '$key' without ' = '"
			[ "$in_cell" != "[$1]" ] || eval "$key=\$value"
			;;
		*) die "matrix.conf: unknown key '$key' in $in_cell" ;;
		esac
	done <"$BOOT/matrix.conf"
	[ -n "$backends" ] || die "no cell [$1] in matrix.conf" "cells: $(cells | tr '\n' ' ')"
	[ -z "$base" ] || kernel=base qemu=base
	[ -z "$rev" ] || [ "$kernel" = hardware ] || kernel=$rev
	if [ -n "$debug" ]; then
		config=debug memory=3072 limit=$((limit * 4)) params="$params log_buf_len=8M"
	fi
	# L1 and the judge do not ask where they come from
	[ -z "$programs" ] || selftests=$(echo "$programs" | sed 's|[a-z]*/||g')
	params="$params $(words "$more_params")"
	limit=${more_limit:-$limit}
}

# The programs of tests/uapi and tests/fuzz, for a task of 64 or of 32 bits
build_programs() {
	cc=${CROSS}gcc
	if [ "$arch" = arm ]; then
		need_packages gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
		cc=arm-linux-gnueabihf-gcc
	fi
	for test in $(words "$selftests"); do
		make -s -f "$TOP/tests/programs.mk" O="$dir" CC="$cc" "$dir/$test"
		l1_files="$l1_files
file /bin/$test $dir/$test 0755 0 0"
	done
}

# What the cell boots, built if it is not there yet.
build_cell() {
	[ "$kernel" != hardware ] || kernel=$(hardware_commit "${rev:-series}")
	image=$(build_kernel "$config" "$kernel")
	[ -z "$emulator" ] || L0_QEMU=$(build_l0 "$emulator")
	l1_files=
	if [ -n "$programs" ]; then
		build_programs
	elif [ -n "$selftests" ]; then
		folder=vfio
		[ "${selftests#iommufd}" = "$selftests" ] || folder=iommu
		folder=$(build_selftests "$folder" "$tests")
		l1_files=$(for test in $(words "$selftests"); do
			echo "file /bin/$test $folder/$test 0755 0 0"
		done)
	else
		guest=$(build_kernel 4k "$kernel")
		binary=$(build_qemu "$qemu")
		l1_files="file /qemu $binary 0755 0 0
file /Image $guest 0644 0 0
file /l2.cpio $dir/l2.cpio 0644 0 0"
	fi
}

# $dir/l1.cpio: everything that L1 and L2 run
make_initramfs() {
	BUSYBOX=$MSIWIN_CACHE/sysroot/arm64/bin/busybox
	export BOOT BUSYBOX
	gen=${image%/*}/gen_init_cpio
	"$gen" "$BOOT/l2.list" >"$dir/l2.cpio"
	"${CROSS}gcc" -static -O2 -Wall -o "$dir/msix" "$BOOT/msix.c"
	{
		cat "$BOOT/l1.list"
		echo "file /bin/msix $dir/msix 0755 0 0"
		echo "$l1_files"
		for module in "${image%/*}"/*.ko; do
			[ ! -f "$module" ] || echo "file /lib/${module##*/} $module 0644 0 0"
		done
	} >"$dir/l1.list"
	"$gen" "$dir/l1.list" >"$dir/l1.cpio"
}
