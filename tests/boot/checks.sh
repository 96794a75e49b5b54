# shellcheck shell=sh
# shellcheck disable=SC2154 # $dir and the keys of the cell: set by run
# SPDX-License-Identifier: GPL-2.0
#
# What a boot must have done, read from $dir/l1.log and $dir/l2.log: the
# consoles of L1 and L2, where l1-init and l2-init tell in lines that begin
# with @.  The variables are the cell's keys, as matrix.conf describes them.

words() {
	echo "$1" | tr , ' '
}

# The first reason is the cell's, all of them are in reasons.
fail() {
	echo "$*" >>"$dir/reasons"
}

# value KEY: of the line "@l1 KEY=value"
value() {
	sed -n "s/^@l1 $1=\([^\r]*\).*/\1/p" "$dir/l1.log"
}

between() {
	[ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# What L1's kernel says, without the reports in functions that the fuzzer excuses
l1_dmesg() {
	awk '
		/^@excused / { sub(/\r$/, ""); excused[$2]; next }
		/^@l1dmesg .*WARNING: at / {
			name = $0
			sub(/.*WARNING: at /, "", name)
			sub(/\+.*/, "", name)
			skip = name in excused
		}
		!skip
		/---\[ end trace/ { skip = 0 }' "$dir/l1.log"
}

check_logs() {
	[ -n "$(value end)" ] || fail "L1 did not reach its end: $(tail -n 1 "$dir/l1.log")"
	found=$(l1_dmesg | cat - "$dir/l2.log" |
		grep -E 'WARNING: |BUG: |INFO: |UBSAN: |Unable to handle|Kernel panic|suspicious RCU' | head -n 1)
	[ -z "$found" ] || fail "kernel report: $found"
	grep -v '^#' "$BOOT/known-messages" >"$dir/known"
	case ${selftests-} in
	# A doorbell is bound at random, and so is what the device is to write to; and an
	# allocation that is made to fail may be one for /sys/kernel/irq, where the kernel
	# says so and goes on.
	fuzz) printf '%s\n' >>"$dir/known" \
		'MSI [0-9]*: (no binding for doorbell|doorbell .* cannot be in the binding)' \
		'callbacks suppressed' \
		'kmemleak: Cannot allocate a scan area' \
		'kobject: can not set name properly' \
		'kobject_add_internal failed for [0-9]+ \(error: -12 parent: irq\)' \
		'Failed to add kobject for irq [0-9]+' ;;
	# one of its tests has the device read and write where nothing is mapped
	*vfio_msi_window_test*) echo 'arm-smmu-v3 [^ ]*: (event|unpriv|[[:space:]]*0x)|arm_smmu_dump_event: .*suppressed' >>"$dir/known" ;;
	esac
	if [ -n "$says" ]; then
		echo "$says" >>"$dir/known"
		grep -qE "^@l1dmesg .*($says)" "$dir/l1.log" || fail "L1's kernel did not say '$says'"
	fi
	found=$(l1_dmesg | cat - "$dir/l2.log" | grep '^@l[12]dmesg <[0-4]>' |
		grep -vEf "$dir/known" | head -n 1)
	[ -z "$found" ] || fail "message that the unpatched boot lacks: $found"
}

# The checkers of config.debug were at work to the end and found nothing; what
# lockdep, KASAN and UBSAN find is in the logs.
check_debug() {
	grep -q '^@l1dmesg .*Booting Linux' "$dir/l1.log" || fail "the start of L1's log is lost: log_buf_len"
	grep -q '^@l1dmesg .*KernelAddressSanitizer initialized' "$dir/l1.log" || fail "KASAN was off"
	[ "$(value lockdep)" = 1 ] || fail "lockdep was off"
	[ "$(value kmemleak)" = on ] || fail "kmemleak was off"
	found=$(sed -n 's/^@kmemleak *\([^ ].*\)/\1/p' "$dir/l1.log" | tr -d '\r' | head -n 20)
	[ -z "$found" ] || fail "kmemleak: $found"
}

# check_nic NUMBER: pings, and more than a handful of MSIs
check_nic() {
	line=$(grep "^@l2 nic=$1 " "$dir/l2.log" | tr -d '\r')
	case $line in
	'') fail "NIC $1 did not come up in L2" ;;
	*ping=5/5*) ;;
	*) fail "NIC $1: ${line#@l2 }" ;;
	esac
	count=${line##*msi=}
	count=${count%% *}
	[ "${count:-0}" -ge 10 ] || fail "NIC $1: only ${count:-0} MSIs in L2"
}

check_l2() {
	n=0
	for _ in $(words "$backends"); do
		n=$((n + 1))
		check_nic $n
	done
	# L1 is asked later, by seconds on a busy machine, and an idle e1000e goes on
	# firing its vectors
	l2_msi=$(sed -n 's/^@l2 done msi=\([0-9]*\).*/\1/p' "$dir/l2.log")
	l1_msi=$(value msi)
	between "${l1_msi:-0}" "${l2_msi:=0}" $((2 * l2_msi + 20 * n)) ||
		fail "L1 counted ${l1_msi:-no} MSIs, L2 $l2_msi"
	l2_time=$(echo "$(value start) $(value finish)" | awk '{ printf "%.1f", $2 - $1 }')
	check_window
	figures="window=$start size=$(printf '0x%x' $((end - start + 1))) msi=$l2_msi ping=5/5 l2=$l2_time"s
}

# The window as the kernel reports it: QEMU's answer when it knows one, else sysfs.
find_window() {
	sed -n 's/.*msi-window: *\(0x[0-9a-f]*\)-\(0x[0-9a-f]*\).*/\1 \2/p' "$dir/l1.log"
	sed -n 's/^@resv [^ ]* \(0x[0-9a-f]*\) \(0x[0-9a-f]*\) msi.*/\1 \2/p' "$dir/l1.log"
}

check_window() {
	find_window >"$dir/windows"
	read -r start end <"$dir/windows" || { fail "no MSI window was reported"; return; }
	start=$(printf '0x%x' "$start")
	end=$(printf '0x%x' "$end")
	[ "$start" = "$window" ] || fail "the window is at $start, not at $window"

	sed -n 's/^@msix .* address=\(0x[0-9a-f]*\) .*/\1/p' "$dir/l1.log" >"$dir/addresses"
	[ -s "$dir/addresses" ] || fail "no device holds an MSI address"
	while read -r addr; do
		between $((addr)) $((start)) $((end)) ||
			fail "a device's MSI address $addr is outside the window $start-$end"
	done <"$dir/addresses"

	# of the devices that L2 has
	hit=
	sed -n 's/^@msix \([^ ]*\).*/^@resv \1 /p' "$dir/l1.log" | sort -u >"$dir/devices"
	grep -f "$dir/devices" "$dir/l1.log" |
		sed -n 's/^@resv [^ ]* \(0x[0-9a-f]*\) \(0x[0-9a-f]*\) \([a-z-]*\).*/\1 \2 \3/p' |
		grep -v ' msi$' >"$dir/regions" || :
	while read -r from to type; do
		[ $((from)) -gt $((end)) ] || [ $((to)) -lt $((start)) ] || hit="$type $from-$to"
	done <"$dir/regions"
	case $overlap,$hit in
	yes,) fail "the window $start-$end lies in no reserved region" ;;
	,?*) fail "the window $start-$end lies in $hit" ;;
	esac
	check_introspection
}

# QEMU with the series: each of its containers has this window and the regions that
# the kernel shows in sysfs, and its two monitors tell the same.
check_introspection() {
	# a revision in between may lack the calls
	[ "$kernel" != base ] && [ "$qemu" != base ] && [ -z "$rev" ] || return 0
	# its hardware MSI region is no window
	case $l0 in *virtio-iommu*) return 0 ;; esac
	grep '^@qmp .* container, address space' "$dir/l1.log" >"$dir/info" || :
	told=$(grep -o ' container, address space' "$dir/info" | wc -l)
	grep -o 'msi-window: 0x[0-9a-f]*-' "$dir/info" | sort | uniq -c >"$dir/told"
	read -r count _ place <"$dir/told" || place=none
	[ "$count $place" = "$told $start-" ] ||
		fail "info vfio has $told containers, and windows: $(cat "$dir/told")"
	while read -r from to type; do
		[ "$type" = reserved ] || continue
		grep -q "reserved: $(printf '0x%x-0x%x' "$from" "$to") reserved" "$dir/info" ||
			fail "info vfio does not know of $type $from-$to"
	done <"$dir/regions"
	query=$(grep '^@qmp .*"backend": "' "$dir/l1.log" || :)
	count=$(echo "$query" | grep -oE "\"msi-window\": [{][^{]*[{][^}]*\"start\": $((start))[,}]" | wc -l)
	[ "$count" -eq "$told" ] || fail "query-vfio-containers: $count of $told windows at $start: $query"
}

# says_once MARK TEXT: on the lines of L1's log that begin so
says_once() {
	count=$(grep "^@$1 " "$dir/l1.log" | grep -cF "$2" || :)
	[ "$count" -eq 1 ] || fail "QEMU said '$2' $count times; it said: $(grep "^@$1 " "$dir/l1.log" | head -n 1)"
}

# QEMU must say TEXT once and, if it is to refuse, not run L2.
check_qemu() {
	says_once qemu "$1"
}

# The same of its monitor, which is asked to add a device.
check_qmp() {
	says_once qmp "$1"
}

# Tests fail for the reason that the cell gives, and for no other.
check_failures() {
	outcomes "$dir/l1.log" >"$dir/outcomes"
	figures=$(totals "$dir/outcomes")
	said=$(grep -cE "^@tap .*($fails)" "$dir/l1.log" || :)
	case $figures in
	"pass=0 "* | *" fail=0 "* | *" skip="[!0]*) fail "selftests: $figures" ;;
	*" fail=$said "*) ;;
	*) fail "selftests: $figures, but $said said '$fails'" ;;
	esac
}

check_selftests() {
	for test in $(words "$selftests"); do
		grep -q "^@selftest $test status=0" "$dir/l1.log" ||
			fail "$test: $(grep '^@tap not ok' "$dir/l1.log" | head -n 1)"
	done
	figures=$(sed -n 's/^@tap # Totals: //p' "$dir/l1.log" | awk '
		{ gsub(/[a-z]+:/, ""); pass += $1; fail += $2 + $6; skip += $5 }
		END { printf "pass=%d fail=%d skip=%d", pass, fail, skip }')
	case $figures in
	"pass=0 "*) fail "no selftest passed" ;;
	*" fail=0 "*) ;;
	*) fail "selftests: $figures: $(grep '^@tap not ok' "$dir/l1.log" | head -n 1)" ;;
	esac
	case $skips,$figures in
	,* | *,*" skip=$skips") ;;
	*) fail "selftests: $figures: $(grep '^@tap ok .*# SKIP' "$dir/l1.log" | head -n 1)" ;;
	esac
	# of tests/fuzz
	figures="$figures $(sed -n 's/^@tap ok 1 \(seed [^\r]*\).*/\1/p' "$dir/l1.log")"
}

# outcomes LOG: PROGRAM:TEST and pass, fail or skip; PROGRAM:(exit) for its status
outcomes() {
	tr -d '\r' <"$1" | awk '
		/^@tap (not )?ok [0-9]/ {
			outcome = $2 == "not" ? "fail" : / # SKIP/ ? "skip" : "pass"
			sub(/^@tap (not )?ok [0-9]+ (- )?/, "")
			sub(/ #.*/, "")
			test[n++] = $0 " " outcome
		}
		/^@selftest / {
			for (i = 0; i < n; i++)
				print $2 ":" test[i]
			n = 0
			print $2 ":(exit) " ($3 == "status=0" ? "pass" : $3 == "status=4" ? "skip" : "fail")
		}' | LC_ALL=C sort
}

totals() {
	awk '!/:\(exit\) / { n[$2]++ }
		END { printf "pass=%d fail=%d skip=%d", n["pass"], n["fail"], n["skip"] }' "$1"
}

# What passed on the unpatched kernel passes, nothing else fails or is skipped;
# a test that it lacks must not fail.
compare_selftests() {
	outcomes "$dir/base.log" >"$dir/base.outcomes"
	outcomes "$dir/l1.log" >"$dir/outcomes"
	LC_ALL=C join -a 1 -a 2 -e none -o 0,1.2,2.2 "$dir/base.outcomes" "$dir/outcomes" |
		awk '$3 != "pass" && $3 != $2 && !($2 == "none" && $3 == "skip")' >"$dir/worse"
	while read -r test was is; do
		fail "$test: $was on the unpatched kernel, $is here"
	done <"$dir/worse"
	figures="$(totals "$dir/outcomes"), unpatched $(totals "$dir/base.outcomes")"
	case $figures in
	*"unpatched pass=0 "*) fail "no selftest passed on the unpatched kernel" ;;
	esac
	case $skips,$figures in
	,* | *,*" skip=$skips, "*) ;;
	*) fail "selftests: $figures: $(grep '^@tap ok .*# SKIP' "$dir/l1.log" | head -n 1)" ;;
	esac
}
