# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# Cross builds for the boots.  Each function prints the path of its result,
# which lies in a folder named after everything it was made from, so that a
# second call finds it and a half-done build is never taken for one.
#
# Source common.sh and provision.sh first.  There is one worktree a tree, in
# $MSIWIN_CACHE/walk: ccache and make know a file by its path.  Who changes it
# holds the lock walk-linux or walk-qemu.

CROSS=aarch64-linux-gnu-
export CCACHE_DIR="$MSIWIN_CACHE/ccache"
# no preprocessor pass of its own: a fifth less for what is built the first time
export CCACHE_DEPEND=1
# no time and no host name in an Image
export KBUILD_BUILD_TIMESTAMP='@0' KBUILD_BUILD_USER=msiwin KBUILD_BUILD_HOST=msiwin

# Look-ups and links, which are many here, leave a processor idle.
MAKE_JOBS=$(($(nproc) + 1))

# checkout linux|qemu REV  A worktree of another src, one that is gone or of which
# the cache is a copy, is made anew.
checkout() (
	tree=$MSIWIN_CACHE/walk/$1
	of=$(git -C "$tree" rev-parse --git-common-dir 2>/dev/null) || :
	if [ "$of" != "$(git -C "$MSIWIN_CACHE/src/$1" rev-parse --absolute-git-dir)" ]; then
		rm -rf "$tree"
		git -C "$MSIWIN_CACHE/src/$1" worktree prune
		git -C "$MSIWIN_CACHE/src/$1" worktree add -q --detach --no-checkout "$tree" "$2"
	fi
	git -C "$tree" checkout -q --force --detach "$2"
)

# commit_of linux|qemu REV  A branch can move while a build waits for its lock: who
# looks at REV twice asks once for its commit.
commit_of() {
	git -C "$MSIWIN_CACHE/src/$1" rev-parse -q --verify "$2^{commit}" ||
		die "no revision $2 in $MSIWIN_CACHE/src/$1" "run ./apply.sh --base"
}

# hardware_commit REV: with hardware.patch on top, on no branch -> its commit, which is
# the same as long as these two are.  Wants $BOOT.
hardware_commit() (
	cd "$MSIWIN_CACHE/src/linux"
	commit=$(commit_of linux "$1")
	scratch_dir
	# shellcheck disable=SC2154 # of scratch_dir
	export GIT_INDEX_FILE="$scratch/index"
	git read-tree "$commit"
	git apply --cached "$BOOT/hardware.patch" ||
		die "tests/boot/hardware.patch does not apply to $1" \
			"make its changes anew, on the branch series"
	GIT_AUTHOR_NAME=hardware GIT_AUTHOR_EMAIL='' GIT_AUTHOR_DATE='@0 +0000' \
		GIT_COMMITTER_NAME=hardware GIT_COMMITTER_EMAIL='' GIT_COMMITTER_DATE='@0 +0000' \
		git commit-tree -p "$commit" -m hardware.patch "$(git write-tree)"
)

# tree_id linux|qemu REV [NAME...]: of the tree without these files and folders
tree_id() (
	list=$(git -C "$MSIWIN_CACHE/src/$1" ls-tree "$2")
	shift 2
	echo "$list" | awk -F '\t' -v skip="$*" '
		BEGIN { split(skip, names, " "); for (i in names) skipped[names[i]] }
		!($2 in skipped)' | sha256sum
)

# publish FOLDER FILE...: the files appear there together or not at all.
publish() (
	dir=$1
	shift
	rm -rf "$dir.$$"
	mkdir -p "$dir.$$"
	cp "$@" "$dir.$$"
	rm -rf "$dir"
	mv "$dir.$$" "$dir"
)

kmake() {
	make -j"$MAKE_JOBS" -C "$MSIWIN_CACHE/walk/linux" ARCH=arm64 LOCALVERSION= \
		CROSS_COMPILE="ccache $CROSS" "$@"
}

# build_kernel VARIANT REV: config.base + config.VARIANT -> path of Image, with its
# modules beside it
build_kernel() (
	config=$TOP/tests/boot/config
	commit=$(commit_of linux "$2")
	tree=$(tree_id linux "$commit" Documentation MAINTAINERS tools)
	key=$({ cat "$config.base" "$config.$1"; echo "$tree"; ${CROSS}gcc --version; } | sha256sum | cut -c 1-16)
	dir=$MSIWIN_CACHE/image/$key
	[ -f "$dir/Image" ] || with_lock walk-linux make_kernel "$1" "$2" "$dir" >&2
	echo "$dir/Image"
)

# prepare_kernel VARIANT: check $commit out and configure it in $obj, which it sets.
prepare_kernel() {
	config=$TOP/tests/boot/config
	obj=$MSIWIN_CACHE/obj/linux-$1
	mkdir -p "$obj"
	checkout linux "$commit"
	# the variant has the last word
	awk -F = '/^CONFIG/ { last[$1] = $0 } END { for (name in last) print last[name] }' \
		"$config.base" "$config.$1" >"$obj/all.config"
	kmake -s O="$obj" KCONFIG_ALLCONFIG="$obj/all.config" allnoconfig
	check_config "$obj"
}

make_kernel() {
	[ ! -f "$3/Image" ] || return 0
	stage "kernel $2, $1"
	prepare_kernel "$1"
	targets=Image
	! grep -q '^CONFIG_MODULES=y' "$obj/.config" || targets="Image modules"
	# shellcheck disable=SC2086 # one word a target
	run_logged "$obj/build.log" kmake O="$obj" $targets
	set -- "$3" "$obj/arch/arm64/boot/Image" "$obj/usr/gen_init_cpio"
	# shellcheck disable=SC2046 # names without blanks
	[ "$targets" = Image ] || set -- "$@" $(sed "s,^,$obj/,; s/o\$/ko/" "$obj/modules.order")
	publish "$@"
	stage_done
}

# build_vmlinux REV: of config.4k -> its path.  Kept apart from the Image, which is
# wanted more often.
build_vmlinux() (
	commit=$(commit_of linux "$1")
	image=$(build_kernel 4k "$commit")
	dir=$MSIWIN_CACHE/vmlinux/$(basename "${image%/Image}")
	[ -f "$dir/vmlinux" ] || with_lock walk-linux make_vmlinux "$1" "$dir" >&2
	echo "$dir/vmlinux"
)

make_vmlinux() {
	[ ! -f "$2/vmlinux" ] || return 0
	stage "symbols of kernel $1"
	prepare_kernel 4k
	run_logged "$obj/build.log" kmake O="$obj" vmlinux
	publish "$2" "$obj/vmlinux"
	stage_done
}

# config_key REV: what .config is made from.  It and configure() want $obj.
config_key() {
	{
		cat "$obj/all.config"
		git -C "$MSIWIN_CACHE/src/linux" ls-tree -r "$1" | grep Kconfig
	} | sha256sum
}

configure() {
	"$@" -s KCONFIG_ALLCONFIG="$obj/all.config" allnoconfig
	check_config "$obj"
}

# Kconfig drops what it does not know or cannot have without a word, and turns
# on what others select.
check_config() (
	grep '^CONFIG' "$1/all.config" | while read -r line; do
		case $line in
		*=n) ! grep -q "^${line%n}" "$1/.config" || die "kernel config has ${line%=n}" "look at what selects it" ;;
		*) grep -qxF "$line" "$1/.config" || die "kernel config lost $line" "look at its dependencies" ;;
		esac
	done
)

# -O1: what runs for seconds need not be fast, and takes a third less to compile.
QEMU_COMMON="--python=/usr/bin/python3 --target-list=aarch64-softmmu
	--without-default-features --without-default-devices --enable-fdt=system
	--disable-docs --disable-tools --enable-werror --disable-debug-info
	--disable-install-blobs -Doptimization=1"
# In a git tree warnings are errors from meson's second run on, whatever was asked
# for: here from the first, or a second revision compiles everything again.  And
# -O1 sees variables that are not set.
QEMU_CFLAGS=--extra-cflags=-Wno-maybe-uninitialized
QEMU_FLAGS="$QEMU_COMMON --cross-prefix=$CROSS --static --enable-kvm --disable-tcg
	--with-devices-aarch64=msiwin $QEMU_CFLAGS"

# build_qemu REV: KVM only, static, so that an initramfs needs no library
build_qemu() (
	devices=$TOP/tests/boot/qemu-devices.mak
	commit=$(commit_of qemu "$1")
	tree=$(tree_id qemu "$commit" MAINTAINERS docs tests)
	key=$({ cat "$devices"; echo "$QEMU_FLAGS $tree"; ${CROSS}gcc --version; } | sha256sum | cut -c 1-16)
	dir=$MSIWIN_CACHE/qemu/$key
	[ -f "$dir/qemu-system-aarch64" ] || with_lock walk-qemu make_qemu "$1" "$dir" >&2
	echo "$dir/qemu-system-aarch64"
)

# place FILE COPY  A copy that is new has meson configure everything anew.
place() {
	cmp -s "$1" "$2" || cp "$1" "$2"
}

# Configure what is checked out, if that is not done; sets $obj.
prepare_qemu() {
	obj=$MSIWIN_CACHE/obj/qemu
	mkdir -p "$obj"
	place "$TOP/tests/boot/qemu-devices.mak" \
		"$MSIWIN_CACHE/walk/qemu/configs/devices/aarch64-softmmu/msiwin.mak"
	# meson and pycotap are newer than bookworm's
	export PYTHONPATH="$MSIWIN_CACHE/sysroot/host/usr/lib/python3/dist-packages"
	sysroot=$MSIWIN_CACHE/sysroot/arm64
	export PKG_CONFIG=pkg-config PKG_CONFIG_SYSROOT_DIR="$sysroot" \
		PKG_CONFIG_LIBDIR="$sysroot/usr/lib/aarch64-linux-gnu/pkgconfig"
	# ninja that is stopped while it makes its own file anew leaves none
	[ -f "$obj/build.ninja" ] || rm -f "$obj/configured"
	stamped "$obj/configured" "$QEMU_FLAGS" run_logged "$obj/configure.log" configure_qemu
}

make_qemu() {
	[ ! -f "$2/qemu-system-aarch64" ] || return 0
	stage "qemu $1"
	checkout qemu "$commit"
	prepare_qemu
	run_logged "$obj/build.log" ninja -C "$obj" qemu-system-aarch64
	${CROSS}strip -o "$obj/qemu-system-aarch64.stripped" "$obj/qemu-system-aarch64"
	mkdir -p "$obj/result"
	mv "$obj/qemu-system-aarch64.stripped" "$obj/result/qemu-system-aarch64"
	publish "$2" "$obj/result/qemu-system-aarch64"
	stage_done
}

configure_qemu() {
	cd "$obj" && rm -rf build.ninja meson-private
	# shellcheck disable=SC2086 # one word a flag
	"$MSIWIN_CACHE/walk/qemu/configure" $QEMU_FLAGS \
		--cc="ccache ${CROSS}gcc --sysroot=$sysroot"
}

L0_FLAGS="$QEMU_COMMON --enable-tcg --disable-kvm --with-devices-aarch64=msiwin-l0
	$QEMU_CFLAGS"

# build_l0 REV: TCG on this machine, for cells whose outer machine the packaged
# QEMU does not emulate
build_l0() (
	devices=$TOP/tests/boot/qemu-devices-l0.mak
	commit=$(commit_of qemu "$1")
	tree=$(tree_id qemu "$commit" MAINTAINERS docs tests)
	key=$({ cat "$devices"; echo "$L0_FLAGS $tree"; gcc --version; } | sha256sum | cut -c 1-16)
	dir=$MSIWIN_CACHE/l0/$key
	[ -f "$dir/qemu-system-aarch64" ] || with_lock walk-qemu make_l0 "$1" "$dir" >&2
	echo "$dir/qemu-system-aarch64"
)

make_l0() {
	[ ! -f "$2/qemu-system-aarch64" ] || return 0
	obj=$MSIWIN_CACHE/obj/qemu-l0
	stage "qemu $1 for L0"
	checkout qemu "$commit"
	mkdir -p "$obj/result"
	place "$TOP/tests/boot/qemu-devices-l0.mak" \
		"$MSIWIN_CACHE/walk/qemu/configs/devices/aarch64-softmmu/msiwin-l0.mak"
	export PYTHONPATH="$MSIWIN_CACHE/sysroot/host/usr/lib/python3/dist-packages"
	[ -f "$obj/build.ninja" ] || rm -f "$obj/configured"
	stamped "$obj/configured" "$L0_FLAGS" run_logged "$obj/configure.log" configure_l0
	run_logged "$obj/build.log" ninja -C "$obj" qemu-system-aarch64
	strip -o "$obj/result/qemu-system-aarch64" "$obj/qemu-system-aarch64"
	publish "$2" "$obj/result/qemu-system-aarch64"
	stage_done
}

configure_l0() {
	cd "$obj" && rm -rf build.ninja meson-private
	# shellcheck disable=SC2086 # one word a flag
	"$MSIWIN_CACHE/walk/qemu/configure" $L0_FLAGS --cc='ccache gcc'
}

# build_selftests iommu|vfio REV: of tools/testing/selftests, static arm64 -> path of
# the folder of programs
build_selftests() (
	commit=$(commit_of linux "$2")
	tree=$(tree_id linux "$commit")
	key=$({ echo "$1 $tree"; ${CROSS}gcc --version; } | sha256sum | cut -c 1-16)
	dir=$MSIWIN_CACHE/selftests/$key
	[ -d "$dir" ] || with_lock walk-linux make_selftests "$1" "$2" "$dir" >&2
	echo "$dir"
)

make_selftests() {
	[ ! -d "$3" ] || return 0
	obj=$MSIWIN_CACHE/obj/selftests
	sysroot=$MSIWIN_CACHE/sysroot/arm64
	mkdir -p "$obj"
	checkout linux "$commit"
	stage "selftests/$1 $2"
	run_logged "$obj/headers.log" kmake O="$obj" headers
	rm -rf "${obj:?}/bin"
	mkdir "$obj/bin"
	# The harness ends a test after 30 s, which is a long time on hardware only.
	sed -i 's/^\(#define TEST_TIMEOUT_DEFAULT\) 30/\1 300/' \
		"$MSIWIN_CACHE/walk/linux/tools/testing/selftests/kselftest_harness.h"
	run_logged "$obj/$1.log" kmake -C "tools/testing/selftests/$1" OUTPUT="$obj/bin" \
		CC="ccache ${CROSS}gcc --sysroot=$sysroot" USERLDFLAGS=-static \
		KHDR_INCLUDES="-isystem $obj/usr/include"
	# shellcheck disable=SC2046 # names without blanks
	publish "$3" $(find "$obj/bin" -maxdepth 1 -type f -perm -u+x)
	stage_done
}

# build_sparse -> path of the program.  The kernel rejects that of bookworm: make
# C=2 says so and goes on without it.
build_sparse() (
	dir=$MSIWIN_CACHE/sparse
	with_lock sparse stamped "$dir/made-from" "$(base_field qemu suite)" make_sparse >&2
	echo "$dir/src/sparse"
)

make_sparse() {
	apt_update
	stage "sparse"
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir"
	with_lock apt run_logged "$OUT/fetch-sparse.log" apt_get source --download-only sparse
	dpkg-source --no-check -x sparse_*.dsc src >/dev/null
	# Debian's Makefile names the compiler of the day
	run_logged "$OUT/sparse.log" make -C src CC=gcc sparse
	stage_done
}
