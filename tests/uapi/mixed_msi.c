// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices share an address space, and the MSIs of one go through a window while
 * those of the other are taken by the hardware (tests/boot/hardware.patch). Guards that
 * both get their MSIs, whichever came first, in the drivers' window and in one that is
 * placed. In a page table of iommufd the one writes into the window, the other to the
 * doorbell itself; in a domain of type1 both write into the window, so that this is
 * reserved for as long as one of them is there.
 *
 * Seen to fail when type1
 *  - takes a cookie only for the domain of a first group that needs a window,
 *  - lets go of the window when the last group that needs one has left.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table.h"

/* The registers of the 82574 that raise an interrupt */
#define CTRL_EXT	0x00018
#define TIMERS_CLR	(1U << 29)
#define ICR		0x000c0
#define ICS		0x000c8
#define IMS		0x000d0
#define IMC		0x000d8
#define LSC		(1U << 2)
#define ALL		0xffffffff

#define COMMAND		4
#define COMMAND_DMA	6	/* memory, master */

static struct world world;
static struct space second;

/* Where the hardware takes the MSIs of the device, 0 for the one with the window */
static u64 doorbells(const char *device)
{
	unsigned long long start, last;
	char path[128], type[32];
	u64 found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions",
		 device);
	file = fopen(path, "r");
	/* "msi" is the drivers' window as well: what tells them apart is the place */
	while (file && fscanf(file, "%llx %llx %31s", &start, &last, type) == 3)
		if (!strcmp(type, "msi") && start != 0x8000000)
			found = start;
	if (file)
		fclose(file);
	return found;
}

static u64 region_offset(int device, u32 index, u64 *size)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };
	int ret = xioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info);

	row_is(!ret, "region %u: %d", index, ret);
	*size = info.size;
	return info.offset;
}

/* One MSI, to the address that the device has been given: whether it arrives */
static bool msi_arrives(int device, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	u16 command = COMMAND_DMA;
	volatile u32 *bar;
	u64 offset, size;

	offset = region_offset(device, VFIO_PCI_CONFIG_REGION_INDEX, &size);
	row_is(pwrite(device, &command, sizeof(command), offset + COMMAND) == sizeof(command),
	       "cannot write the command");
	offset = region_offset(device, VFIO_PCI_BAR0_REGION_INDEX, &size);
	bar = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device, offset);
	row_is(bar != MAP_FAILED, "cannot map the registers");
	if (bar == MAP_FAILED)
		return false;
	/* All of them allowed, while there is none, ends the interval of the last one */
	bar[CTRL_EXT / 4] |= TIMERS_CLR;
	bar[ICR / 4] = ALL;
	bar[IMS / 4] = ALL;
	bar[IMC / 4] = ALL;
	bar[IMS / 4] = LSC;
	bar[ICS / 4] = LSC;
	bar[IMC / 4] = ALL;
	bar[ICR / 4] = ALL;
	munmap((void *)bar, size);
	return poll(&pollfd, 1, 5000) == 1;
}

static bool is_type1(enum mode mode)
{
	return mode == TYPE1 || mode == TYPE1V2;
}

/* Return the eventfd of the MSI */
static int check_msi(struct space *space, const char *device)
{
	struct {
		struct vfio_irq_set set;
		int fd;
	} irqs = {
		.set = {
			.argsz = sizeof(irqs),
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
			.index = VFIO_PCI_MSI_IRQ_INDEX,
			.count = 1,
		},
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	struct window window = {};
	bool inside;
	u64 address;
	int ret;

	ret = xioctl(space->device, VFIO_DEVICE_SET_IRQS, &irqs);
	address = msi_address(device);
	row_is(!window_get(&world.space, &window), "the window");
	row_is(!ret && address, "an MSI of %s: %d", device, ret);
	inside = address >= window.start && address - window.start < window.length;
	if (is_type1(space->mode) || !doorbells(device))
		row_is(inside, "the MSI of %s goes to %#llx, the window is %#llx+%#llx", device,
		       (unsigned long long)address, (unsigned long long)window.start,
		       (unsigned long long)window.length);
	else
		row_is(address / page * page == doorbells(device),
		       "the MSI of %s goes to %#llx, the doorbells are at %#llx", device,
		       (unsigned long long)address, (unsigned long long)doorbells(device));
	row_is(!ret && msi_arrives(space->device, irqs.fd), "waited 5 s for the MSI of %s",
	       device);
	return irqs.fd;
}

/* The group that needs the window leaves, and the MSIs of the other go there */
static void leave(struct space *kept, int fd)
{
	struct window window = {};
	u64 unmapped;
	u64 value;

	row_is(!window_get(&world.space, &window), "the window");
	space_detach(&second);
	world_changed(&world);
	row(&world, -EINVAL, dma_map(&world.space, window.start, page, memory),
	    "a mapping on the doorbells");
	row(&world, -EINVAL,
	    dma_map(&world.space, window.start + window.length - page, page, memory),
	    "a mapping at the end of the window");
	row(NULL, 0, dma_map(&world.space, window.start + window.length, page, memory),
	    "a mapping behind it");
	dma_unmap(&world.space, window.start + window.length, page, &unmapped);
	row_is(read(fd, &value, sizeof(value)) == sizeof(value), "no MSI to forget");
	row_is(msi_arrives(kept->device, fd), "waited 5 s for an MSI when the window is nobody's");
}

/*
 * The drivers' window covers the doorbell that the other device writes to itself: as
 * the window fills from its start that is nobody's, and it was so always.
 */
static void one(enum mode mode, const char *first, const char *other, bool placed)
{
	u64 taken = doorbells(first) ?: doorbells(other);
	const char *kept = bdf;
	struct ranges reserved;
	bool listed = false;
	int fds[2], ret;

	table_begin("%s: %s first, %s", mode_names[mode],
		    doorbells(first) ? "the one without" : "the one with the window",
		    placed ? "placed" : "as ever");
	row_is(!doorbells(first) != !doorbells(other), "both devices are alike");
	bdf = first;
	if (world_open(&world, mode)) {
		ret = second_open(&second, &world.space, other) ?: second_attach(&second, other);
		row_is(!ret, "attach %s: %d", other, ret);
		if (is_type1(mode)) {
			second.device = xioctl(second.group, VFIO_GROUP_GET_DEVICE_FD,
					       (void *)other);
			row_is(second.device >= 0, "open %s: %d", other, second.device);
		}
		row_is(!window_get(&world.space, &world.window) && world.window.needed,
		       "one of them needs a window");
		row_is(!reserved_get(&world.space, &reserved), "what is reserved");
		for (u32 i = 0; i < reserved.nr; i++)
			listed |= reserved.range[i].type == VFIO_IOMMU_RESV_MSI &&
				  reserved.range[i].start == taken;
		/* A device of iommufd tells its own */
		row_is(listed || (mode == NATIVE && !doorbells(first)), "the doorbells are not listed");
		world_changed(&world);
		if (placed) {
			row(&world, -EADDRINUSE,
			    window_place(&world.space, taken / SZ_1M * SZ_1M, SZ_1M),
			    "on the doorbells");
			row(NULL, 0, window_place(&world.space, world.arena + 16 * SZ_1M,
						  world.window.size), "elsewhere");
		}
		fds[0] = check_msi(&world.space, first);
		fds[1] = check_msi(&second, other);
		if (is_type1(mode) && doorbells(first))
			leave(&world.space, fds[0]);
		space_detach(&second);
		world_close(&world);
		close(fds[0]);
		close(fds[1]);
	}
	bdf = kept;
	table_end();
}

void test(enum mode mode)
{
	for (int placed = 0; placed < 2; placed++) {
		one(mode, bdf, second_bdf, placed);
		one(mode, second_bdf, bdf, placed);
	}
}
