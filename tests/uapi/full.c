// SPDX-License-Identifier: GPL-2.0
/*
 * A window of iommufd that is placed before there is a device, and is too short for the
 * doorbells of the one that comes then (GICv2m frames). Guards that the device is
 * attached and has as many vectors as there is room for; that setting up more fails
 * again and again, changes between MSI and MSI-X in between, and takes nothing from
 * whoever is next; that memory right behind the window is in nobody's way; and that a
 * longer window is all that is needed.
 *
 * Seen to fail when the frame does not free its SPIs after a doorbell that could not be
 * mapped, and when doorbells are mapped beyond the end of the window.
 */
#include "table.h"

#define NR_VECTORS	5
#define NR_TIMES	100
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

static u64 find_place(void)
{
	struct world world;
	u64 place = 0;

	if (world_open(&world, NATIVE)) {
		place = world.arena + 16 * SZ_1M;
		world_close(&world);
	}
	return place;
}

static bool begin(struct space *space, u64 start, u64 length)
{
	struct window window = {};
	int ret;

	ret = space_open(space, NATIVE) ?: window_place(space, start, length) ?:
	      dma_map(space, start + length, page, memory);
	row_is(!ret, "a window of %llu bytes: %d", (unsigned long long)length, ret);
	ret = ret ?: space_attach(space, bdf);
	row_is(!ret && !window_get(space, &window) && window.start == start &&
	       window.length == length, "attach: %d", ret);
	row_is(!ret && window.size > page, "one page has room for all doorbells");
	return !ret;
}

static void vectors(const struct space *space, u32 index, u32 count, int wanted)
{
	int ret = set_irqs(space->device, index, count);

	row(NULL, wanted, ret, "%u vectors of %s", count, index == MSI ? "MSI" : "MSI-X");
}

void test(enum mode mode)
{
	struct space space;
	u64 place;

	/* The others know what a device needs before there is a window */
	if (mode != NATIVE)
		return;
	table_begin("%s: a window that is too short", mode_names[mode]);
	place = find_place();
	if (begin(&space, place, page)) {
		for (int i = 0; i < NR_TIMES; i++) {
			vectors(&space, MSIX, NR_VECTORS, 1);
			vectors(&space, MSIX, 1, 0);
			row_is(msix_address(0) / page * page == place, "it goes to %#llx",
			       (unsigned long long)msix_address(0));
			vectors(&space, MSIX, 0, 0);
			vectors(&space, MSI, 1, 0);
			vectors(&space, MSI, 0, 0);
		}
	}
	space_close(&space);
	if (begin(&space, place, NR_VECTORS * page))
		vectors(&space, MSIX, NR_VECTORS, 0);
	space_close(&space);
	table_end();
}
