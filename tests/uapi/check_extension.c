// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_CHECK_EXTENSION: VFIO_MSI_WINDOW is there, before and after there is a
 * device, nothing else has come with it, and the argument is not cut off.
 *
 * Seen to fail when the kernel does not know VFIO_MSI_WINDOW.
 */
#include <errno.h>
#include <unistd.h>

#include "table.h"

static int check(int fd, unsigned long extension)
{
	return xioctl(fd, VFIO_CHECK_EXTENSION, (void *)extension);
}

/* 1, 0, or -1 for what depends on the kernel's configuration or on devices */
static int expected(enum mode mode, unsigned long extension)
{
	bool type1 = mode == TYPE1 || mode == TYPE1V2;

	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
	case VFIO_MSI_WINDOW:
		return 1;
	case VFIO_UPDATE_VADDR:
		return type1 ? -1 : 0;
	case VFIO_DMA_CC_IOMMU:
	case VFIO_NOIOMMU_IOMMU:
		return -1;
	default:
		return 0;
	}
}

static bool nobody(struct world *world)
{
	return check(world->space.fd, VFIO_MSI_WINDOW) == 1;
}

static void numbers(struct world *world, const char *when)
{
	const unsigned long far[] = {
		-1UL, -1UL - VFIO_MSI_WINDOW, 1UL << (8 * sizeof(long) - 1) | VFIO_MSI_WINDOW,
		0x8000000bUL, 0x10000000bULL & -1UL, 0x10000UL | VFIO_MSI_WINDOW,
	};

	for (unsigned long i = 0; i <= 4096; i++) {
		int want = expected(world->space.mode, i), ret = check(world->space.fd, i);

		row_is(want < 0 || ret == want, "%s: %lu: %d, not %d", when, i, ret,
		       want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(far); i++)
		if (far[i] > 4096)
			row_is(!check(world->space.fd, far[i]), "%s: %#lx", when, far[i]);
}

void test(enum mode mode)
{
	const struct wrong_fd *wrong;
	struct world world;

	/* What iommufd does with a container of version 2 differs in UNMAP only */
	if (mode == NATIVE || mode == COMPAT_V2)
		return;
	table_begin("%s: VFIO_CHECK_EXTENSION", mode_names[mode]);
	if (!space_open(&world.space, mode)) {
		numbers(&world, "no device");
		space_close(&world.space);
	} else {
		row_is(false, "cannot open a container");
	}
	if (world_open(&world, mode)) {
		numbers(&world, "a device");
		for (wrong = wrong_fds(); wrong->name; wrong++)
			/* A container without an IOMMU asks those that there are */
			row(&world, wrong->error == EINVAL ? 1 : -wrong->error,
			    check(wrong->fd, VFIO_MSI_WINDOW), "%s", wrong->name);
		row(&world, -ENOTTY, check(world.space.group, VFIO_MSI_WINDOW), "the group");
		row(&world, -ENOTTY, check(world.space.device, VFIO_MSI_WINDOW), "the device");
		as_nobody(nobody, &world, "the extension");
		world_close(&world);
	}
	table_end();
}
