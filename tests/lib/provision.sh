# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# The bases with the series on top, and by the files that this sources all else
# that comes from elsewhere.  Source common.sh first.

. "$TOP/tests/lib/series.sh"
. "$TOP/tests/lib/packages.sh"
. "$TOP/tests/lib/sysroot.sh"

dl=$MSIWIN_CACHE/dl

# base_version NAME  The version to take from the mirror.
base_version() (
	package=$(base_field "$1" package)
	wanted=$(base_field "$1" version)
	release=$(base_field "$1" release)
	kind=Packages
	[ "$1" = linux ] || kind=Sources
	have=$(apt-cache -c "$apt/apt.conf" madison "$package" |
		awk -v kind="$kind" '$NF == kind { print $3 }' | sort -Vu | tr '\n' ' ')
	newest=
	for version in $have; do
		[ "$version" != "$wanted" ] || { echo "$wanted"; exit 0; }
		case ${version#*:} in "$release".*) newest=$version ;; esac
	done
	[ -n "$newest" ] || die \
		"the mirror has no $package of release $release any more, only: $have" \
		"give the tarball of $1 $release: $(tarball_var "$1")=/path/to/tarball"
	say "$1: the mirror has no $wanted any more, taking $newest"
	echo "$newest"
)

# fetch_base NAME VERSION  Prints the .deb or .dsc, checked by apt against the
# signed index and, for the version that series.conf names, against series.conf.
fetch_base() (
	file=$(base_field "$1" package)_${2#*:}
	[ "$1" = linux ] && file=${file}_all.deb || file=$file.dsc
	mkdir -p "$dl/partial"
	if [ ! -f "$dl/$file" ]; then
		cd "$dl/partial"
		case $1 in
		linux) run_logged "$OUT/fetch-$1.log" apt_get download "$(base_field linux package)=$2" ;;
		qemu) run_logged "$OUT/fetch-$1.log" apt_get source --download-only "$(base_field qemu package)=$2" ;;
		esac
		# The .dsc last: with it in place the tarballs are there too.
		for f in *.xz "$file"; do
			[ ! -f "$f" ] || mv "$f" "$dl/"
		done
	fi
	if [ "$2" = "$(base_field "$1" version)" ]; then
		echo "$(base_field "$1" sha256)  $dl/$file" | sha256sum -c --quiet >&2 ||
			die "$dl/$file is not what series.conf names" "remove it and try again"
	fi
	echo "$dl/$file"
)

tarball_var() {
	[ "$1" = linux ] && echo LINUX_TARBALL || echo QEMU_TARBALL
}

tarball() {
	[ "$1" = linux ] && echo "${LINUX_TARBALL-}" || echo "${QEMU_TARBALL-}"
}

# unpack_base NAME FILE DIR
unpack_base() (
	mkdir -p "$3"
	case $2 in
	*.deb)
		dpkg-deb --fsys-tarfile "$2" |
			tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			tar -xJv --strip-components=1 -C "$3"
		;;
	*.dsc)
		rmdir "$3"
		dpkg-source --no-check -x "$2" "$3"
		rm -rf "$3/.pc"
		;;
	*)
		tar -xvf "$2" --strip-components=1 -C "$3"
		;;
	esac
)

# Debian ends .gitignore with a rule that hides every new file from `git add`.
drop_debian_ignore() (
	line=$(grep -n '^# Debian packaging: ignore everything' "$1" | cut -d : -f 1)
	[ -n "$line" ] || exit 0
	head -n $((line - 3)) "$1" >"$1.new"
	mv "$1.new" "$1"
)

# The same commit on every machine, whatever the user's git is told.
git_fixed() {
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 \
		GIT_AUTHOR_NAME=msiwin GIT_AUTHOR_EMAIL=msiwin@localhost \
		GIT_AUTHOR_DATE=2026-01-01T00:00:00Z \
		GIT_COMMITTER_NAME=msiwin GIT_COMMITTER_EMAIL=msiwin@localhost \
		GIT_COMMITTER_DATE=2026-01-01T00:00:00Z git "$@"
}

# commit_base DIR SUBJECT
commit_base() (
	cd "$1"
	git_fixed init -q -b base
	git config gc.auto 0
	git config core.looseCompression 1
	git config core.fsync none
	git_fixed add -A -f
	git_fixed commit -q -m "$2"
	git tag base-commit
)

import_base() (
	name=$1
	tree=$MSIWIN_CACHE/src/$name
	file=$(tarball "$name")
	stage "get the base of $name"
	if [ -n "$file" ]; then
		[ -f "$file" ] || die "$(tarball_var "$name"): no such file: $file"
		subject="$name tarball $(sha_of "$file")"
	else
		apt_update
		version=$(base_version "$name")
		file=$(with_lock apt fetch_base "$name" "$version")
		subject="$name $version"
	fi
	stage_done

	stage "import $subject"
	rm -rf "$tree.new"
	mkdir -p "${tree%/*}"
	run_logged "$OUT/import-$name.log" unpack_base "$name" "$file" "$tree.new"
	release=$(tree_release "$name" "$tree.new")
	[ "$release" = "$(base_field "$name" release)" ] ||
		die "$file holds $name $release, series.conf wants $(base_field "$name" release)"
	[ "$name" = qemu ] || drop_debian_ignore "$tree.new/.gitignore"
	run_logged "$OUT/import-$name.log" commit_base "$tree.new" "$subject"
	mv "$tree.new" "$tree"
	stage_done
)

# Is the tree that stands there the base?  Says so when it is one of another
# origin than series.conf names, stops when it is none.
accept_base() (
	name=$1
	cd "$MSIWIN_CACHE/src/$name"
	subject=$(git log -1 --format=%s base-commit)
	if [ -n "$(tarball "$name")" ]; then
		[ "$subject" = "$name tarball $(sha_of "$(tarball "$name")")" ] ||
			die "$PWD was made from '$subject'" \
				"remove it, or give this tarball a cache of its own: MSIWIN_CACHE="
	elif [ "$(git rev-parse 'base-commit^{tree}')" = "$(base_field "$name" tree)" ]; then
		:
	elif [ "$subject" = "$name $(base_field "$name" version)" ]; then
		die "$PWD: base-commit is not the tree that series.conf names" "remove $PWD"
	else
		say "$name: the base is '$subject', not $(base_field "$name" version)"
	fi
)

provision_base() {
	with_lock "src-$1" provision_base_locked "$1"
}

provision_base_locked() {
	[ -d "$MSIWIN_CACHE/src/$1/.git" ] || import_base "$1"
	accept_base "$1"
}

# The branch `series` in src/NAME is the patches, one commit each.  The file
# .git/msiwin-series says from which patches it was made (or exported to) and
# what it was then: a branch that has moved since holds somebody's work.
provision_series() {
	with_lock "src-$1" provision_series_locked "$1"
}

provision_series_locked() (
	name=$1
	cd "$MSIWIN_CACHE/src/$name"
	key=$(patches_key "$name")
	head=$(git rev-parse -q --verify series || :)
	made_key='' made_head=''
	[ ! -f .git/msiwin-series ] || read -r made_key made_head <.git/msiwin-series

	if [ -z "$head" ]; then
		apply_series "$name"
	elif [ "$head" != "$made_head" ]; then
		[ -z "$made_key" ] || [ "$made_key" = "$key" ] || die \
			"$PWD: both the branch 'series' and $(patch_dir "$name")/ have changed" \
			"to go on from the branch: rm $PWD/.git/msiwin-series; from the patches: git -C $PWD branch -m series mine"
		say "$name: 'series' has commits that are not in $(patch_dir "$name")/: used as they are (make export writes them)"
	elif [ "$made_key" != "$key" ]; then
		apply_series "$name"
	fi
)

# provision NAME...  With nothing to do it takes some 50 ms each.
provision() {
	for name; do
		provision_base "$name"
		provision_series "$name"
	done
}

series_is_made() {
	echo "$(patches_key "$1") $(git rev-parse series)" >.git/msiwin-series.new
	mv .git/msiwin-series.new .git/msiwin-series
}

# On a detached HEAD, so that the branch moves only when every patch is in.  The
# file .git/msiwin-am tells that a git am here is ours and not the user's.
apply_series() (
	name=$1
	if [ -f .git/msiwin-am ]; then # a run before this one was stopped
		git_fixed am --abort 2>/dev/null || rm -rf .git/rebase-apply
	fi
	git_idle
	git_clean || die "$PWD has changes that are not committed" "commit or drop them first"
	: >.git/msiwin-am
	stage "apply the series of $name"
	was=$(git symbolic-ref -q --short HEAD || git rev-parse HEAD)
	git checkout -q --detach base-commit
	# one git am for all: each reads an index of 90,000 files first
	set --
	for patch in $(patch_files "$name"); do
		set -- "$@" "$TOP/$patch"
	done
	git_fixed am -q --committer-date-is-author-date "$@" || {
		shift "$(($(cat .git/rebase-apply/next) - 1))"
		git_fixed am --abort
		git checkout -q "$was"
		rm .git/msiwin-am
		die "${1#"$TOP"/} does not apply to $(git log -1 --format=%s base-commit)"
	}
	trap '' HUP INT TERM # both or none
	git checkout -q -B series
	series_is_made "$name"
	rm .git/msiwin-am
	stage_done
)
