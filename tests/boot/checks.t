#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Guards the judge of the boots: it lets a good log pass, and each defect that a
# boot can have is found and named.
set -eu

TOP=$(cd "$(dirname "$0")/../.." && pwd)
. "$TOP/tests/lib/common.sh"
BOOT=$TOP/tests/boot
. "$TOP/tests/lib/tap.sh"
. "$BOOT/checks.sh"

scratch_dir
dir=$scratch
backends=type1
window=0xb000000
overlap=
says=
kernel=series qemu=series rev='' l0=''

# Both logs of a good boot, changed by sed.
logs() {
	rm -f "$dir"/*
	sed "$1" >"$dir/l1.log" <<-'END'
		@resv 0000:00:08.0 0x0000000008000000 0x00000000080fffff msi
		@resv 0000:00:08.0 0x000000000c000000 0x000000000c0fffff reserved
		@l1 start=1.5
		@l1 msi=31
		@msix 0000:00:08.0 vector=0 address=0xb000040 data=0x0
		@msix 0000:00:08.0 vector=1 address=0xb000040 data=0x1
		@qmp {"return": "legacy container, address space memory\r\n  reserved: 0xc000000-0xc0fffff reserved\r\n  msi-window: 0xb000000-0xb0fffff, placed, needs 0x1000\r\n"}
		@qmp {"return": [{"backend": "legacy", "msi-window": {"min-size": 4096, "range": {"end": 185597951, "start": 184549376}, "placed": true}}]}
		@l1 finish=4.5
		@l1dmesg <6>[    1.0] all is well
		@l1dmesg <4>[    1.0] pci-host-generic: Memory resource size exceeds max for 32 bits
		@l1 end=5.0
	END
	sed "$1" >"$dir/l2.log" <<-'END'
		@l2 nic=1 ping=5/5 msi=28 at=2.9
		@l2 done msi=30
	END
}

judge() {
	check_logs
	check_l2
}

passes() {
	logs "$1"
	judge
	[ ! -s "$dir/reasons" ] || { cat "$dir/reasons"; return 1; }
	[ "$figures" = "window=0xb000000 size=0x100000 msi=30 ping=5/5 l2=3.0s" ] || { echo "$figures"; return 1; }
}

# finds TEXT SED: with this change the judge says TEXT
finds() {
	logs "$2"
	judge
	cat "$dir/reasons"
	grep -qF "$1" "$dir/reasons"
}

ok "a good boot passes" passes ''
ok "L1 hangs" finds "L1 did not reach its end" '/end=/d'
ok "a kernel warns" finds "kernel report" 's/all is well/WARNING: possible circular locking dependency/'
excuse="s/^@l1dmesg .*all is well/@excused f\\n@l1dmesg <4>[ 1.0] WARNING: at f+0x1\/0x2\\n@l1dmesg <4>[ 1.0] Call trace\\n@l1dmesg <4>[ 1.0] ---[ end trace\\n&/"
ok "the fuzzer excuses a warning" passes "$excuse"
ok "the fuzzer excuses another warning" finds "kernel report" "$excuse; s/excused f/excused g/"
ok "a new message of level 4" finds "the unpatched boot lacks" 's/<6>/<4>/'

# in_fuzz COMMAND...: as if the cell ran the fuzzer
in_fuzz() (
	# shellcheck disable=SC2034 # for check_logs()
	selftests=fuzz
	"$@"
)

no_memory="s/^@l1dmesg .*all is well/@l1dmesg <3>[ 1.0] kobject: kobject_add_internal failed for 24 (error: -12 parent: irq)\\n@l1dmesg <4>[ 1.0] Failed to add kobject for irq 24\\n&/"
ok "the fuzzer leaves an interrupt without its place in sysfs" in_fuzz passes "$no_memory"
ok "another cell does" finds "the unpatched boot lacks" "$no_memory"
ok "the fuzzer has two of a name" in_fuzz finds "the unpatched boot lacks" "$no_memory; s/error: -12/error: -17/"

ok "a ping is lost" finds "ping=4/5" 's/5\/5/4\/5/'
ok "a NIC is missing" finds "NIC 1 did not come up" '/nic=1/d'
ok "L2 gets no MSIs" finds "only 0 MSIs" 's/msi=28/msi=0/'
ok "L1 saw fewer MSIs than L2" finds "L1 counted 29 MSIs, L2 30" 's/msi=31/msi=29/'
ok "L1 saw a storm" finds "L1 counted 310 MSIs" 's/msi=31/msi=310/'
ok "the window is elsewhere" finds "the window is at 0x8000000" 's/msi-window/window/'
ok "one container has no window" finds "info vfio has 2 containers" 's/"legacy container, address space memory/"iommufd container, address space memory\\r\\n&/'
ok "QEMU does not know a region" finds "info vfio does not know of reserved" '/@qmp/s/reserved: 0xc/reserved: 0xd/'
ok "QEMU does not answer" finds "info vfio has 0 containers" '/@qmp/d'
ok "QEMU's monitors differ" finds "query-vfio-containers: 0 of 1 windows" 's/"start": 184549376/"start": 134217728/'
ok "the device writes elsewhere" finds "outside the window" 's/vector=1 address=0xb0/vector=1 address=0xa0/'
ok "the device holds no address" finds "no device holds" '/@msix/d'
ok "the window overlaps a region" finds "lies in reserved" 's/0x000000000c000000/0x000000000b0ff000/'
says='is full, no room'
ok "a cause is not named" finds "kernel did not say" ''
ok "a cause is named" passes 's/<6>.*/<4>[    1.0] MSI window is full, no room for it/'
says=
fault='s/<6>.*/<3>[    1.0] arm-smmu-v3 9050000.smmuv3: event 0x10 received:/'
ok "a device faults" finds "the unpatched boot lacks" "$fault"
selftests=vfio_msi_window_test
ok "a device faults in the test that has it do so" passes "$fault"
selftests=
overlap=yes
ok "the window misses the region" finds "lies in no reserved region" ''
overlap=

# selftest_figures SED: of a boot with selftests, some of which fail
selftest_figures() {
	rm -f "$dir"/*
	sed "$1" >"$dir/l1.log" <<-'END'
		@tap ok 1 fixture.good
		@tap #   CALL returned -25
		@tap not ok 2 fixture.lacking
		@tap # Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
		@selftest one status=1 from=1.0 to=2.0
	END
	if [ -n "$fails" ]; then check_failures; else check_selftests; fi
	echo "$figures"
	[ ! -e "$dir/reasons" ] || cat "$dir/reasons"
}

selftests_pass() {
	selftest_figures "$1"
	[ ! -e "$dir/reasons" ]
}

selftests_fail() {
	selftest_figures "$2"
	grep -qF "$1" "$dir/reasons"
}

selftests=one
fails='' skips=''
ok "a selftest fails" selftests_fail "one: @tap not ok 2 fixture.lacking" ''
fails='CALL returned -25'
ok "a selftest fails as it should" selftests_pass ''
ok "for another reason" selftests_fail "fail=1 skip=0, but 0 said" 's/-25/-22/'
ok "and so does one that should not" selftests_fail "pass=1 fail=2 skip=0, but 1 said" 's/@tap not.*/&\n@tap not ok 3 other/'
ok "or no longer" selftests_fail "pass=2 fail=0 skip=0" 's/@tap not/@tap/'
ok "or is skipped" selftests_fail "pass=1 fail=0 skip=1" 's/@tap not \(.*\)/@tap \1 # SKIP no/'
fails='' skips=0
pass='s/not ok/ok/; s/pass:1 fail:1/pass:2 fail:0/; s/status=1/status=0/'
ok "nothing is skipped" selftests_pass "$pass"
ok "a test is skipped that must not be" selftests_fail "pass=2 fail=0 skip=1: @tap ok 2" "$pass; s/skip:0/skip:1/; s/lacking/& # SKIP no/"
skips=''
ok "or may be" selftests_pass "$pass; s/skip:0/skip:1/; s/lacking/& # SKIP no/"

# The console of a boot with config.debug.
debug_logs() {
	rm -f "$dir"/*
	sed "$1" >"$dir/l1.log" <<-'END'
		@l1 kmemleak=on
		@l1 lockdep=1
		@l1dmesg <6>[    0.0] Booting Linux on physical CPU 0x0
		@l1dmesg <6>[    0.0] KernelAddressSanitizer initialized (generic)
		@l1 end=5.0
	END
	: >"$dir/l2.log"
	check_logs
	check_debug
	[ ! -e "$dir/reasons" ] || cat "$dir/reasons"
}

debug_finds() {
	debug_logs "$2"
	grep -qF "$1" "$dir/reasons"
}

debug_passes() {
	debug_logs ''
	[ ! -s "$dir/reasons" ]
}

ok "a good boot of the debug kernel passes" debug_passes
ok "kmemleak reports" debug_finds "kmemleak: unreferenced object" 's/@l1 lockdep/@kmemleak unreferenced object 0xffff (size 64):\n&/'
ok "kmemleak switched itself off" debug_finds "kmemleak was off" '/kmemleak=/d'
ok "lockdep switched itself off" debug_finds "lockdep was off" 's/lockdep=1/lockdep=0/'
ok "KASAN was not there" debug_finds "KASAN was off" '/KernelAddress/d'
ok "the log has wrapped" debug_finds "the start of L1's log is lost" '/Booting/d'
ok "KASAN reports" debug_finds "kernel report" 's/Booting/BUG: KASAN: slab-use-after-free\n&/'
ok "UBSAN reports" debug_finds "kernel report" 's/Booting/UBSAN: array-index-out-of-bounds\n&/'

# comparison SED: the patched boot, changed; the unpatched one lacks "new"
comparison() {
	rm -f "$dir"/*
	cat >"$dir/l1.log" <<-'END'
		@tap TAP version 13
		@tap ok 1 fixture.good
		@tap # bad.c:1:bad:Expected 0 == 1
		@tap not ok 2 fixture.bad
		@tap ok 3 fixture.left # SKIP no such device
		@selftest one status=1 from=1.0 to=2.0
		@tap ok 1 fixture.good
		@selftest two status=0 from=2.0 to=3.0
	END
	cp "$dir/l1.log" "$dir/base.log"
	sed -i "s/^@tap ok 1 fixture.good/&\n@tap ok 4 fixture.new/; $1" "$dir/l1.log"
	compare_selftests
	echo "$figures"
	[ ! -e "$dir/reasons" ] || cat "$dir/reasons"
}

same() {
	comparison "$1"
	[ ! -e "$dir/reasons" ]
}

worse() {
	comparison "$2"
	grep -qxF "$1" "$dir/reasons"
}

skips=
ok "the same outcomes pass" same ''
ok "a failure that has gone passes" same 's/not ok 2/ok 2/'
ok "a new test may be skipped" same 's/fixture.new/& # SKIP no such device/'
skips=3
ok "as many new tests are skipped as may be" same 's/fixture.new/& # SKIP no such device/'
skips=2
ok "one more is skipped" worse "selftests: pass=2 fail=1 skip=3, unpatched pass=2 fail=1 skip=1: @tap ok 4 fixture.new # SKIP no such device" 's/fixture.new/& # SKIP no such device/'
skips=
ok "a test fails" worse "one:fixture.good: pass on the unpatched kernel, fail here" '2s/@tap ok/@tap not ok/'
ok "a new test fails" worse "one:fixture.new: none on the unpatched kernel, fail here" 's/ok 4/not &/'
ok "a test is skipped" worse "two:fixture.good: pass on the unpatched kernel, skip here" '7s/good/& # SKIP no/'
ok "a failure has become a skip" worse "one:fixture.bad: fail on the unpatched kernel, skip here" 's/not ok 2 fixture.bad/ok 2 fixture.bad # SKIP/'
ok "a test is gone" worse "two:fixture.good: pass on the unpatched kernel, none here" '7d'
ok "a program dies at its end" worse "two:(exit): pass on the unpatched kernel, fail here" 's/two status=0/two status=139/'
tap_done
