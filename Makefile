# SPDX-License-Identifier: GPL-2.0
help:
	@echo 'make boot       both series applied, built and booted: a guest takes MSIs through a placed window'
	@echo 'make check      every test, through prove'
	@echo 'make check-all  the same with the boots and builds that take longest'
	@echo 'make bench      what the series costs, in instructions, against the unpatched kernel'
	@echo 'make bench-loop how long make boot takes: from nothing, again, after a change'
	@echo 'make fuzz       random calls to the patched kernel, SECONDS=600 SEED=N'
	@echo 'make export     write patches/ and qemu-patches/ from the branches "series" of the cache'
	@echo 'make clean-out  remove logs and drawings, keep what was built'
	@echo
	@echo 'Trees, downloads and builds live in $${MSIWIN_CACHE:-~/.cache/msiwin}.'

boot:
	@tests/boot/run auto

check:
	@tests/run

check-all:
	@ALL=1 tests/run

bench:
	@tests/bench/run

bench-loop:
	@tests/bench/loop

fuzz:
	@tests/fuzz/run '$(SECONDS)' '$(SEED)'

export:
	@tests/series/export

clean-out:
	@set -e; TOP='$(CURDIR)'; . tests/lib/common.sh; rm -rf "$$OUT"

.PHONY: help boot check check-all bench bench-loop fuzz export clean-out
