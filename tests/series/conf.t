#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: series.conf lists exactly the patches that are there, in the order of
# their numbers, and every patch has the headers that git am and a maintainer
# need.  A sign-off is the poster's to add, so none may be in yet.  A Fixes: line
# names a commit that somebody has found out: the file fixes says where.  What the
# patches touch is in MAINTAINERS.
#
# Seen to fail with: a patch that series.conf does not list, a line in it that is
# none; a wrong number in a subject, no From:, a sign-off; a Fixes: of a commit that
# fixes does not have, and one with another hash; an F: line taken out.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/series.sh"
. "$TOP/tests/lib/tap.sh"

same_list() (
	cd "$TOP"
	listed=$(patch_files "$1")
	there=$(find "$(patch_dir "$1")" -name '*.patch' ! -name '0000-*' | sort)
	[ "$listed" = "$there" ] || {
		echo "listed:" "$listed" "there:" "$there"
		exit 1
	}
)

# Nothing but comments, bases with their fields, and patches.
well_formed() {
	! grep -nvE '^(#.*|base (linux|qemu)|	[a-z0-9]+	[^ ]+|(qemu-)?patches/[0-9]+-[^ ]*\.patch)?$' \
		"$TOP/series.conf"
}

headers() (
	cd "$TOP"
	count=$(patch_files "$1" | wc -l)
	for patch in "$(patch_dir "$1")/0000-cover-letter.patch" $(patch_files "$1"); do
		file=${patch##*/}
		number=$(printf "%0${#count}d" "$(echo "${file%%-*}" | sed 's/^0*\(.\)/\1/')")
		head -n 1 "$patch" | grep -qxE 'From 0{40} Mon Sep 17 00:00:00 2001'
		sed '/^$/q' "$patch" | grep -q '^From:'
		sed '/^$/q' "$patch" | grep -q '^Date: '
		sed '/^$/q' "$patch" | grep -q "^Subject: \[\(RFC \)*PATCH $number/$count\] " || {
			echo "$patch: no '[PATCH $number/$count]' in its subject"
			exit 1
		}
	done
)

# maintained NAME  Each file that the series touches is of an F: line.
maintained() {
	touched_files "$1" | awk -v part="what $(patch_dir "$1")/ touch" '
		FILENAME != "-" {
			if (/ touch$/)
				inside = index($0, part)
			if (inside && sub(/^F:\t/, "")) {
				gsub(/\./, "[.]")
				gsub(/\*/, ".*")
				sub(/\/$/, "/.*")
				patterns[++n] = "^" $0 "$"
			}
			next
		}
		{
			for (i = 1; i <= n; i++)
				if ($0 ~ patterns[i])
					next
			print $0 " has no F: line"
			missing = 1
		}
		END { exit missing }' "$TOP/MAINTAINERS" -
}

no_signoff() {
	! grep -rn '^Signed-off-by:' "$TOP/$(patch_dir "$1")"
}

fixes_known() (
	cd "$TOP"
	# shellcheck disable=SC2046 # git format-patch writes no blanks in names
	sed -n 's/^Fixes: //p' $(patch_files linux) $(patch_files qemu) | sort -u >"$scratch/named"
	awk -F '\t' '/^[0-9a-f]/ { print $1 " (\"" $2 "\")" }' tests/series/fixes |
		sort >"$scratch/known"
	diff "$scratch/known" "$scratch/named"
)

every_fix_has_a_source() {
	awk -F '\t' '
		/^#/ { next }
		/^[0-9a-f]/ { if (open) exit 1; open = 1; next }
		/^\t./ { open = 0; next }
		{ exit 1 }
		END { exit open }' "$TOP/tests/series/fixes"
}

scratch_dir

ok "series.conf has nothing else in it" well_formed
for name in linux qemu; do
	ok "$name: series.conf lists the patches of the folder in order" same_list "$name"
	ok "$name: every patch and the cover letter are numbered mail" headers "$name"
	ok "$name: no sign-off" no_signoff "$name"
	ok "$name: MAINTAINERS has what the patches touch" maintained "$name"
done
ok "the Fixes: lines are those of tests/series/fixes" fixes_known
ok "a source stands by each of them" every_fix_has_a_source
tap_done
