// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_IOMMU_MAP_DMA with VFIO_DMA_MAP_FLAG_RESERVED_MSI_IOVA, of type1 containers
 * and of iommufd's: every field with every kind of value, and the errno that
 * linux/vfio.h documents for it.
 *
 * Seen to fail when the kernel
 *  - does not look at the other flags,
 *  - does not look at the mappings,
 *  - does not look whether the window wraps,
 *  - lets it leave nothing to map,
 *  - tells the new window although the call has failed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

#define MAX_U64 (~0ULL)

static int call(int fd, u32 argsz, u32 flags, u64 vaddr, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = argsz,
		.flags = flags,
		.vaddr = vaddr,
		.iova = iova,
		.size = size,
	};

	return xioctl(fd, VFIO_IOMMU_MAP_DMA, &map);
}

static int place(struct world *world, u64 iova, u64 size)
{
	return call(world->space.fd, sizeof(struct vfio_iommu_type1_dma_map), MAP_MSI,
		    MAX_U64, iova, size);
}

static const char *const states[] = { "default", "placed", "auto", "live" };
enum { DEFAULT, PLACED, AUTO, LIVE };

/* Where the window is in the states PLACED and LIVE, no longer than it has to be */
static u64 home(struct world *world)
{
	return world->arena + 16 * SZ_1M;
}

static u64 need(struct world *world)
{
	return world->window.size;
}

static void go_home(struct world *world, int state)
{
	int ret = 0;

	if (state == PLACED || state == LIVE)
		ret = place(world, home(world), need(world));
	if (state == AUTO)
		ret = call(world->space.fd, 32, MAP_MSI, 0, 0, 0);
	row_is(!ret, "back to %s: %d", states[state], ret);
	world_changed(world);
}

static void values(struct world *world, int state)
{
	const u64 end = world->end, away = world->arena + 4 * SZ_1M;
	const u64 mapped = world->mapped, size = need(world), g = world->window.alignment;
	const int busy = state == LIVE ? EBUSY : 0;
	/* Those that are too short, unless one doorbell needs no more */
	const int less = size > g ? ENOSPC : 0;
	const struct {
		const char *name;
		u64 iova, size;
		int error;
	} rows[] = {
		{ "size 0", away, 0, EINVAL },
		{ "iova 0", 0, size, EINVAL },
		{ "iova 0, size max", 0, MAX_U64, EINVAL },
		{ "iova 1", 1, size, EINVAL },
		{ "size 1", away, 1, EINVAL },
		{ "iova 1, size 1", 1, 1, EINVAL },
		{ "iova half a page", away + g / 2, size, EINVAL },
		{ "iova a byte less", away - 1, size, EINVAL },
		{ "size half a page more", away, size + g / 2, EINVAL },
		{ "size a byte less", away, size - 1, EINVAL },
		{ "size a byte more", away, size + 1, EINVAL },
		{ "iova max", MAX_U64, size, EOVERFLOW },
		{ "iova max, size 1", MAX_U64, 1, EINVAL },
		{ "iova max, size 2", MAX_U64, 2, EOVERFLOW },
		{ "size max", away, MAX_U64, EOVERFLOW },
		{ "iova and size max", MAX_U64, MAX_U64, EOVERFLOW },
		{ "wraps by a page", -g, size + g, EOVERFLOW },
		{ "wraps to the start", away, -away + g, EOVERFLOW },
		{ "the last page and more", -size, size + g, EOVERFLOW },
		{ "up to the end of 64 bits", -size, size, ERANGE },
		{ "the upper half", 1ULL << 63, 1ULL << 63, ERANGE },
		{ "all but a page", g, -g, ERANGE },
		{ "bit 63", 1ULL << 63, size, ERANGE },
		{ "beyond the aperture", end, size, ERANGE },
		{ "ends beyond the aperture", end - size, size + g, ERANGE },
		{ "too short, at the end of 64 bits", -g, g, less ?: ERANGE },
		{ "begins in a mapping", mapped + g, size, EEXIST },
		{ "is a mapping", mapped, size > 2 * g ? size : 2 * g, EEXIST },
		{ "ends in a mapping", mapped + g - size, size, EEXIST },
		{ "around a mapping", mapped - size, 2 * size + 2 * g, EEXIST },
		{ "too short", away, g, less ?: busy },
		{ "before a mapping", mapped - size, size, busy },
		{ "behind a mapping", mapped + 3 * g, size, busy },
		{ "at the end of the aperture", end - size, size, busy },
		{ "one page longer", home(world), size + g, busy },
		{ "one page on", home(world) + g, size, busy },
		{ "the same", home(world), size, 0 },
		{ "AUTO", 0, 0, busy },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int ret = place(world, rows[i].iova, rows[i].size);

		row(world, -rows[i].error, ret, "%s: %s", states[state], rows[i].name);
		if (!ret && state != DEFAULT)
			go_home(world, state);
		/* Only the last window is left of what a placed one has been */
		if (!ret && state == DEFAULT)
			return;
	}
}

static void reserved(struct world *world, int state)
{
	u64 size = need(world), g = world->window.alignment;
	struct ranges ranges = {};

	row_is(!reserved_get(&world->space, &ranges) && ranges.nr, "no reserved ranges");
	for (u32 i = 0; i < ranges.nr; i++) {
		u64 start = ranges.range[i].start, last = ranges.range[i].last;

		if (ranges.range[i].type == VFIO_IOMMU_RESV_SW_MSI ||
		    ranges.range[i].type == VFIO_IOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		/* Then the windows around it would begin below 0 or at it */
		if (start < size)
			continue;
		row(world, -EADDRINUSE, place(world, start, size), "%s: is reserved",
		    states[state]);
		row(world, -EADDRINUSE, place(world, start + g - size, size),
		    "%s: ends in a reserved range", states[state]);
		row(world, -EADDRINUSE, place(world, last + 1 - g, size),
		    "%s: begins in a reserved range", states[state]);
		row(world, -EADDRINUSE,
		    place(world, start - g, last - start + 1 + 2 * g),
		    "%s: around a reserved range", states[state]);
	}
}

static void flags(struct world *world, int state)
{
	const u32 some[] = { 0xffffffff, 0xf, 0xb, MAP_RW | MAP_MSI, 0xfffffff8, 0xaaaaaaaa };

	for (int auto_window = 0; auto_window < 2; auto_window++) {
		u64 iova = auto_window ? 0 : home(world);
		u64 size = auto_window ? 0 : need(world);

		for (int bit = 0; bit < 32; bit++) {
			u32 flags = 1U << bit;

			if (flags != MAP_MSI)
				row(world, -EINVAL,
				    call(world->space.fd, 32, flags | MAP_MSI,
					 (uintptr_t)memory, iova, size),
				    "%s: flags %#x", states[state], flags | MAP_MSI);
			if (flags > MAP_MSI)
				row(world, -EINVAL,
				    call(world->space.fd, 32, flags | MAP_RW,
					 (uintptr_t)memory, iova, size),
				    "%s: flags %#x", states[state], flags | MAP_RW);
		}
		for (size_t i = 0; i < ARRAY_SIZE(some); i++)
			row(world, -EINVAL,
			    call(world->space.fd, 32, some[i], (uintptr_t)memory, iova, size),
			    "%s: flags %#x", states[state], some[i]);
	}
}

/* argsz tells nothing but that all is there, what follows is not looked at */
static void sizes(struct world *world, int state)
{
	const u32 max = sizeof(struct vfio_iommu_type1_dma_map) + 4096;
	struct vfio_iommu_type1_dma_map *map;
	u8 *bytes = edge_alloc(max);

	for (u32 argsz = 0; argsz <= max; argsz++) {
		bool is_short = argsz < sizeof(*map);

		memset(bytes, 0xff, max);
		map = (void *)bytes;
		map->argsz = argsz;
		map->flags = MAP_MSI;
		/* What is refused would be another window, or one at all */
		map->iova = is_short ? world->arena + 4 * SZ_1M : home(world);
		map->size = need(world);
		row(world, is_short ? -EINVAL : 0,
		    xioctl(world->space.fd, VFIO_IOMMU_MAP_DMA, map), "%s: argsz %u",
		    states[state], argsz);
	}
	row(world, 0, call(world->space.fd, ~0U, MAP_MSI, 0, home(world), need(world)),
	    "%s: argsz max", states[state]);
	edge_free(bytes, max);

	/* A structure that ends early, as the page does */
	for (u32 len = 0; len <= sizeof(*map); len += 4) {
		struct vfio_iommu_type1_dma_map whole = {
			.argsz = sizeof(whole),
			.flags = MAP_MSI,
			.iova = len < sizeof(whole) ? world->arena + 4 * SZ_1M : home(world),
			.size = need(world),
		};

		bytes = edge_alloc(len);
		memcpy(bytes, &whole, len);
		row(world, len < sizeof(whole) ? -EFAULT : 0,
		    xioctl(world->space.fd, VFIO_IOMMU_MAP_DMA, bytes),
		    "%s: %u bytes, then no page", states[state], len);
		edge_free(bytes, len);
	}
	row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_MAP_DMA, NULL),
	    "%s: NULL", states[state]);
	row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_MAP_DMA, (void *)-1L),
	    "%s: the last byte", states[state]);
}

static void fds(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	struct space lone;

	for (; wrong->name; wrong++)
		row(world, -wrong->error,
		    call(wrong->fd, 32, MAP_MSI, 0, home(world), need(world)), "%s",
		    wrong->name);
	row(world, -ENOTTY, call(world->space.group, 32, MAP_MSI, 0, home(world), need(world)),
	    "the group");
	/* There the number is that of VFIO_DEVICE_PCI_HOT_RESET, which takes no flags */
	row(world, -EINVAL, call(world->space.device, 32, MAP_MSI, 0, home(world), need(world)),
	    "the device");
	if (!space_open(&lone, NATIVE)) {
		row(world, -ENODEV, call(lone.fd, 32, MAP_MSI, 0, home(world), need(world)),
		    "an iommufd that stands in for no container");
		space_close(&lone);
	}
}

/* Who was given the container can do with it what its opener can */
static bool nobody(struct world *world)
{
	struct space own;

	if (call(world->space.fd, 32, MAP_MSI, 0, home(world), need(world)) ||
	    call(world->space.fd, 32, MAP_MSI, 0, world->mapped, need(world)) != -EEXIST)
		return false;
	/* but gets no other one with a device in it */
	if (group_open(bdf) != -EACCES || cdev_open(bdf) != -EACCES ||
	    space_open(&own, NATIVE) != -EACCES)
		return false;
	return !space_open(&own, TYPE1) &&
	       call(own.fd, 32, MAP_MSI, 0, home(world), need(world)) == -EINVAL;
}

/* A window from what is reserved at 0 to the end. iommufd can be without usable IOVA. */
static void all_there_is(struct world *world)
{
	u64 start = SZ_1M, size = world->end - start, g = world->window.alignment, unmapped;
	bool is_iommufd = world->space.mode == COMPAT;

	row(NULL, 0, dma_unmap(&world->space, world->mapped, 2 * page, &unmapped), "unmap");
	world_changed(world);
	row(world, is_iommufd ? 0 : -EINVAL, place(world, start, size), "nothing left to map");
	row(world, 0, place(world, start, size - g), "a page left to map");
	go_home(world, PLACED);
	row(NULL, 0, dma_map(&world->space, world->mapped, 2 * page, memory), "map");
	world_changed(world);
}

static void no_window(struct world *world)
{
	u64 iova = home(world);

	row(world, -EOPNOTSUPP, place(world, iova, page), "no group needs a window");
	row(world, -EOPNOTSUPP, place(world, 0, 0), "AUTO, no group needs a window");
	row(world, -EINVAL, place(world, iova + 1, page), "misaligned, no group needs it");
	row(world, -EINVAL, call(world->space.fd, 32, MAP_MSI | 1, 0, iova, page),
	    "READ, no group needs a window");
}

static void all_states(struct world *world)
{
	if (!world->window.needed) {
		table_skip("no window is needed");
		return;
	}
	for (int state = DEFAULT; state <= LIVE; state++) {
		if (state == LIVE) {
			go_home(world, PLACED);
			row_is(!set_irqs(world->space.device, VFIO_PCI_MSIX_IRQ_INDEX, 1),
			       "enable an MSI");
		}
		go_home(world, state);
		flags(world, state);
		reserved(world, state);
		values(world, state);
		if (state == PLACED) {
			sizes(world, state);
			fds(world);
			as_nobody(nobody, world, "place");
			/* Otherwise page 0 is left, where no window can be */
			if (getenv("page_0"))
				all_there_is(world);
		}
	}
}

void test(enum mode mode)
{
	struct world world = {};

	/* What iommufd does with a container of version 2 differs in UNMAP only */
	if (mode == NATIVE || mode == COMPAT_V2)
		return;
	table_begin("%s: VFIO_IOMMU_MAP_DMA", mode_names[mode]);
	if (world_open(&world, mode)) {
		all_states(&world);
		world_close(&world);
	}
	table_end();
	if (world.window.needed)
		return;
	table_begin("%s, no window needed: VFIO_IOMMU_MAP_DMA", mode_names[mode]);
	if (world_open(&world, mode)) {
		no_window(&world);
		world_close(&world);
	}
	table_end();
}
