# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0
#
# TAP for the tests: ok NAME CMD... once a check, tap_done at the end.  Source
# common.sh first.

tap_count=0
tap_failed=0

# ok NAME CMD...  What CMD says is shown only when it fails, how long it took when
# that is a second or more.
ok() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	tap_start=$(now)
	set +e # not `if`: that would switch `set -e` off inside CMD as well
	tap_out=$(
		set -e
		"$@" 2>&1
	)
	tap_rc=$?
	set -e
	tap_took=$(($(now) - tap_start))
	[ "$tap_took" -lt 10 ] || tap_name="$tap_name ($(tenths "$tap_took")s)"
	if [ "$tap_rc" -eq 0 ]; then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
		printf '%s\n' "$tap_out" | sed 's/^/# /'
		tap_failed=$((tap_failed + 1))
	fi
}

# skip NAME REASON
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_done() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}

# fails TEXT CMD...  CMD must fail and say TEXT.
fails() (
	text=$1
	shift
	set +e
	said=$("$@" 2>&1)
	rc=$?
	set -e
	echo "$said"
	[ "$rc" -ne 0 ] && echo "$said" | grep -qF -- "$text"
)

# says TEXT CMD...  CMD must succeed and say TEXT.
says() (
	text=$1
	shift
	said=$("$@" 2>&1)
	echo "$said"
	echo "$said" | grep -qF -- "$text"
)
