// SPDX-License-Identifier: GPL-2.0
/*
 * A container of type1 that has a mediated device (mtty of samples/vfio-mdev, which has
 * no IOMMU) before there is one that has: the window can be anywhere then, and it is the
 * attach that finds out whether it can stay there. Guards that the window is taken over
 * where it can be, that the attach fails and changes nothing where it cannot be, because
 * of the end of the aperture, of a reserved region or of a hardware MSI region, that
 * an AUTO window goes elsewhere then, and that it outlives the device with the IOMMU.
 *
 * Seen to fail when an attach does not hold the window against the aperture.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "table.h"

#define UUID	"83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"

static struct world world;	/* the container, its group is that of the mediated device */
static struct space second;	/* the same, with a device that has an IOMMU */
static struct ranges reserved;	/* for that device */

static u64 home(void)
{
	return world.arena + 16 * SZ_1M;
}

static u64 away(void)
{
	return world.arena + 4 * SZ_1M;
}

/* As the device with an IOMMU needs it, or as short as can be if it needs none */
static u64 need(void)
{
	return world.window.size ?: page;
}

static bool mdev_create(void)
{
	static const char path[] = "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/create";
	bool created;
	int fd;

	if (!access("/sys/bus/mdev/devices/" UUID, F_OK))
		return true;
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	created = write(fd, UUID, sizeof(UUID) - 1) == sizeof(UUID) - 1;
	close(fd);
	return created;
}

/* What does not stay where the window of an IOMMU's own choice goes */
static bool is_obstacle(u32 i)
{
	return reserved.range[i].type != VFIO_IOMMU_RESV_SW_MSI &&
	       reserved.range[i].type != VFIO_IOMMU_RESV_DIRECT_RELAXABLE;
}

static bool overlaps(const struct window *window, u64 start, u64 last)
{
	return window->length && window->start <= last &&
	       window->start + (window->length - 1) >= start;
}

static struct window window_now(void)
{
	struct window window = {};
	int ret = window_get(&world.space, &window);

	row_is(!ret, "cannot read the window: %d", ret);
	return window;
}

static int join(void)
{
	bool v2 = world.space.mode == TYPE1V2;

	return xioctl(world.space.group, VFIO_GROUP_SET_CONTAINER, &world.space.fd) ?:
	       xioctl(world.space.fd, VFIO_SET_IOMMU,
		      (void *)(unsigned long)(v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU));
}

/* What the device with an IOMMU finds when it is alone, then a container without it */
static bool begin(enum mode mode)
{
	int ret;

	if (!world_open(&world, mode))
		return false;
	ret = reserved_get(&world.space, &reserved);
	world_close(&world);
	if (!ret)
		ret = space_open(&world.space, mode);
	if (!ret) {
		world.space.group = group_open_on("mdev", UUID);
		ret = world.space.group < 0 ? world.space.group : join();
	}
	if (!ret)
		ret = dma_map(&world.space, world.mapped, 2 * page, memory);
	if (!ret)
		ret = second_open(&second, &world.space, bdf);
	row_is(!ret, "a container with a mediated device: %d", ret);
	if (!ret)
		world_changed(&world);
	return !ret;
}

static void check_usable(const struct window *window)
{
	struct ranges usable;
	int ret = usable_get(&world.space, &usable);

	row_is(!ret && usable.nr, "nothing is usable");
	for (u32 i = 0; i < usable.nr; i++)
		row_is(!overlaps(window, usable.range[i].start, usable.range[i].last),
		       "the window %#llx+%#llx is usable", (unsigned long long)window->start,
		       (unsigned long long)window->length);
}

/* Without an IOMMU there is nothing in the way but mappings */
static void values(void)
{
	const u64 mapped = world.mapped, size = need();
	const struct {
		const char *name;
		u64 iova, size;
		int error;
	} rows[] = {
		{ "iova 0", 0, size, EINVAL },
		{ "size 0", away(), 0, EINVAL },
		{ "iova half a page", away() + page / 2, size, EINVAL },
		{ "size a byte more", away(), size + 1, EINVAL },
		{ "wraps by a page", -page, 2 * page, EOVERFLOW },
		{ "is a mapping", mapped, 2 * page, EEXIST },
		{ "ends in a mapping", mapped - page, 2 * page, EEXIST },
		{ "all there is", page, -page, EEXIST },
		{ "up to the end of 64 bits", -page, page, 0 },
		{ "bit 63", 1ULL << 63, page, 0 },
		{ "the first page", page, page, 0 },
		{ "a page", away(), page, 0 },
	};
	struct window window = window_now();

	row_is(!window.needed && window.movable && window.alignment == page &&
	       !window.size && !window.length && !window.placed && !window.chosen,
	       "a window without a device that needs it");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		row(&world, -rows[i].error,
		    window_place(&world.space, rows[i].iova, rows[i].size), "no IOMMU: %s",
		    rows[i].name);
		if (rows[i].error)
			continue;
		window = window_now();
		row_is(window.placed && window.movable && window.start == rows[i].iova &&
		       window.length == rows[i].size, "no IOMMU: %s: not there",
		       rows[i].name);
		check_usable(&window);
	}
}

static void refused(const char *what, u64 start, u64 size)
{
	row(&world, 0, window_place(&world.space, start, size), "a window %s", what);
	row(&world, -EINVAL, second_attach(&second, bdf), "attach, the window is %s", what);
}

static void attach_refused(void)
{
	const u64 size = need();

	/* 0 if all 64 bits are in it */
	if (world.end) {
		refused("behind the aperture", world.end, size);
		refused("at the end of 64 bits", -size, size);
		refused("partly behind the aperture", world.end - page, size + page);
	}
	for (u32 i = 0; i < reserved.nr; i++) {
		u64 start = reserved.range[i].start, last = reserved.range[i].last;

		if (!is_obstacle(i))
			continue;
		refused("where it is reserved", start, size);
		refused("partly where it is reserved, at the end", start + page - size, size);
		refused("partly where it is reserved, at the start", last + 1 - page, size);
		refused("around what is reserved", start - page, last - start + 1 + 2 * page);
	}
}

/* MSIs of the device, which is attached: within the window, if they are translated */
static void interrupts(const struct window *window)
{
	bool inside;
	u64 address;
	int ret;

	ret = xioctl(second.group, VFIO_GROUP_GET_DEVICE_FD, (void *)bdf);
	row_is(ret >= 0, "the device: %d", ret);
	if (ret < 0)
		return;
	second.device = ret;
	ret = set_irqs(second.device, VFIO_PCI_MSI_IRQ_INDEX, 1);
	address = msi_address(bdf);
	inside = overlaps(window, address, address);
	row_is(!ret && address && inside == world.window.needed,
	       "an MSI: %d, at %#llx, the window is %#llx+%#llx", ret,
	       (unsigned long long)address, (unsigned long long)window->start,
	       (unsigned long long)window->length);
	world_changed(&world);
	row(&world, world.window.needed ? -EBUSY : -EOPNOTSUPP,
	    window_place(&world.space, away(), need()), "another window than the device has");
	/* A window without a use gives way if the kernel has found it */
	if (world.window.needed || window->placed)
		row(&world, -EINVAL, dma_map(&world.space, window->start, page, memory),
		    "a mapping in the window that the device has");
	if (window->placed)
		row(&world, 0, window_place(&world.space, window->start, window->length),
		    "the same window");
	close(second.device);
	second.device = -1;
}

static bool same_place(const struct window *a, const struct window *b)
{
	return a->start == b->start && a->length == b->length && a->placed == b->placed &&
	       a->chosen == b->chosen;
}

/* Attach, detach, and attach once more, each time with the window that there is */
static void taken_over(const char *what)
{
	struct window is, window = window_now();

	for (int i = 0; i < 2; i++) {
		row(&world, 0, second_attach(&second, bdf), "attach %d, %s", i, what);
		is = window_now();
		/* Where the kernel has put it, it could be in the way of the device */
		if (window.chosen && is.chosen)
			window = is;
		row_is(same_place(&is, &window) && is.needed == world.window.needed &&
		       is.movable == is.needed, "attached, %s: the window is at %#llx", what,
		       (unsigned long long)is.start);
		check_usable(&is);
		interrupts(&is);
		row_is(!second_detach(&second), "detach %d, %s", i, what);
		is = window_now();
		row_is(same_place(&is, &window) && is.movable && !is.needed,
		       "detached, %s: the window is at %#llx", what,
		       (unsigned long long)is.start);
	}
}

static void automatic(void)
{
	struct window was, window;
	u64 unmapped;

	row(&world, 0, window_auto(&world.space), "AUTO without an IOMMU");
	was = window_now();
	row_is(was.chosen && was.movable && was.length && was.start &&
	       was.start + was.length <= SZ_4G, "AUTO at %#llx", (unsigned long long)was.start);
	check_usable(&was);
	row(&world, 0, dma_map(&world.space, was.start, page, memory), "a mapping in it");
	window = window_now();
	row_is(window.chosen && !overlaps(&window, was.start, was.start),
	       "it has not given way to a mapping");
	row_is(!dma_unmap(&world.space, was.start, page, &unmapped), "no mapping in it");
	taken_over("AUTO");
}

/* A device comes that reserves where the kernel has put the window */
static void automatic_moves(u32 i)
{
	u64 start = reserved.range[i].start, last = reserved.range[i].last, unmapped;
	struct window window;

	if (!is_obstacle(i) || start <= page || last >= SZ_4G)
		return;
	/* It is the lowest place that is left; without an IOMMU, memory is not needed */
	row(&world, 0, window_place(&world.space, home(), need()), "elsewhere");
	row(&world, 0, dma_map(&world.space, page, start - page, memory), "all below");
	row(&world, 0, window_auto(&world.space), "AUTO, all below is mapped");
	window = window_now();
	row_is(overlaps(&window, start, last), "AUTO is at %#llx",
	       (unsigned long long)window.start);
	row_is(!dma_unmap(&world.space, page, start - page, &unmapped), "none of it");
	row(&world, 0, second_attach(&second, bdf), "attach, AUTO is where it is reserved");
	window = window_now();
	row_is(window.chosen && window.length && !overlaps(&window, start, last),
	       "AUTO is at %#llx, which is reserved", (unsigned long long)window.start);
	check_usable(&window);
	interrupts(&window);
	row_is(!second_detach(&second), "detach, AUTO");
}

/* The window is the container's until the last group goes, whichever that is */
static void leave(void)
{
	struct window window;

	row(&world, 0, window_place(&world.space, home(), need()), "home");
	row(&world, 0, second_attach(&second, bdf), "attach");
	row_is(!xioctl(world.space.group, VFIO_GROUP_UNSET_CONTAINER, NULL),
	       "the mediated device goes");
	window = window_now();
	row_is(window.placed && window.start == home(), "it has taken the window with it");
	row_is(!second_detach(&second), "the last device goes");
	row_is(!join(), "the mediated device comes back");
	window = window_now();
	row_is(!window.placed && !window.chosen && !window.length && window.movable,
	       "a window of a container that was empty");
}

static void all(void)
{
	values();
	attach_refused();
	row(&world, 0, window_place(&world.space, home(), need()), "home");
	taken_over("placed");
	automatic();
	for (u32 i = 0; i < reserved.nr; i++)
		automatic_moves(i);
	leave();
}

void test(enum mode mode)
{
	/* What iommufd does without an IOMMU is tested by its own selftest */
	if (mode != TYPE1 && mode != TYPE1V2)
		return;
	table_begin("%s: a mediated device", mode_names[mode]);
	if (!mdev_create()) {
		table_skip("no mtty");
		return;
	}
	second = (struct space){ .group = -1, .device = -1 };
	if (begin(mode))
		all();
	space_detach(&second);
	space_close(&world.space);
	table_end();
}
