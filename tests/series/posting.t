#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: git send-email makes mail of both series as the lists want it: all
# patches in one thread below the cover letter, each to all that this is addressed to
# and to no one at this machine; subjects and messages of a width that git log
# and a quoting reader can show, without blanks at line ends.
#
# Seen to fail: on a patch whose message has a blank at the end of a line, a
# line of 80 columns, a subject of 80, and on a cover letter without To:.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/series.sh"
. "$TOP/tests/lib/tap.sh"

scratch_dir

# mails NAME: the headers of all mails, in the order of sending
mails() (
	cd "$TOP/$(patch_dir "$1")"
	# nothing of the user's git set-up plays a part
	export HOME="$scratch" GIT_CONFIG_NOSYSTEM=1 \
		GIT_AUTHOR_NAME=Poster GIT_AUTHOR_EMAIL=poster@localhost \
		GIT_COMMITTER_NAME=Poster GIT_COMMITTER_EMAIL=poster@localhost
	git send-email --dry-run --from='Poster <poster@localhost>' --confirm=never \
		--no-validate --8bit-encoding=UTF-8 --suppress-cc=author --suppress-cc=body \
		--smtp-server=localhost --to-cover --cc-cover --no-chain-reply-to ./*.patch 2>"$scratch/$1.err"
)

# The first mail starts the thread, all others answer to it.
threaded() (
	want=$(($(patch_files "$1" | wc -l) + 1))
	awk -v want="$want" '
		/^Message-Id: /  { if (!first) first = $2; mails++ }
		/^In-Reply-To: / { if ($2 == first) answers++ }
		END {
			print mails + 0 " mails, " answers + 0 " answers to the cover letter, expected " want
			exit !(mails == want && answers == want - 1)
		}' "$scratch/$1" || {
		cat "$scratch/$1.err"
		exit 1
	}
)

# people NAME: to whom the cover letter is, as export has it from get_maintainer.pl
people() {
	sed -n '/^To:/,/^Cc:/ { /^Cc:/d; s/.*<\(.*\)>.*/\1/p }' \
		"$TOP/$(patch_dir "$1")/0000-cover-letter.patch"
}

# addressed NAME LIST...: each mail goes to the lists and to each of the people
addressed() (
	name=$1
	shift
	people=$(people "$name")
	[ -n "$people" ]
	# shellcheck disable=SC2086 # one word an address
	set -- "$@" $people
	mails=$(grep -c '^Message-Id: ' "$scratch/$name")
	for list in "$@"; do
		found=$(grep -c "^RCPT TO:<$list>" "$scratch/$name" || :)
		echo "$list: $found of $mails"
		[ "$found" -eq "$mails" ]
	done
	! grep -q '^RCPT TO:<[^>]*users.noreply' "$scratch/$name"
)

# Tags and links cannot be broken; what is indented is a quotation or a table.
narrow() (
	cd "$TOP"
	for patch in "$(patch_dir "$1")"/*.patch; do
		awk -v file="$patch" '
			function wrong(what) { print file ":" FNR ": " what; bad = 1 }
			FNR == 1 { header = 1; body = 0 }
			header && /^Subject: / {
				subject = $0
				sub(/^Subject: \[[^]]*\] /, "", subject)
				if (length(subject) > 75)
					wrong("subject of " length(subject) " columns")
			}
			header && /^$/ { header = 0; body = 1 }
			body && (/^---$/ || /^[^ ].* \([0-9]+\):$/) { body = 0 }
			body && length > 75 && !/^[A-Z][A-Za-z-]*: / && !/^    / && !/https?:/ {
				wrong("line of " length " columns")
			}
			body && /[ \t]$/ { wrong("blank at the end") }
			END { exit bad }' "$patch"
	done
)

for name in linux qemu; do
	mails "$name" >"$scratch/$name" || :
	ok "$name: git send-email takes every patch, in one thread" threaded "$name"
	ok "$name: message and subject are narrow, no blanks at line ends" narrow "$name"
done
ok "linux: mail goes to the lists" addressed linux \
	kvm@vger.kernel.org iommu@lists.linux.dev linux-kernel@vger.kernel.org
ok "qemu: mail goes to the lists" addressed qemu qemu-devel@nongnu.org qemu-arm@nongnu.org
tap_done
