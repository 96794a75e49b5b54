#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: a base is never trusted half-done, nor taken for another; a mirror that
# has moved on is told about; work on the branch series is not overwritten; two
# runs at once do not hurt each other.  All on made-up trees of two files.
#
# Seen to fail with: the newest version taken by its place in the list; the branch
# made anew while .git/msiwin-series is gone.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/build.sh"
. "$TOP/tests/lib/tap.sh"

scratch_dir

# A repo with one kernel patch, a cache and a tarball to import.
fresh() {
	rm -rf "${scratch:?}"/*
	mkdir -p "$scratch/repo/patches" "$scratch/linux-7.3.9"
	cp -r "$TOP/tests" "$TOP/apply.sh" "$scratch/repo/"
	sed '/^patches/d; /^qemu-patches/d' "$TOP/series.conf" >"$scratch/repo/series.conf"
	cd "$scratch/linux-7.3.9"
	printf 'VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 9\n' >Makefile
	printf '*.o\n\n#\n# Debian packaging: ignore everything\n/*\n' >.gitignore
	cd ..
	tar -cf linux.tar linux-7.3.9
	export LINUX_TARBALL="$scratch/linux.tar" MSIWIN_CACHE="$scratch/cache" MSIWIN_OUT="$scratch/out"
	TOP=$scratch/repo
	src=$MSIWIN_CACHE/src/linux
	patch_adding hello
	. "$TOP/tests/lib/common.sh"
}

# patch_adding WORD  The series is one patch, which adds a file with that word.
patch_adding() {
	cat >"$scratch/repo/patches/0001-x.patch" <<-END
		From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
		From: T <t@localhost>
		Date: Thu, 1 Jan 2026 00:00:00 +0000
		Subject: [PATCH] x

		---
		diff --git a/new b/new
		new file mode 100644
		--- /dev/null
		+++ b/new
		@@ -0,0 +1 @@
		+$1
	END
	sed -i '/^patches/d' "$scratch/repo/series.conf"
	echo patches/0001-x.patch >>"$scratch/repo/series.conf"
}

# base [CMD...]  By CMD, if there is one.
# shellcheck disable=SC2016 # for that shell to expand
base() {
	"$@" sh -euc '. "$TOP/tests/lib/common.sh"; . "$TOP/tests/lib/provision.sh"
		provision linux'
}

test_tarball() {
	fresh
	says "import linux tarball" base
	[ "$(cat "$src/new")" = hello ]
	[ "$(git -C "$src" rev-list --count base..series)" = 1 ]
	git -C "$src" show base:.gitignore | grep -qx '\*.o'
}

test_same_commit() {
	fresh
	base
	git -C "$src" rev-parse base series >"$scratch/first"
	rm -rf "$src"
	HOME=$scratch GIT_AUTHOR_NAME=other base
	git -C "$src" rev-parse base series | diff "$scratch/first" -
}

test_interrupted() {
	fresh
	mkdir -p "$src.new/left/over"
	base
	[ ! -e "$src/left" ]
}

test_other_release() {
	fresh
	sed -i 's/PATCHLEVEL = 3/PATCHLEVEL = 4/' "$scratch/linux-7.3.9/Makefile"
	tar -C "$scratch" -cf "$scratch/linux.tar" linux-7.3.9
	fails "holds linux 7.4, series.conf wants 7.3" base
	[ ! -e "$src" ]
}

test_other_tarball() {
	fresh
	base
	echo >>"$scratch/linux-7.3.9/Makefile"
	tar -C "$scratch" -cf "$scratch/linux.tar" linux-7.3.9
	fails "was made from 'linux tarball" base
}

test_two_at_once() {
	fresh
	base &
	base
	wait $!
	[ "$(cat "$src/new")" = hello ]
}

test_new_patch() {
	fresh
	base
	patch_adding world
	base
	[ "$(cat "$src/new")" = world ]
}

commit() {
	echo mine >"$src/mine"
	git -C "$src" add mine
	git_fixed -C "$src" commit -q -m mine
}

test_local_commit() {
	fresh
	base
	commit
	says "used as they are" base
	[ "$(cat "$src/mine")" = mine ]
}

test_both_changed() {
	fresh
	base
	commit
	patch_adding world
	fails "have changed" base
	[ "$(cat "$src/mine")" = mine ]
}

# Each of the two ways that the error names
test_both_solved() {
	fresh
	base
	commit
	patch_adding world
	rm "$src/.git/msiwin-series"
	says "used as they are" base
	git -C "$src" branch -m series mine
	base
	[ "$(cat "$src/new")" = world ]
}

test_dirty() {
	fresh
	base
	echo dirty >"$src/new"
	patch_adding world
	fails "not committed" base
	[ "$(cat "$src/new")" = dirty ]
}

test_bad_patch() {
	fresh
	base
	git -C "$src" rev-parse series HEAD >"$scratch/first"
	patch_adding world
	sed -i 's/^new file.*/index 1234567..1234568 100644/; s,^--- /dev/null,--- a/new,; s/^@@.*/@@ -7 +7 @@/' \
		"$scratch/repo/patches/0001-x.patch"
	fails "0001-x.patch does not apply" base
	git -C "$src" rev-parse series HEAD | diff "$scratch/first" -
}

test_users_am() {
	fresh
	base
	mkdir "$src/.git/rebase-apply"
	patch_adding world
	fails "is under way" base
	[ -d "$src/.git/rebase-apply" ]
}

# In the middle of git am, as by ctrl-C.
test_stopped() {
	fresh
	base
	patch_adding world
	printf '#!/bin/sh\nkill -TERM 0\n' >"$src/.git/hooks/post-applypatch"
	chmod +x "$src/.git/hooks/post-applypatch"
	base setsid -w && return 1
	[ "$(git -C "$src" show series:new)" = hello ]
	rm "$src/.git/hooks/post-applypatch"
	base
	[ "$(cat "$src/new")" = world ]
}

test_new_times() {
	fresh
	base
	touch -d @0 "$src/new"
	patch_adding world
	base
	[ "$(cat "$src/new")" = world ]
}

test_relative() {
	fresh
	cd "$scratch"
	LINUX_TARBALL=linux.tar MSIWIN_CACHE=cache base
	[ "$(cat "$src/new")" = hello ]
	LINUX_TARBALL=linux.tar MSIWIN_CACHE=cache base
}

test_blank() {
	fresh
	MSIWIN_CACHE="$scratch/a cache" fails "a blank or a comma" base
}

# The worktree of the builds belongs to a tree that was there before.
test_src_removed() {
	fresh
	base
	checkout linux series
	rm -rf "$src"
	base
	checkout linux series
	[ "$(cat "$MSIWIN_CACHE/walk/linux/new")" = hello ]
}

# apt-cache as it is when the mirror has these versions
mirror_with() {
	for version; do
		echo " linux-source-7.3 | $version | http://mirror trixie-backports/main amd64 Packages"
	done >"$scratch/madison"
	mkdir -p "$scratch/bin"
	printf '#!/bin/sh\ncat %s\n' "$scratch/madison" >"$scratch/bin/apt-cache"
	chmod +x "$scratch/bin/apt-cache"
	PATH=$scratch/bin:$PATH
}

test_mirror_has_it() {
	fresh
	wanted=$(base_field linux version)
	mirror_with 7.3.9-1~bpo13+1 "$wanted"
	[ "$(base_version linux)" = "$wanted" ]
}

test_mirror_moved() {
	fresh
	mirror_with 7.3.10-1~bpo13+1 7.3.9-1~bpo13+1 7.4.1-1~bpo13+1
	says "any more, taking 7.3.10-1~bpo13+1" base_version linux
}

test_mirror_has_none() {
	fresh
	mirror_with 7.4.1-1~bpo13+1
	fails "give the tarball of linux 7.3: LINUX_TARBALL=" base_version linux
}

test_bad_download() {
	fresh
	mkdir -p "$scratch/dl"
	dl=$scratch/dl
	echo damaged >"$dl/linux-source-7.3_$(base_field linux version)_all.deb"
	fails "is not what series.conf names" fetch_base linux "$(base_field linux version)"
}

ok "a tarball becomes base and series" test_tarball
ok "the same tarball gives the same commits, whoever imports it" test_same_commit
ok "what an interrupted import left is not used" test_interrupted
ok "a tarball of another release is refused" test_other_release
ok "another tarball is not taken for the one imported" test_other_tarball
ok "two runs at once" test_two_at_once
ok "the branch follows the patches" test_new_patch
ok "a commit on the branch is kept and said aloud" test_local_commit
ok "a commit on the branch and a new patch: refused" test_both_changed
ok "a commit on the branch and a new patch: either can be gone on from" test_both_solved
ok "a dirty tree and a new patch: refused" test_dirty
ok "a patch that does not apply leaves the branch as it was" test_bad_patch
ok "a git am that is the user's is left alone" test_users_am
ok "a run that was stopped in git am is made up for" test_stopped
ok "a tree is clean though its times are new" test_new_times
ok "paths may be relative" test_relative
ok "a cache with a blank in its name is refused" test_blank
ok "a tree that was removed gets a new worktree" test_src_removed
ok "the mirror has the version that series.conf names" test_mirror_has_it
ok "the mirror has another version of the release" test_mirror_moved
ok "the mirror has nothing of the release" test_mirror_has_none
ok "a damaged download is refused" test_bad_download
tap_done
