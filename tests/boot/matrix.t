#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards what a user sees: every boot of matrix.conf, one test a cell.
set -eu

run=$(dirname "$0")/run
echo "1..$(grep -c '^\[' "${run%/*}/matrix.conf")"
"$run" | awk '
	/^PASS / { print "ok " ++n " - " substr($0, 6) }
	/^SKIP / { print "ok " ++n " - " $2 " # SKIP " substr($0, index($0, ": ") + 2) }
	/^FAIL / { print "not ok " ++n " - " substr($0, 6) }'
