#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: the series compiles where neither the boots nor build-linux.t look:
# corners.conf.  In each corner the touched folders, W=1 without a warning, and the
# functions that they call are there; one corner is linked, so that modpost says the
# same.  The new structures of the uAPI have no hole and the same layout for every
# machine.  The base is not built: where the series is silent there is nothing to
# compare.
#
# Slow: runs with ALL=1, and then some corners after every patch, not only the last
# one, or for the corners named as arguments; with EVERY=1 each of them after every
# patch.  What passed once is not built again.
#
# Seen to fail with: a 64-bit division in vfio_iommu_type1.c, msi_device_doorbells()
# or iommufd_vfio_compat_device_closed() not exported (arm); a corner that
# asks for an option which the tree does not select; in struct iommu_ioas_msi_window
# a missing u32 (everywhere) and an unsigned long (arm, i386); a // comment (C90), a
# member called new (C++98).
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/prefixes.sh"

conf=$TOP/tests/series/corners.conf
src=$MSIWIN_CACHE/src/linux
walk=$MSIWIN_CACHE/walk/linux
folders="drivers/iommu/ drivers/vfio/ drivers/irqchip/ kernel/irq/"

if [ -z "${ALL-}${EVERY-}$*" ]; then
	skip "the corners of the configuration" "slow, runs with ALL=1"
	tap_done
	exit
fi

# section CORNER
section() {
	awk -v head="[$1]" '/^\[/ { inside = $0 == head; next } inside' "$conf"
}

corners() {
	sed -n 's/^\[\(.*\)\]$/\1/p' "$conf"
}

# field CORNER KEY
field() {
	section "$1" | awk -v key="$2" '$1 == key && $2 == "=" { print $3 }'
}

# machine CORNER  The corner that it is like, or itself.
machine() (
	like=$(field "$1" like)
	echo "${like:-$1}"
)

machines() {
	for corner in $(corners); do
		[ -z "$(field "$corner" arch)" ] || echo "$corner"
	done
}

# cross CORNER  The prefix of its compiler.
cross() {
	field "$(machine "$1")" cross | sed 's/$/-/'
}

compilers() {
	sed -n 's/^cross = /gcc-/p' "$conf" | sort -u
}

# arch_folder CORNER
arch_folder() {
	field "$(machine "$1")" arch | sed 's/i386\|x86_64/x86/; s,^,arch/,'
}

# config CORNER
config() {
	{
		section "$(machine "$1")"
		section "$1"
	} | awk -F= '/^CONFIG/ { line[$1] = $0 } END { for (l in line) print line[l] }' | sort
}

# key CORNER COMMIT  All that the result hangs on; not what is never compiled.
key() (
	{
		config "$1"
		field "$1" link
		sha_of "$0"
		"$(cross "$1")gcc" --version
		tree_id linux "$2" Documentation tools samples MAINTAINERS
	} | sha256sum | cut -c 1-16
)

# compile CORNER
compile() (
	corner=$1
	obj=$MSIWIN_CACHE/obj/corner-$corner
	mkdir -p "$obj"
	checkout linux "$last"
	config "$corner" >"$obj/all.config"
	key=$(config_key "$last")
	set -- make -j"$MAKE_JOBS" -C "$walk" O="$obj" LOCALVERSION= \
		ARCH="$(field "$(machine "$corner")" arch)" \
		CROSS_COMPILE="$(cross "$corner")" CC="ccache $(cross "$corner")gcc"
	stamped "$obj/configured" "$key" configure "$@"
	if [ "$(field "$corner" link)" = yes ]; then
		"$@" vmlinux modules
	else
		# without kernel-doc on every file, for which build-linux.t is there
		# shellcheck disable=SC2086 # one word a folder
		"$@" W=1 cmd_checkdoc= $folders
		provided
	fi
)

# What the linker and modpost would find, had the rest of the kernel been built
# too: of the touched folders' own functions, one that this configuration has not,
# one in a module that the kernel calls, one that a module calls and that is not
# exported; and a division of 64 bits.
provided() (
	cd "$obj"
	# shellcheck disable=SC2086 # one word a folder
	functions $folders >own.all
	# a machine may have its own instead, which is not built here
	functions "$(arch_folder "$corner")/" >own.arch
	comm -23 own.all own.arch >own
	[ -s own ]
	for folder in $folders; do
		[ ! -f "${folder}built-in.a" ] || symbols kernel "${folder}built-in.a"
		while read -r module; do
			symbols "$module" "$module"
		done <"${folder}modules.order"
	done | awk '
		NR == FNR { own[$1]; next }
		$2 == "U" { lacks[$1 " " $3] }
		$2 ~ /^[A-TV-Z]$/ { there[$1 " " $3] }
		sub(/^__export_symbol_/, "", $3) { exported[$3] }
		END {
			for (l in lacks) {
				split(l, word)
				if (l in there)
					continue
				if (word[2] ~ /^__(u?(div|mod|divmod)[dt]i[34]|aeabi_u?ldivmod)$/ ||
				    word[2] in own && (word[1] == "kernel" || !(word[2] in exported))) {
					print word[1] ": nobody provides " word[2]
					missing = 1
				}
			}
			exit missing
		}' own -
)

# functions FOLDER...  What they define, whatever is configured.
functions() {
	for folder; do
		git -C "$walk" grep -hE '^([a-z][A-Za-z0-9_ *]*[ *])?[a-z0-9_]+\(' -- "$folder*.c"
	done | sed '/^static/d; s/(.*//; s/.*[ *]//' | sort -u
}

# The archives are thin ones.  EXPORT_SYMBOL() leaves a mark in the object.
symbols() {
	"$(cross "$corner")nm" "$2" | awk -v who="$1" 'NF >= 2 && !/:$/ { print who, $(NF - 1), $NF }'
}

# wanted CORNER  After each patch, as far as its options are there.
wanted() (
	[ -n "${EVERY-}" ] || { [ -n "${ALL-}" ] && [ "$(field "$1" every)" = yes ]; } || exit 1
	since=$(field "$1" since)
	[ -z "$since" ] || git -C "$src" grep -q "$since" "$last" -- drivers
)

# builds CORNER
builds() (
	mark=$MSIWIN_CACHE/passed/corner-$1-$(key "$1" "$last")
	[ ! -f "$mark" ] || exit 0
	with_lock walk-linux run_logged "$OUT/corner-$1.log" compile "$1"
	mkdir -p "${mark%/*}"
	: >"$mark"
)

# ---- the uAPI

# As `make headers` does it: for asm/ the machine's own file or else the generic one.
uapi_headers() (
	git -C "$src" archive "$last" include/uapi scripts/headers_install.sh scripts/unifdef.c arch |
		tar -x -C "$scratch" --wildcards include scripts 'arch/*/include/uapi'
	cd "$scratch"
	cc -O -w -o scripts/unifdef scripts/unifdef.c
	mkdir -p headers/linux
	ln -s ../include/uapi/asm-generic headers/asm-generic
	ln -s asm-generic headers/asm
	for header in vfio iommufd types stddef posix_types ioctl; do
		srctree=. sh scripts/headers_install.sh "include/uapi/linux/$header.h" "headers/linux/$header.h"
	done
)

# uapi_cc MACHINE ARG...
uapi_cc() (
	machine=$1
	cc=$(cross "$machine")gcc
	shift
	[ "$machine" != i386 ] || set -- -m32 "$@"
	"$cc" -Wall -Werror -nostdinc -I "$scratch/$(arch_folder "$machine")/include/uapi" -I "$scratch/headers" "$@"
)

# members REV  "STRUCT MEMBER", an array of any length as "MEMBER[]".
members() {
	git -C "$src" show "$1:include/uapi/linux/vfio.h" "$1:include/uapi/linux/iommufd.h" | awk '
		/^struct [a-z0-9_]+ \{$/ { name = $2; next }
		/^\};?$/ { name = "" }
		name && /;/ { sub(/( __counted_by\(.*\))?;.*/, ""); sub(/.*[ \t*]/, ""); print name, $0 }'
}

new_members() {
	members base-commit >"$scratch/old"
	members "$last" | awk 'NR == FNR { old[$1]; next } !($1 in old)' "$scratch/old" -
}

# C whose symbols are as large as what stands at their place in the layout, and
# which does not compile if a structure is larger than its members.
layout_source() {
	printf '#include <linux/%s>\n' types.h vfio.h iommufd.h
	awk '{
		member = $2
		sum[$1] = sum[$1]
		if (!sub(/\[\]$/, "", member))
			sum[$1] = sum[$1] " + sizeof(((struct " $1 " *)0)->" member ")"
		print "char " $1 "_at_" member "[1 + __builtin_offsetof(struct " $1 ", " member ")];"
	}
	END {
		for (s in sum) {
			print "char sizeof_" s "[sizeof(struct " s ")];"
			print "typedef char " s "_has_no_hole[sizeof(struct " s ") ==" sum[s] " ? 1 : -1];"
		}
	}'
}

# layout MACHINE
layout() (
	new_members | layout_source >"$scratch/layout.c"
	uapi_cc "$1" -std=c90 -fno-common -c -o "$scratch/layout.o" "$scratch/layout.c"
	"$(cross "$1")nm" -S "$scratch/layout.o" | sed 's/^[0-9a-f]* 0*//' | sort
)

# same_layout MACHINE
same_layout() (
	for machine in x86_64 "$1"; do
		layout "$machine" >"$scratch/layout.$machine"
	done
	[ -s "$scratch/layout.x86_64" ]
	diff -u "$scratch/layout.x86_64" "$scratch/layout.$1"
)

# cxx MACHINE
cxx() (
	printf '#include <linux/%s>\n' vfio.h iommufd.h >"$scratch/try.cc"
	uapi_cc "$1" -x c++ -std=c++98 -fsyntax-only "$scratch/try.cc"
)

provision linux
last=$(commit_of linux series)
# shellcheck disable=SC2046 # one word a package
need_packages $(compilers)
scratch_dir

uapi_headers
for machine in $(machines); do
	ok "uAPI: C90 for $machine, no hole, laid out as for x86_64" same_layout "$machine"
done
for machine in x86_64 i386; do
	ok "uAPI: C++98 for $machine" cxx "$machine"
done
# shellcheck disable=SC2046 # one word a corner
[ $# -gt 0 ] || set -- $(corners)
for last in $(commits linux); do
	for corner in "$@"; do
		! wanted "$corner" ||
			ok "$corner: $(git -C "$src" log -1 --format=%s "$last")" builds "$corner"
	done
done
for corner in "$@"; do
	ok "$corner" builds "$corner"
done
tap_done
