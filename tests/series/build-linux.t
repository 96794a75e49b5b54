#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: the kernel builds after every patch, so that git bisect can stop
# anywhere: the touched folders, arm64 and x86_64, gcc (ALL=1: clang, too), W=1
# without a warning, and no module calls a function that is not exported.  The
# selftests compile, too, at the end or, with ALL=1, after each patch that changes
# them.
#
# Seen to fail with, in ioas.c: a function without a prototype, an #error for x86
# only, a call of iommu_setup_dma_ops(), which is not exported; with a selftest that
# does not compile.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/prefixes.sh"

clang="clang-19"
src=$MSIWIN_CACHE/src/linux
walk=$MSIWIN_CACHE/walk/linux

# config VARIANT  On arm64 that of the boots, with the last word on an option ours.
config() (
	cd "$TOP/tests"
	arch=${1%-clang}
	set --
	[ "$arch" = x86_64 ] || set -- boot/config.base boot/config.4k
	[ -z "${ALL-}" ] || [ ! -f "series/config.$arch.all" ] || set -- "series/config.$arch.all"
	awk -F= '/^CONFIG/ { line[$1] = $0 } END { for (l in line) print line[l] }' \
		"$@" "series/config.$arch" | sort
)

compiler() {
	case $1 in
	*-clang) echo "$clang" ;;
	arm64) echo "${CROSS}gcc" ;;
	*) echo gcc ;;
	esac
}

# mark VARIANT COMMIT  Named after all that the result hangs on; holds what the
# modules of a build that passed lack.
mark() (
	key=$({
		config "$1"
		sha_of "$0"
		"$(compiler "$1")" --version
		tree_id linux "$2" Documentation tools samples MAINTAINERS
	} | sha256sum | cut -c 1-16)
	echo "$MSIWIN_CACHE/passed/linux-$1-$key"
)

# compile VARIANT COMMIT
compile() (
	variant=$1
	obj=$MSIWIN_CACHE/obj/series-$variant
	mkdir -p "$obj"
	config "$variant" >"$obj/all.config"
	key=$(config_key "$2")
	set -- make -j"$MAKE_JOBS" -C "$walk" O="$obj" ARCH="${variant%-clang}" LOCALVERSION= \
		CC="ccache $(compiler "$variant")"
	[ "${variant%-clang}" = x86_64 ] || set -- "$@" CROSS_COMPILE="$CROSS"
	stamped "$obj/configured" "$key" configure "$@"
	# analyse.t has kernel-doc look at what changed, not at each compiled file
	"$@" W=1 cmd_checkdoc= drivers/iommu/ drivers/vfio/ drivers/irqchip/ kernel/irq/
	list_lacks "$obj"
)

# build COMMIT: all variants at once, as half of such a build is one make that
# looks for what there is to do.  A file lacks tells that one is complete.
build() (
	checkout linux "$1"
	for variant in $variants; do
		rm -f "$MSIWIN_CACHE/obj/series-$variant/lacks"
		[ -f "$(mark "$variant" "$1")" ] ||
			run_logged "$OUT/build-linux-$variant.log" compile "$variant" "$1" &
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

# exported COMMIT BASE LACKS  What came with the series must be exported.  Asked of
# the commit, as the worktree may hold another by now.
exported() (
	git -C "$walk" grep -h EXPORT_SYMBOL "$1" -- drivers/base drivers/iommu drivers/pci kernel lib mm |
		sed -n 's/.*EXPORT_SYMBOL[A-Z_]*(\([A-Za-z0-9_]*\)[,)].*/\1/p' | sort -u >"$3.exported"
	comm -13 "$2" "$3" | comm -23 - "$3.exported" | sed 's/$/ is not exported/' >"$3.missing"
	cat "$3.missing"
	[ ! -s "$3.missing" ]
)

# passes VARIANT COMMIT
passes() (
	mark=$(mark "$1" "$2")
	[ ! -f "$mark" ] || exit 0
	lacks=$MSIWIN_CACHE/obj/series-$1/lacks
	if [ ! -f "$lacks" ]; then
		tail -n 20 "$OUT/build-linux-$1.log"
		exit 1
	fi
	[ "$2" = base-commit ] || exported "$2" "$(mark "$1" base-commit)" "$lacks"
	mkdir -p "${mark%/*}"
	cp "$lacks" "$mark"
)

# Each patch that changes a selftest leaves one that compiles.
every_selftest() {
	for commit in $(commits linux); do
		for name in iommu vfio; do
			folder=tools/testing/selftests/$name
			git -C "$src" diff --quiet "$commit^" "$commit" -- "$folder" ||
				ok "selftests/$name: $(git -C "$src" log -1 --format=%s "$commit")" \
					build_selftests "$name" "$commit"
		done
	done
}

last_selftests() {
	for name in iommu vfio; do
		ok "selftests/$name" build_selftests "$name" series
	done
}

provision linux
sysroot_arm64
set -- arm64 x86_64
if [ -n "${ALL-}" ]; then
	need_packages "$clang"
	set -- "$@" arm64-clang x86_64-clang
	every_selftest
else
	last_selftests
fi
every_prefix linux "$@"
