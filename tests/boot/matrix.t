#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards what a user sees: every boot of matrix.conf, one test a cell.
set -eu

run=$(dirname "$0")/run
echo "1..$(grep -c '^\[' "${run%/*}/matrix.conf")"
n=0
"$run" | while read -r verdict cell rest; do
	case $verdict in
	PASS) result="ok" said="$cell $rest" ;;
	SKIP) result="ok" said="${cell%:} # SKIP $rest" ;;
	FAIL) result="not ok" said="$cell $rest" ;;
	*) continue ;; # the count of each
	esac
	n=$((n + 1))
	echo "$result $n - $said"
done
