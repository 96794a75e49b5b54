// SPDX-License-Identifier: GPL-2.0
/*
 * A device that has 32 bits for the address of an MSI (tests/boot/hardware.patch), and
 * a window above 4 GiB. Guards that such an interrupt is refused, that this leaves
 * nothing behind that is in the way of the next one, and that the window that the
 * kernel places is one for this device.
 *
 * Seen to fail when the kernel keeps the interrupts of an MSI that it has refused.
 */
#include <dirent.h>
#include <errno.h>

#include "table.h"

#define NR_TIMES	20

static struct world world;

/* Interrupts that the system has, whether or not somebody has asked for them */
static unsigned int count_irqs(void)
{
	DIR *dir = opendir("/sys/kernel/irq");
	unsigned int count = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	row_is(count, "/sys/kernel/irq tells nothing");
	if (dir)
		closedir(dir);
	return count;
}

static void refused(enum mode mode, u32 index, const char *what)
{
	unsigned int irqs;
	int ret;

	table_begin("%s: %s above 4 GiB", mode_names[mode], what);
	irqs = count_irqs();
	if (!world_open(&world, mode)) {
		table_end();
		return;
	}
	ret = window_place(&world.space, 16 * SZ_4G, world.window.size);
	row_is(!ret, "a window above 4 GiB: %d", ret);
	for (int i = 0; i < NR_TIMES; i++)
		row(NULL, -EIO, set_irqs(world.space.device, index, 1), "time %d", i);
	if (index == VFIO_PCI_MSI_IRQ_INDEX)
		row_is(!msi_address(bdf), "MSI is on");
	world_close(&world);
	row_is(count_irqs() == irqs, "%u interrupts, there were %u", count_irqs(), irqs);

	/* Only a device that is bound anew has had no MSI */
	if (world_open(&world, mode)) {
		row_is(!window_auto(&world.space), "AUTO");
		row(NULL, 0, set_irqs(world.space.device, index, 1), "below 4 GiB");
		row(NULL, 0, set_irqs(world.space.device, index, 0), "and off");
		world_close(&world);
	}
	table_end();
}

void test(enum mode mode)
{
	refused(mode, VFIO_PCI_MSI_IRQ_INDEX, "MSI");
	refused(mode, VFIO_PCI_MSIX_IRQ_INDEX, "MSI-X");
}
