# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# What series.conf says.  NAME is linux or qemu throughout.

# base_field NAME KEY
base_field() {
	awk -v name="$1" -v key="$2" '
		$1 == "base" { inside = $2 == name }
		inside && $1 == key { print $2; exit }' "$TOP/series.conf"
}

patch_dir() {
	case $1 in
	linux) echo patches ;;
	qemu) echo qemu-patches ;;
	*) die "no such series: $1" "there are linux and qemu" ;;
	esac
}

# patch_files NAME  The patches in order, as paths from the top of the repo.
patch_files() {
	grep "^$(patch_dir "$1")/" "$TOP/series.conf" || :
}

# patches_key NAME  One key for all patches of a series.
patches_key() (
	cd "$TOP"
	# shellcheck disable=SC2046 # git format-patch writes no blanks in names
	sha_of /dev/null $(patch_files "$1")
)

# Files that a series touches, as they are called before and after.
touched_files() (
	cd "$TOP"
	# shellcheck disable=SC2046 # git format-patch writes no blanks in names
	sed -n 's,^diff --git a/\(.*\) b/\(.*\)$,\1\n\2,p' /dev/null $(patch_files "$1") | sort -u
)

# tree_release NAME DIR  VERSION.PATCHLEVEL of a source tree.
tree_release() {
	case $1 in
	linux)
		awk '/^VERSION = /{v = $3} /^PATCHLEVEL = /{print v "." $3; exit}' \
			"$2/Makefile"
		;;
	qemu)
		sed -n 's/^\([0-9]*\.[0-9]*\).*/\1/p' "$2/VERSION"
		;;
	esac
}

# Is the git tree here as it was committed?  The index of one that was copied knows
# other times of its files.
git_clean() {
	git update-index -q --refresh || :
	git diff-index --quiet HEAD --
}

# Stops when something is under way in the git tree here: the tree may be clean all
# the same, and a checkout would forget, say, a merge.  A rebase comes first, as it
# picks and merges.
git_idle() {
	for mark in rebase-merge:rebase 'rebase-apply:am or rebase' MERGE_HEAD:merge \
		CHERRY_PICK_HEAD:cherry-pick REVERT_HEAD:revert 'sequencer:cherry-pick or revert'; do
		[ ! -e "$(git rev-parse --git-path "${mark%%:*}")" ] ||
			die "$PWD: a git ${mark#*:} is under way" \
				"finish or abort it first, git status there tells how"
	done
}

# install_uapi DIR  The headers of the patched kernel as userspace gets them.
# shellcheck disable=SC2154 # $scratch: by scratch_dir
install_uapi() (
	scratch_dir
	git -C "$MSIWIN_CACHE/src/linux" archive series include/uapi/linux \
		scripts/headers_install.sh scripts/unifdef.c | tar -x -C "$scratch"
	(
		cd "$scratch"
		cc -O -w -o scripts/unifdef scripts/unifdef.c
		for header in vfio.h iommufd.h; do
			srctree=. sh scripts/headers_install.sh "include/uapi/linux/$header" $header
		done
	)
	cp "$scratch/vfio.h" "$scratch/iommufd.h" "$1/"
)
