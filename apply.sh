#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Put the series on a tree: the user's own, or the project's in the cache.
set -eu

unset CDPATH # with it, cd says where it went
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

# misused WHAT
misused() {
	(die "$1") || usage 2 >&2
}

# copy_touched NAME DIR SCRATCH
copy_touched() (
	mkdir -p "$3"
	touched_files "$1" | while read -r file; do
		[ -f "$2/$file" ] || continue
		mkdir -p "$3/$(dirname "$file")"
		cp -p "$2/$file" "$3/$file"
	done
)

# patch_copy DIR PATCH FLAG...
patch_copy() (
	dir=$1
	file=$TOP/$2
	shift 2
	patch -d "$dir" -p1 -F0 -f --no-backup-if-mismatch -r - "$@" <"$file"
)

# is_patched NAME COPY  Can all patches be taken back?  The last one alone tells
# nothing: it may be the only one, or the rest half there.
is_patched() (
	for patch in $(patch_files "$1" | tac); do
		patch_copy "$2" "$patch" -R >/dev/null 2>&1 || exit 1
	done
)

# say_why LOG  A hunk that fails comes after the name of its file, but the message that
# a file is missing comes before it: it is in the head of its patch, which follows.
say_why() {
	awk '/^patching file / { file = substr($0, 15) }
		/FAILED at/ { print "    " file ": " $0 }
		/^can.t find/ { missing = $0 }
		/^\|\+\+\+ b\// { print "    " substr($0, 8) ": " missing }
		/malformed|refusing/ { print "    " $0 }
		/would (create|delete)/ { print "    " $0; getline; print "    " $0 }' "$1"
}

# try_series NAME DIR COPY
try_series() (
	for patch in $(patch_files "$1"); do
		patch_copy "$3" "$patch" >"$3.log" 2>&1 && continue
		say_why "$3.log" >&2
		hint="README tells how to go on from there: To take it to another kernel"
		[ "$release" = "$wanted" ] ||
			hint="the series is made for $1 $(base_field "$1" version)"
		die "$patch does not apply to $2, which was not changed" "$hint"
	done
)

# The result of try_series goes back into the tree: all of it, once it has begun, and
# not into files that another tree has links to.  What can fail, a full disk for one,
# comes first, beside the files.
copy_back() (
	trap '' HUP INT TERM
	new=.$BRANCH.$$
	touched_files "$1" >"$3.files"
	put_beside "$2" "$3" || {
		take_away "$2" "$3"
		die "cannot write to $2, which was not changed" "cp or mkdir says above why"
	}
	while read -r file; do
		if [ -f "$3/$file" ]; then
			mv -f "$2/$file$new" "$2/$file"
		else
			rm -f "$2/$file"
		fi
	done <"$3.files"
)

# put_beside DIR COPY  Stops at the first failure by itself, as it is called in a
# condition.
put_beside() {
	while read -r file; do
		[ -f "$2/$file" ] || continue
		mkdir -p "$1/$(dirname "$file")" || return
		cp -p "$2/$file" "$1/$file$new" || return
	done <"$2.files"
}

# take_away DIR COPY  With the folders that are empty, as no folder of a tarball is.
take_away() {
	while read -r file; do
		rm -f "$1/$file$new"
		rmdir -p --ignore-fail-on-non-empty "$1/$(dirname "$file")" 2>/dev/null || :
	done <"$2.files"
}

git_ready() (
	cd "$1"
	git_idle
	git_clean || die "$1 has changes that are not committed" "commit or stash them first"
	! git show-ref -q --verify "refs/heads/$BRANCH" ||
		die "$1 has a branch $BRANCH already" "rename it: git branch -m $BRANCH old"
	git var GIT_COMMITTER_IDENT >/dev/null ||
		die "git does not know who commits, $1 was not changed" \
			"set user.name and user.email by git config"
)

# A hook that fails would leave the tree half way, and there is nothing for it to do.
checkout_quietly() {
	git -c core.hooksPath=/dev/null checkout -q "$@"
}

# git_am NAME DIR
git_am() (
	cd "$2"
	was=$(git symbolic-ref -q --short HEAD || git rev-parse HEAD)
	trap 'undo_am; exit 130' HUP INT TERM
	checkout_quietly -b "$BRANCH"
	for patch in $(patch_files "$1"); do
		# shellcheck disable=SC2086 # nothing or one word
		git am -q $signoff "$TOP/$patch" && continue
		undo_am
		die "$patch: git am failed, $2 is as it was" \
			"the patches fit: git says above what it wants, a hook or a key for one"
	done
)

# The tree was clean before, so what has changed in it is ours.
undo_am() {
	trap '' HUP INT TERM
	git am --abort 2>/dev/null || rm -rf "$(git rev-parse --git-path rebase-apply)"
	checkout_quietly -f "$was"
	git branch -q -D "$BRANCH"
}

# apply NAME DIR
apply() (
	name=$1
	dir=$(cd "$2" && pwd) || die "no such folder: $2"
	release=$(tree_release "$name" "$dir" 2>/dev/null) || :
	[ -n "$release" ] || die "$dir is no $name source tree"
	wanted=$(base_field "$name" release)
	[ "$release" = "$wanted" ] || [ -n "$force" ] ||
		die "$dir is $name $release, the series is for $wanted" "--force tries all the same"
	count=$(patch_files "$name" | wc -l)
	[ "$count" -gt 0 ] || die "series.conf lists no patch for $name"
	command -v patch >/dev/null || die "patch(1) is missing" "install the package patch"

	scratch_dir
	copy_touched "$name" "$dir" "$scratch/patched"
	if is_patched "$name" "$scratch/patched"; then
		echo "$dir has the series of $name already"
		exit 0
	fi
	in_git=
	[ ! -e "$dir/.git" ] || in_git=y
	[ -n "$in_git" ] || [ -z "$signoff" ] || die "--signoff: $dir is no git tree"
	[ -z "$in_git" ] || git_ready "$dir"

	copy_touched "$name" "$dir" "$scratch/tree"
	try_series "$name" "$dir" "$scratch/tree"
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
	done
	for name in linux qemu; do
		mkdir -p "$1/$name"
		for patch in $(patch_files "$name"); do
			cp "$TOP/$patch" "$1/$name/"
			echo "${patch##*/}" >>"$1/$name/series"
		done
		echo "$1/$name: $(wc -l <"$1/$name/series") patches and the file series"
	done
)

check='' force='' signoff='' linux='' qemu='' quilt='' base=''
while [ $# -gt 0 ]; do
	case $1 in
	--check) check=y ;;
	--force) force=y ;;
	--signoff) signoff=--signoff ;;
	--base) base=y ;;
	--linux | --qemu | --quilt)
		case ${2-} in '' | -*) misused "$1 wants a folder" ;; esac
		case $1 in
		--linux) before=$linux linux=$2 ;;
		--qemu) before=$qemu qemu=$2 ;;
		--quilt) before=$quilt quilt=$2 ;;
		esac
		[ -z "$before" ] || misused "$1 is given twice"
		shift
		;;
	-h | --help) usage 0 ;;
	*) misused "no such argument: $1" ;;
	esac
	shift
done

[ -n "$linux$qemu$quilt$base" ] ||
	misused "none of --linux, --qemu, --quilt and --base is given"
[ -z "$check$force$signoff" ] || [ -z "$quilt$base" ] ||
	misused "--check, --force and --signoff go with --linux and --qemu only"
# wait for apply(), which puts right what it has begun
trap 'exit 130' HUP INT TERM
[ -z "$linux" ] || apply linux "$linux"
[ -z "$qemu" ] || apply qemu "$qemu"
[ -z "$quilt" ] || quilt_series "$quilt"
[ -z "$base" ] || {
	need_packages
	provision linux qemu
}
