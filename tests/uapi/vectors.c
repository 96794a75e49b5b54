// SPDX-License-Identifier: GPL-2.0
/*
 * A device with several vectors of plain MSI, beside one with a single vector. Guards
 * that any number of vectors can be had again and again, whether a try before has
 * failed or not; that the numbers which the devices send (on a GICv2m those of its
 * SPIs) are nobody else's; and that they are where the device can count from.
 *
 * Seen to fail when the ITS keeps what the next power of two takes more, when a GICv2m
 * frees as much after a failure, when it aligns by the count as it is, and when it takes
 * no more than the count.
 */
#include <string.h>

#include "table.h"

#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX

/* Attached all the time */
static struct space neighbour;
static struct space space;

static u32 nr_vectors(void)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = MSI };

	return xioctl(space.device, VFIO_DEVICE_GET_IRQ_INFO, &info) ? 0 : info.count;
}

/* What the device has been told to send for the first vector of MSI */
static u32 msi_data(const char *device)
{
	u8 config[256];
	int pos = config_find(device, 5, config);
	u16 data;

	memcpy(&data, &config[pos + (config[pos + 2] & 0x80 ? 12 : 8)], sizeof(data));
	return data;
}

static void vectors(const struct space *of, u32 index, u32 count)
{
	int ret = set_irqs(of->device, index, count);

	row(NULL, 0, ret, "%u vectors of %s", count, index == MSI ? "MSI" : "MSI-X");
}

/* All that the device can send: more than it has been given, and no one else's */
static u32 power_of_two(u32 count)
{
	u32 power = 1;

	while (power < count)
		power *= 2;
	return power;
}

static void look(u32 count, bool shared)
{
	u32 data = msi_data(bdf), other = msi_data(second_bdf);

	row_is(!(data % power_of_two(count)), "%u vectors from %u", count, data);
	if (shared)
		row_is(other < data || other >= data + power_of_two(count),
		       "%u vectors from %u, one at %u", count, data, other);
}

/* The neighbour has what is right before, then what is right after */
static void some(u32 count, u32 most, bool shared)
{
	int ret;

	vectors(&neighbour, MSI, 1);
	vectors(&space, MSI, count);
	look(count, shared);
	vectors(&neighbour, MSI, 0);
	vectors(&space, MSI, 0);

	vectors(&space, MSI, count);
	vectors(&neighbour, MSI, 1);
	look(count, shared);
	vectors(&space, MSI, 0);
	row(NULL, 0, second_detach(&space), "detach");
	ret = set_irqs(space.device, MSI, count);
	row_is(ret < 0, "%u vectors without a page table: %d", count, ret);
	row(NULL, 0, second_attach(&space, bdf), "attach");
	vectors(&space, MSI, most);
	look(most, shared);
	vectors(&space, MSI, 0);
	vectors(&neighbour, MSI, 0);

	/* The other kind of interrupt begins with an empty set */
	vectors(&space, MSIX, 1);
	vectors(&space, MSIX, 0);
}

/* Whether the numbers of two devices are of one set, or each has its own */
static bool is_shared(void)
{
	bool shared;

	vectors(&neighbour, MSI, 1);
	vectors(&space, MSI, 1);
	shared = msi_data(bdf) != msi_data(second_bdf);
	vectors(&space, MSI, 0);
	vectors(&neighbour, MSI, 0);
	return shared;
}

void test(enum mode mode)
{
	bool shared;
	u32 most;
	int ret;

	/* What attaches the device makes no difference */
	if (mode != NATIVE)
		return;
	table_begin("%s: several vectors", mode_names[mode]);
	ret = space_open(&neighbour, NATIVE) ?: space_attach(&neighbour, second_bdf);
	row_is(!ret, "attach %s: %d", second_bdf, ret);
	ret = ret ?: second_open(&space, &neighbour, bdf) ?: second_attach(&space, bdf);
	row_is(!ret, "attach %s: %d", bdf, ret);
	most = ret ? 0 : nr_vectors();
	row_is(most > 4, "%s has %u vectors", bdf, most);
	shared = most && is_shared();
	for (u32 count = 1; count < most; count++)
		some(count, most, shared);
	space_detach(&space);
	space_close(&neighbour);
	table_end();
}
