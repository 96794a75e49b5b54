# SPDX-License-Identifier: GPL-2.0
#
# The programs of tests/uapi and tests/fuzz, static:
#   make -f programs.mk O=FOLDER CC=CROSS-gcc NAME...
here := $(dir $(lastword $(MAKEFILE_LIST)))
# The kernel's own compilers know __counted_by(), which vfio.h has
flags := -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -pthread \
	'-D__counted_by(member)=' -isystem $(here)../linux-headers
headers := $(wildcard $(here)uapi/*.h $(here)fuzz/*.h $(here)../linux-headers/linux/*.h)
uapi := bridge check_extension churn default_window domains fail_nth full get_info map_dma \
	map_msi mediated mixed_msi msi_32 msi_iova msi_window race race_attach resv_regions \
	vectors

$(uapi:%=$(O)/%): $(O)/%: $(here)uapi/%.c $(here)uapi/table.c $(here)uapi/space.c $(headers)
	$(CC) $(flags) -o $@ $(filter %.c,$^)

$(O)/fuzz: $(wildcard $(here)fuzz/*.c) $(here)uapi/space.c $(headers)
	$(CC) $(flags) -o $@ $(filter %.c,$^)
