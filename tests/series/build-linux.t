#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: the kernel builds after every patch, so that git bisect can stop
# anywhere: the touched folders, gcc, arm64 and x86_64, W=1 without a warning, and
# no module calls a function that is not exported.  A patched tree that passed
# once is not built again.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"

src=$MSIWIN_CACHE/src/linux
walk=$MSIWIN_CACHE/walk/linux

# config ARCH  On arm64 that of the boots, with the last word on an option ours.
config() (
	cd "$TOP/tests"
	[ "$1" = x86_64 ] || set -- "$1" boot/config.base boot/config.4k
	arch=$1
	shift
	awk -F= '/^CONFIG/ { line[$1] = $0 } END { for (l in line) print line[l] }' \
		"$@" "series/config.$arch" | sort
)

compiler() {
	[ "$1" = arm64 ] && echo "${CROSS}gcc" || echo gcc
}

# key ARCH COMMIT  All that the result hangs on; not what is never compiled.
key() (
	{
		config "$1"
		"$(compiler "$1")" --version
		git -C "$src" ls-tree "$2" | grep -vE '	(Documentation|tools|samples|MAINTAINERS)$'
	} | sha256sum | cut -c 1-16
)

# compile ARCH COMMIT
compile() (
	arch=$1
	obj=$MSIWIN_CACHE/obj/series-$arch
	mkdir -p "$obj"
	config "$arch" >"$obj/all.config"
	key=$(config_key "$2")
	set -- make -j"$(nproc)" -C "$walk" O="$obj" ARCH="$arch" LOCALVERSION= CC="ccache $(compiler "$arch")"
	[ "$arch" = x86_64 ] || set -- "$@" CROSS_COMPILE="$CROSS"
	stamped "$obj/configured" "$key" configure "$@"
	"$@" W=1 drivers/iommu/ drivers/vfio/ drivers/irqchip/ kernel/irq/
	list_lacks "$obj"
)

# build COMMIT: both architectures at once, as half of such a build is one make
# that looks for what there is to do.  A file lacks tells that one is complete.
build() (
	checkout linux "$1"
	for arch in $archs; do
		rm -f "$MSIWIN_CACHE/obj/series-$arch/lacks"
		[ -f "$(mark "$arch" "$1")" ] ||
			run_logged "$OUT/build-linux-$arch.log" compile "$arch" "$1" &
	done
	wait
)

# What the modules of a build take from elsewhere.
list_lacks() (
	cd "$1"
	# shellcheck disable=SC2046 # one word a file
	nm -g $(find drivers/iommu/iommufd drivers/vfio -name '*.o') | awk '
		$1 == "U" { lacks[$2] }
		NF == 3 { defined[$3] }
		END { for (s in lacks) if (!(s in defined)) print s }' | sort >lacks
)

# exported BASE LACKS  What came with the series must be exported.
exported() (
	git -C "$walk" grep -h EXPORT_SYMBOL -- drivers/base drivers/iommu drivers/pci kernel lib mm |
		sed -n 's/.*EXPORT_SYMBOL[A-Z_]*(\([A-Za-z0-9_]*\)[,)].*/\1/p' | sort -u >"$2.exported"
	comm -13 "$1" "$2" | comm -23 - "$2.exported" | sed 's/$/ is not exported/' >"$2.missing"
	cat "$2.missing"
	[ ! -s "$2.missing" ]
)

# The mark of a build that passed holds what its modules lack.
mark() {
	echo "$MSIWIN_CACHE/passed/linux-$1-$(key "$1" "$2")"
}

# passes ARCH COMMIT
passes() (
	mark=$(mark "$1" "$2")
	[ ! -f "$mark" ] || exit 0
	lacks=$MSIWIN_CACHE/obj/series-$1/lacks
	if [ ! -f "$lacks" ]; then
		tail -n 20 "$OUT/build-linux-$1.log"
		exit 1
	fi
	[ "$2" = base-commit ] || exported "$(mark "$1" base-commit)" "$lacks"
	mkdir -p "${mark%/*}"
	cp "$lacks" "$mark"
)

# check COMMIT NAME
check() {
	for arch in $archs; do
		[ -f "$(mark "$arch" "$1")" ] || {
			with_lock walk-linux build "$1"
			break
		}
	done
	for arch in $archs; do
		ok "$arch: $2" passes "$arch" "$1"
	done
}

provision_base linux
provision_series linux
archs="arm64 x86_64"
check base-commit base
[ "$tap_failed" -gt 0 ] || for commit in $(git -C "$src" rev-list --reverse base-commit..series); do
	check "$commit" "$(git -C "$src" log -1 --format=%s "$commit")"
done
tap_done
