#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Put the series on a tree: the user's own, or the project's in the cache.
set -eu

TOP=$(cd "$(dirname "$0")" && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"

BRANCH=msi-window

usage() {
	cat <<-END
		usage: ./apply.sh [--check] [--force] [--signoff] [--linux DIR] [--qemu DIR]
		       ./apply.sh --quilt DIR
		       ./apply.sh --base

		  --linux DIR, --qemu DIR  apply to this source tree: a git tree gets the
		                 branch '$BRANCH' by git am, an unpacked tarball is patched
		  --check        only tell whether that would work
		  --force        also on a tree of another release than series.conf names
		  --signoff      add your Signed-off-by (git trees)
		  --quilt DIR    write DIR/linux and DIR/qemu as quilt series
		  --base         fetch the project's own trees and apply both series
	END
	exit "$1"
}

# is_patched NAME DIR  Can the last patch be taken back?
is_patched() (
	last=$(patch_files "$1" | tail -n 1)
	[ -n "$last" ] || die "series.conf lists no patch for $1"
	patch -d "$2" -p1 -R -F0 -f -s --dry-run <"$TOP/$last" >/dev/null 2>&1
)

# try_series NAME DIR SCRATCH  Apply to copies of the touched files.
try_series() (
	touched_files "$1" | while read -r file; do
		[ -f "$2/$file" ] || continue
		mkdir -p "$3/$(dirname "$file")"
		cp -p "$2/$file" "$3/$file"
	done
	for patch in $(patch_files "$1"); do
		patch -d "$3" -p1 -F0 -f --no-backup-if-mismatch -r - \
			<"$TOP/$patch" >"$3.log" 2>&1 && continue
		grep -B 1 -i -E 'FAILED|can.t find|malformed' "$3.log" |
			sed 's/^/    /' >&2
		die "$patch does not apply to $2, which was not changed" \
			"the series is made for $1 $(base_field "$1" version)"
	done
)

# The result of try_series goes back into the tree.
copy_back() (
	touched_files "$1" | while read -r file; do
		if [ -f "$3/$file" ]; then
			mkdir -p "$2/$(dirname "$file")"
			cp -p "$3/$file" "$2/$file"
		else
			rm -f "$2/$file"
		fi
	done
)

git_ready() (
	cd "$1"
	git diff-index --quiet HEAD -- ||
		die "$1 has changes that are not committed" "commit or stash them first"
	[ ! -d "$(git rev-parse --git-path rebase-apply)" ] ||
		die "$1: a git am or rebase is under way" "finish it first"
	! git show-ref -q --verify "refs/heads/$BRANCH" ||
		die "$1 has a branch $BRANCH already" "rename it: git branch -m $BRANCH old"
	git var GIT_COMMITTER_IDENT >/dev/null
)

# git_am NAME DIR
git_am() (
	cd "$2"
	was=$(git symbolic-ref -q --short HEAD || git rev-parse HEAD)
	git checkout -q -b "$BRANCH"
	for patch in $(patch_files "$1"); do
		# shellcheck disable=SC2086 # nothing or one word
		git am -q $signoff "$TOP/$patch" && continue
		git am --abort
		git checkout -q "$was"
		git branch -q -D "$BRANCH"
		die "$patch: git am failed, $2 is as it was"
	done
)

# apply NAME DIR
apply() (
	name=$1
	dir=$(cd "$2" && pwd) || die "no such folder: $2"
	release=$(tree_release "$name" "$dir" 2>/dev/null) || :
	[ -n "$release" ] || die "$dir is no $name source tree"
	wanted=$(base_field "$name" release)
	[ "$release" = "$wanted" ] || [ -n "$force" ] ||
		die "$dir is $name $release, the series is for $wanted" "--force tries all the same"
	if is_patched "$name" "$dir"; then
		echo "$dir has the series of $name already"
		exit 0
	fi
	in_git=
	[ ! -e "$dir/.git" ] || in_git=y
	[ -n "$in_git" ] || [ -z "$signoff" ] || die "--signoff: $dir is no git tree"
	[ -z "$in_git" ] || git_ready "$dir"

	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	try_series "$name" "$dir" "$scratch/tree"
	count=$(patch_files "$name" | wc -l)
	if [ -n "$check" ]; then
		echo "$dir: all $count patches of $name apply"
	elif [ -n "$in_git" ]; then
		git_am "$name" "$dir"
		echo "$dir: $count patches of $name on branch $BRANCH"
	else
		copy_back "$name" "$dir" "$scratch/tree"
		echo "$dir: $count patches of $name applied"
	fi
)

# quilt_series DIR
quilt_series() (
	for name in linux qemu; do
		[ ! -e "$1/$name" ] || die "$1/$name exists" "give a new folder"
		mkdir -p "$1/$name"
		for patch in $(patch_files "$name"); do
			cp "$TOP/$patch" "$1/$name/"
			echo "${patch##*/}" >>"$1/$name/series"
		done
		echo "$1/$name: $(wc -l <"$1/$name/series") patches and the file series"
	done
)

provision_trees() {
	need_packages
	for name in linux qemu; do
		provision_base "$name"
		provision_series "$name"
	done
}

check='' force='' signoff='' linux='' qemu='' quilt='' base=''
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=y ;;
	--force) force=y ;;
	--signoff) signoff=--signoff ;;
	--base) base=y ;;
	--linux | --qemu | --quilt)
		[ $# -gt 1 ] || usage 2 >&2
		case $1 in
		--linux) linux=$2 ;;
		--qemu) qemu=$2 ;;
		--quilt) quilt=$2 ;;
		esac
		shift
		;;
	-h | --help) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
	shift
done

[ -n "$linux$qemu$quilt$base" ] || usage 2 >&2
[ -z "$linux" ] || apply linux "$linux"
[ -z "$qemu" ] || apply qemu "$qemu"
[ -z "$quilt" ] || quilt_series "$quilt"
[ -z "$base" ] || provision_trees
