#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards: every shell script of the repo is clean by shellcheck and by dash -n.
#
# Seen to fail with: a variable without quotes, a function without its end.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
. "$TOP/tests/lib/tap.sh"

cd "$TOP"
scripts=$(grep -rlE --exclude-dir=.git '^(#!/bin/sh|# shellcheck shell=sh)' . | grep -v patches/ | sort)
for script in $scripts; do
	ok "${script#./}: shellcheck" shellcheck "$script"
	ok "${script#./}: dash -n" dash -n "$script"
done
tap_done
