// SPDX-License-Identifier: GPL-2.0
/*
 * Without a window that is placed nothing is other than it was: each doorbell gets the
 * next page of the drivers' window, in the order of the vectors that need it, and keeps
 * it. Makes only calls that there have always been, so that the unpatched kernel can
 * be asked, too: tests/boot/run -b uapi-gicv2m.
 *
 * Seen to fail when the kernel begins with the second page.
 */
#include "table.h"

#define WINDOW		0x8000000ULL
#define NR_VECTORS	5
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

static void vectors(struct space *space, u32 count, u64 first)
{
	int ret = set_irqs(space->device, MSIX, count);
	u64 address;

	row_is(!ret, "%u vectors: %d", count, ret);
	for (u32 i = 0; !ret && i < count; i++) {
		address = msix_address(i);
		row_is(address / page * page == first + i * page,
		       "vector %u of %u: %#llx, not on the page at %#llx", i, count,
		       (unsigned long long)address, (unsigned long long)(first + i * page));
	}
	row_is(!set_irqs(space->device, MSIX, 0), "no vectors");
}

void test(enum mode mode)
{
	struct space space;
	int ret;

	table_begin("%s: the drivers' window", mode_names[mode]);
	ret = space_open(&space, mode) ?: space_attach(&space, bdf);
	row_is(!ret, "cannot attach: %d", ret);
	if (!ret) {
		vectors(&space, 2, WINDOW);
		vectors(&space, NR_VECTORS, WINDOW);
		vectors(&space, 1, WINDOW);
	}
	space_close(&space);
	table_end();
}
