#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: what programs find in the source without running it.  No patch adds to
# that of kernel-doc in the files that it changes; with ALL=1 neither to that of
# sparse (make C=2, with the last patch in all of the touched folders), and the
# whole series nothing to that of coccinelle (every semantic patch of the kernel,
# MODE=report).  What was found once in a state of the source is kept.
#
# Seen to fail with: a member of struct iommu_ioas_msi_window that the comment
# above it does not name (kernel-doc); a __user pointer set to one of the kernel and a
# second container_of() of a __user pointer (sparse); two numbers with names that are
# added where a | could be meant (coccinelle).
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"
. "$TOP/tests/lib/prefixes.sh"

src=$MSIWIN_CACHE/src/linux
walk=$MSIWIN_CACHE/walk/linux
obj=$MSIWIN_CACHE/obj/analyse
folders="drivers/iommu/ drivers/vfio/ drivers/irqchip/ kernel/irq/"

# Each of the tools: TOOL_version, TOOL_takes (which files), TOOL_key COMMIT FILE (on
# what else than the version the findings hang), TOOL_finds COMMIT FILE

kerneldoc_version() { tree_id linux base-commit; }
kerneldoc_takes() { grep '^\(drivers\|include\|kernel\|tools\)/.*\.[ch]$'; }
kerneldoc_key() { git -C "$src" rev-parse "$1:$2"; }
kerneldoc_finds() (
	mkdir -p "$scratch/$(dirname "$2")"
	cd "$scratch"
	git -C "$src" show "$1:$2" >"$2"
	"$src/scripts/kernel-doc" -none "$2" 2>&1
)

sparse_version() { "$sparse" --version; }
sparse_takes() { grep '^\(drivers\|kernel\)/.*\.c$'; }
sparse_key() { tree_id linux "$1" Documentation tools samples MAINTAINERS; }
sparse_finds() { with_lock walk-linux sparse_finds_locked "$@"; }
sparse_finds_locked() (
	mkdir -p "$obj"
	checkout linux "$1"
	cat "$TOP/tests/boot/config.base" "$TOP/tests/boot/config.4k" "$TOP/tests/series/config.arm64" |
		awk -F= '/^CONFIG/ { line[$1] = $0 } END { for (l in line) print line[l] }' >"$obj/all.config"
	key=$(config_key "$1")
	stamped "$obj/configured" "$key" configure kmake O="$obj" >/dev/null
	kmake -s O="$obj" C=2 CHECK="$sparse" "$(echo "$2" | sed 's/\.c$/.o/')" >"$scratch/sparse" 2>&1 || {
		cat "$scratch/sparse" >&2
		exit 1
	}
	# make goes on without a checker that it does not like
	! grep 'not available or not up to date' "$scratch/sparse" >&2 || exit 1
	cat "$scratch/sparse"
)

coccinelle_version() { spatch --version | head -n 1; }
coccinelle_takes() { sparse_takes; }
coccinelle_key() { kerneldoc_key "$@"; }
# The kernel's script does not look at the status of spatch with a debug file, so
# that what spatch says there is looked at here.
coccinelle_finds() { with_lock walk-linux coccinelle_finds_locked "$@"; }
coccinelle_finds_locked() (
	checkout linux "$1"
	cd "$walk"
	rm -f "$scratch/spatch.err"
	C=2 MODE=report DEBUG_FILE="$scratch/spatch.err" srctree="$walk" \
		LINUXINCLUDE="-I $walk/arch/arm64/include -I $walk/include -I $walk/include/uapi" \
		scripts/coccicheck "$walk/$2" >"$scratch/spatch"
	# it goes on without what wants a later spatch
	! grep 'Skipping coccinelle SmPL patch' "$scratch/spatch" >&2 || exit 1
	cat "$scratch/spatch"
	[ -s "$scratch/spatch.err" ]
	! grep -iE 'fatal error|exception|cannot|failed' "$scratch/spatch.err"
)

# found TOOL COMMIT FILE  A file with the findings, without lines and columns.
found() (
	key=$({
		"$1_version"
		"$1_key" "$2" "$3"
		echo "$3"
		sha_of "$0"
	} | sha256sum | cut -c 1-16)
	kept=$MSIWIN_CACHE/passed/found-$1-$key
	if [ ! -f "$kept" ]; then
		mkdir -p "${kept%/*}"
		"$1_finds" "$2" "$3" >"$scratch/found"
		sed -nE "s,$walk/,,g; s/:[0-9]+[0-9:-]*( |\$)/:\\1/gp" "$scratch/found" |
			sed -E 's/\<line [0-9]+/line/g' | sort >"$kept.$$"
		mv "$kept.$$" "$kept"
	fi
	echo "$kept"
)

# adds_nothing TOOL BEFORE AFTER FILE...  A file that comes new is found nothing in.
adds_nothing() (
	tool=$1 before=$2 after=$3
	shift 3
	for file; do
		was=/dev/null
		if git -C "$src" cat-file -e "$before:$file" 2>/dev/null; then
			was=$(found "$tool" "$before" "$file")
		fi
		is=$(found "$tool" "$after" "$file")
		comm -13 "$was" "$is"
	done >"$scratch/added"
	cat "$scratch/added"
	[ ! -s "$scratch/added" ]
)

# changed TOOL BEFORE AFTER
changed() {
	git -C "$src" diff --name-only --diff-filter=AM "$2" "$3" | "$1_takes" || :
}

# every_patch TOOL
every_patch() {
	tool=$1
	for commit in $(commits linux); do
		# shellcheck disable=SC2046 # one word a file
		set -- $(changed "$tool" "$commit^" "$commit")
		[ $# -eq 0 ] || ok "$tool: $(git -C "$src" log -1 --format=%s "$commit")" \
			adds_nothing "$tool" "$commit^" "$commit" "$@"
	done
}

provision linux
last=$(commit_of linux series)
scratch_dir

every_patch kerneldoc
if [ -n "${ALL-}" ]; then
	# semantic patches have parts in OCaml
	need_packages coccinelle ocaml-nox
	sparse=$(build_sparse)
	every_patch sparse
	# headers too have users
	# shellcheck disable=SC2086 # one word a folder
	ok "sparse: the touched folders" adds_nothing sparse base-commit "$last" $folders
	for file in $(changed coccinelle base-commit "$last"); do
		ok "coccinelle: $file" adds_nothing coccinelle base-commit "$last" "$file"
	done
fi
tap_done
