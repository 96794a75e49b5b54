#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: what apply.sh does to a user's tree.  Git trees and unpacked tarballs
# get the whole series or stay as they are; dirty, foreign and already patched
# trees are told so; the quilt series gives the same tree.  The trees hold only
# the files that the series touches, and apply.sh cannot tell.  A run that is
# stopped, a tree that shares its files with another and one with a part of the
# series meet a repo of two small patches.
#
# Seen to fail with the apply.sh of before: all of these, quilt with a folder that is
# there, a hunk named without its file, a tree whose times are new, a file that is
# missing or in the way, the hint at a release that is right, what git has under way,
# arguments that are wrong, CDPATH and a git without a name.  A git am was noticed
# before: seen to fail without rebase-apply in git_idle().
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/provision.sh"
. "$TOP/tests/lib/tap.sh"

scratch_dir
export GIT_AUTHOR_NAME=T GIT_AUTHOR_EMAIL=t@localhost
export GIT_COMMITTER_NAME=T GIT_COMMITTER_EMAIL=t@localhost

# tree REV  A fresh tree of that revision of src/$name in $dir.
tree() (
	rm -rf "$dir"
	mkdir "$dir"
	cd "$MSIWIN_CACHE/src/$name"
	# shellcheck disable=SC2046 # no blanks in names
	git archive "$1" $(touched_files "$name" |
		xargs git ls-tree -r --name-only "$1" Makefile VERSION) | tar -x -C "$dir"
)

git_tree() {
	tree "$1"
	commit_tree
}

commit_tree() {
	git -C "$dir" init -q -b main
	git -C "$dir" add -A -f
	git -C "$dir" commit -q -m base
}

# The patched revision, to compare with.
is_series() (
	cp -r "$dir" "$dir.mine"
	rm -rf "$dir.mine/.git"
	tree series
	diff -r "$dir.mine" "$dir"
	rm -rf "$dir.mine"
)

# What is in the tree, .git included as far as it matters.
state() (
	cd "$dir"
	find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
	[ ! -d .git ] || git for-each-ref
	[ ! -d .git ] || git status --porcelain --branch
)

# unchanged CMD...
unchanged() (
	before=$(state)
	"$@"
	[ "$before" = "$(state)" ]
)

apply() {
	"$top/apply.sh" "--$name" "$dir" "$@"
}

# A repo whose third patch has a hunk that fits nowhere.
broken_repo() {
	cp -r "$TOP" "$scratch/repo"
	broken=$(patch_files "$name" | sed -n 3p)
	awk '!done && /^[-] / { sub(/^- */, "-no such line ") ; done = 1 }
		!done && /^ [^ ]/ && hunk { sub(/^ /, " no such line "); done = 1 }
		/^@@/ { hunk = 1 }
		{ print }' "$TOP/$broken" >"$scratch/repo/$broken"
}

# A repo, $top, with a patch of two hunks for f and one for g, and their tree.
small() {
	tree base
	top=$scratch/small
	rm -rf "$top"
	mkdir -p "$top/$(patch_dir "$name")"
	cp -r "$TOP/apply.sh" "$TOP/tests" "$top/"
	grep -v 'patches/' "$TOP/series.conf" >"$top/series.conf"
	seq 60 | tee "$dir/f" >"$dir/g"
	small_patch 1 f 's/^5$/five/; s/^50$/fifty/'
	small_patch 2 g 's/^30$/thirty/'
}

# small_patch NUMBER FILE SED  $scratch/FILE is what it must become.
small_patch() {
	patch=$(patch_dir "$name")/000$1-x.patch
	sed "$3" "$dir/$2" >"$scratch/$2"
	{
		printf '%s\n' "From $(printf %040d 0) Mon Sep 17 00:00:00 2001" \
			'From: T <t@localhost>' "Subject: [PATCH] $1" '' '---' "diff --git a/$2 b/$2"
		diff -u --label "a/$2" --label "b/$2" "$dir/$2" "$scratch/$2" || :
	} >"$top/$patch"
	echo "$patch" >>"$top/series.conf"
}

is_small_series() {
	cmp "$scratch/f" "$dir/f"
	cmp "$scratch/g" "$dir/g"
}

# stopped: a signal reaches whatever runs, as ctrl-C does
stopped() (
	export dir
	! PATH="$scratch/bin:$PATH" setsid -w "$top/apply.sh" "--$name" "$dir"
)

# stops FILE COMMAND  A script that sends it, then does what it stands for.
stops() {
	mkdir -p "${1%/*}"
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

test_tarball() {
	tree base
	apply
	is_series
}

test_check() {
	tree base
	unchanged says "patches of $name apply" apply --check
}

test_tarball_again() {
	tree series
	unchanged says "has the series of $name already" apply
}

test_tarball_signoff() {
	tree base
	unchanged fails "is no git tree" apply --signoff
}

test_tarball_broken() {
	tree base
	top=$scratch/repo
	unchanged fails "$broken does not apply" apply
	fails "Hunk #1 FAILED" apply
}

test_git() {
	git_tree base
	says "on branch msi-window" apply
	[ "$(git -C "$dir" rev-list --count main..msi-window)" = "$(patch_files "$name" | wc -l)" ]
	[ "$(git -C "$dir" symbolic-ref --short HEAD)" = msi-window ]
	is_series
}

test_git_signoff() {
	git_tree base
	apply --signoff
	git -C "$dir" log --format=%B main..HEAD >"$scratch/log"
	[ "$(grep -cx 'Signed-off-by: T <t@localhost>' "$scratch/log")" = "$(patch_files "$name" | wc -l)" ]
}

test_git_dirty() {
	git_tree base
	echo >>"$dir/$(touched_files "$name" | xargs git -C "$dir" ls-files | head -n 1)"
	unchanged fails "not committed" apply
}

test_git_again() {
	git_tree series
	unchanged says "has the series of $name already" apply
}

test_git_broken() {
	git_tree base
	top=$scratch/repo
	unchanged fails "$broken does not apply" apply
}

test_foreign() {
	git_tree base
	case $name in
	linux) sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 99/' "$dir/Makefile" ;;
	qemu) sed -i 's/\.[0-9]*/.99/' "$dir/VERSION" ;;
	esac
	git -C "$dir" commit -q -a -m other
	unchanged fails "the series is for $(base_field "$name" release)" apply
	apply --force
}

test_no_tree() {
	rm -rf "$dir"
	mkdir "$dir"
	unchanged fails "is no $name source tree" apply
}

test_quilt() {
	tree base
	"$top/apply.sh" --quilt "$scratch/quilt"
	(cd "$dir" && QUILT_PATCHES=$scratch/quilt/$name quilt push -a --fuzz=0 && rm -rf .pc)
	is_series
	rm -rf "$scratch/quilt"
}

provision linux qemu
test_part() {
	small
	patch -d "$dir" -p1 <"$top/$patch"
	unchanged fails "0002-x.patch does not apply" apply
}

test_linked() {
	small
	cp -al "$dir" "$scratch/linked"
	apply
	is_small_series
	seq 60 | cmp - "$scratch/linked/f"
	rm -rf "$scratch/linked"
}

# The first hunk fits at another line.
test_hunk() {
	small
	sed -i 's/^1$/&\n&/; s/^50$/other/' "$dir/f"
	unchanged fails "f: Hunk #2 FAILED" apply
}

test_missing() {
	small
	rm "$dir/f"
	unchanged fails "    f: can't find file to patch" apply
	small
	rm "$dir/g"
	unchanged fails "    g: can't find file to patch" apply
}

# Patch 2 makes a file, too, which is there and which git does not know.
test_in_the_way() {
	small
	printf '%s\n' 'diff --git a/h b/h' 'new file mode 100644' '--- /dev/null' '+++ b/h' \
		'@@ -0,0 +1 @@' +1 >>"$top/$patch"
	commit_tree
	echo mine >"$dir/h"
	unchanged fails "    The next patch would create the file h," apply
	fails "    which already exists!" apply
}

# The release helps only who has another.
test_release_hint() {
	small
	rm "$dir/g"
	fails "0002-x.patch does not apply" apply >"$scratch/said"
	case $name in
	linux) sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 99/' "$dir/Makefile" ;;
	qemu) sed -i 's/\.[0-9]*/.99/' "$dir/VERSION" ;;
	esac
	fails "hint: the series is made for" apply --force
	# the only hint: the other one is for another release
	grep "hint: README tells" "$scratch/said"
	[ "$(grep -c hint: "$scratch/said")" -eq 1 ]
}

test_touched() {
	small
	commit_tree
	touch -d @0 "$dir/f"
	apply
	is_small_series
}

# shellcheck disable=SC2016 # for the script to expand
test_stopped() {
	small
	stops "$scratch/bin/cp" 'case $* in *" $dir/f."*) kill -TERM 0 ;; esac; exec /bin/cp "$@"'
	stopped
	rm "$scratch/bin/cp"
	is_small_series
}

# shellcheck disable=SC2016 # for the script to expand
test_full() {
	small
	stops "$scratch/bin/cp" 'case $* in *" $dir/g."*) echo "no space left" >&2; exit 1 ;; esac; exec /bin/cp "$@"'
	export dir
	unchanged env PATH="$scratch/bin:$PATH" sh -c '! "$0" "$@"' "$top/apply.sh" "--$name" "$dir"
	rm "$scratch/bin/cp"
}

# under_way MARK WHAT  The tree is clean, and git has not forgotten.
under_way() (
	git -C "$dir" diff-index --quiet HEAD
	unchanged fails "$dir: a git $2 is under way" apply
	cd "$dir"
	[ -e "$(git rev-parse --git-path "$1")" ]
)

# A tree with empty commits to pick, $picks, at each of which git stops.
with_picks() {
	small
	commit_tree
	git -C "$dir" checkout -q -b picks
	git -C "$dir" commit -q --allow-empty -m 1
	git -C "$dir" commit -q --allow-empty -m 2
	picks=$(git -C "$dir" rev-list --reverse main..picks)
	git -C "$dir" checkout -q main
}

test_merge() {
	with_picks
	git -C "$dir" merge -q --no-commit --no-ff -s ours picks
	under_way MERGE_HEAD merge
	git -C "$dir" worktree add -q --detach "$dir.work"
	git -C "$dir" merge --abort
	dir=$dir.work
	git -C "$dir" merge -q --no-commit --no-ff -s ours picks
	under_way MERGE_HEAD merge
	rm -rf "$dir"
}

test_pick() {
	with_picks
	# shellcheck disable=SC2086 # two words
	fails "is now empty" git -C "$dir" cherry-pick $picks
	under_way CHERRY_PICK_HEAD cherry-pick
	git -C "$dir" commit -q --allow-empty -m picked
	[ ! -e "$dir/.git/CHERRY_PICK_HEAD" ]
	under_way sequencer "cherry-pick or revert"
}

test_revert() {
	with_picks
	git -C "$dir" checkout -q picks
	git -C "$dir" revert -n HEAD
	under_way REVERT_HEAD revert
}

test_rebase() {
	with_picks
	git -C "$dir" checkout -q picks
	fails "execution failed" git -C "$dir" rebase -q -f -x false main
	under_way rebase-merge rebase
}

test_under_am() {
	small
	seq 3 >"$dir/f"
	commit_tree
	fails "does not apply" git -C "$dir" am -q "$top/$(patch_dir "$name")/0001-x.patch"
	under_way rebase-apply "am or rebase"
}

test_no_name() {
	small
	commit_tree
	git -C "$dir" config user.useConfigOnly true
	unchanged fails "$dir was not changed" env -u GIT_COMMITTER_NAME -u GIT_COMMITTER_EMAIL \
		GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		"$top/apply.sh" "--$name" "$dir"
}

# Both the repo and the tree by names that are relative.
test_cdpath() {
	tree base
	cp -r "$TOP" "$scratch/cd"
	cd "$scratch"
	says "$scratch/$name: all " env CDPATH="$scratch" sh cd/apply.sh --check "--$name" "$name"
	rm -rf "$scratch/cd"
}

test_hook() {
	small
	commit_tree
	printf '#!/bin/sh\nexit 2\n' >"$dir/.git/hooks/post-checkout"
	chmod +x "$dir/.git/hooks/post-checkout"
	apply
	is_small_series
}

test_git_stopped() {
	small
	commit_tree
	stops "$dir/.git/hooks/post-applypatch" 'kill -TERM 0'
	unchanged stopped
	[ ! -d "$dir/.git/rebase-apply" ]
}

test_no_home() {
	tree base
	HOME=$scratch/none MSIWIN_CACHE=$scratch/none/cache MSIWIN_OUT=$scratch/none/out apply --check
	[ ! -e "$scratch/none" ]
}

test_quilt_refused() {
	mkdir -p "$scratch/quilt/qemu"
	fails "qemu exists" "$TOP/apply.sh" --quilt "$scratch/quilt"
	[ ! -e "$scratch/quilt/linux" ]
	rm -r "$scratch/quilt"
	fails "usage:" "$TOP/apply.sh" --check --quilt "$scratch/quilt"
	[ ! -e "$scratch/quilt" ]
}

# wrong TEXT ARGUMENT...  Says that, then the usage.
wrong() {
	text=$1
	shift
	fails "apply.sh: error: $text" "$TOP/apply.sh" "$@"
	fails "usage:" "$TOP/apply.sh" "$@"
}

test_wrong() {
	cd "$scratch"
	mkdir lin
	wrong "no such argument: foo" foo
	wrong "no such argument: --foo" --linux lin --foo
	wrong "--linux wants a folder" --linux
	wrong "--linux wants a folder" --linux ''
	wrong "--qemu wants a folder" --qemu --check
	wrong "--quilt wants a folder" --check --quilt
	wrong "none of --linux, --qemu, --quilt and --base is given"
	wrong "none of --linux, --qemu, --quilt and --base is given" --check
	for option in --linux --qemu --quilt; do
		wrong "$option is given twice" $option lin $option lin
	done
	for option in --check --force --signoff; do
		wrong "--check, --force and --signoff go with" $option --quilt quilt
		wrong "--check, --force and --signoff go with" --base $option
	done
	rmdir lin
	[ ! -e quilt ]
}

ok "an argument that is wrong is told" test_wrong
ok "quilt: what is there is left alone, --check writes nothing" test_quilt_refused
for name in linux qemu; do
	top=$TOP
	dir=$scratch/$name
	broken_repo
	ok "$name: a tarball gets the series" test_tarball
	ok "$name: --check tells and touches nothing" test_check
	ok "$name: a patched tarball is left alone" test_tarball_again
	ok "$name: a tarball takes no sign-off" test_tarball_signoff
	ok "$name: a patch that fails is named, the tarball stays as it was" test_tarball_broken
	ok "$name: a git tree gets a branch" test_git
	ok "$name: --signoff signs every patch" test_git_signoff
	ok "$name: a dirty tree is refused" test_git_dirty
	ok "$name: a patched git tree is left alone" test_git_again
	ok "$name: a patch that fails leaves the git tree as it was" test_git_broken
	ok "$name: another release is refused, --force tries it" test_foreign
	ok "$name: a folder that is no source tree is refused" test_no_tree
	ok "$name: quilt takes the quilt series" test_quilt
	ok "$name: a part of the series is not taken for the whole" test_part
	ok "$name: files that another tree has links to stay as they are there" test_linked
	ok "$name: a hunk that fails is named with its file" test_hunk
	ok "$name: a file that is missing is named" test_missing
	ok "$name: a file that is in the way is named" test_in_the_way
	ok "$name: the release is told where it is another" test_release_hint
	ok "$name: a tree is clean though its times are new" test_touched
	ok "$name: stopped, a tarball gets the whole series" test_stopped
	ok "$name: stopped, a git tree is as it was" test_git_stopped
	ok "$name: a disk that is full leaves a tarball as it was" test_full
	ok "$name: a hook that fails does not matter" test_hook
	ok "$name: a merge is not forgotten" test_merge
	ok "$name: a cherry-pick is not forgotten" test_pick
	ok "$name: a revert is not forgotten" test_revert
	ok "$name: a rebase is not forgotten" test_rebase
	ok "$name: a git am is not forgotten" test_under_am
	ok "$name: a git without a name is told what to set" test_no_name
	ok "$name: CDPATH does not matter" test_cdpath
	ok "$name: no folder is made in HOME" test_no_home
	rm -rf "$scratch/repo"
done
tap_done
