// SPDX-License-Identifier: GPL-2.0
/*
 * The second device is behind a host bridge that passes on nothing of where the kernel
 * would place the window (tests/boot/hardware.patch). Guards that AUTO places it, or
 * moves it when the device comes, where both devices can write; that the device is
 * refused when the window cannot move any more; and that all of it is advice: userspace
 * can place the window there and map there.
 *
 * Seen to fail when the kernel does not look at the bridge of a device that comes to a
 * window that is there.
 */
#include <errno.h>

#include "table.h"

#define PASSED	0xc0000000ULL	/* what comes first that the bridge passes on */

static struct world world;
static struct space second;

static struct window window(void)
{
	struct window window = {};
	int ret = window_get(&world.space, &window);

	row_is(!ret, "the window: %d", ret);
	return window;
}

static bool begin(enum mode mode)
{
	int ret;

	if (!world_open(&world, mode))
		return false;
	ret = second_open(&second, &world.space, second_bdf);
	row_is(!ret, "open %s: %d", second_bdf, ret);
	return true;
}

static void end(void)
{
	space_detach(&second);
	world_close(&world);
}

/* With the container of a group, the device is there to be opened then */
static int attach(void)
{
	return second_attach(&second, second_bdf);
}

/* A type1 container has EINVAL for all groups that do not fit */
static int refused(enum mode mode)
{
	return mode == TYPE1 || mode == TYPE1V2 ? -EINVAL : -EADDRINUSE;
}

static void moves(enum mode mode)
{
	struct window was;
	u64 unmapped;

	table_begin("%s: a device that comes moves the window", mode_names[mode]);
	if (begin(mode)) {
		row_is(!window_auto(&world.space), "AUTO");
		was = window();
		row_is(was.start + was.length <= PASSED, "at first it is at %#llx",
		       (unsigned long long)was.start);
		row(NULL, 0, attach(), "attach");
		row_is(window().chosen && window().start >= PASSED &&
		       window().start + was.length <= SZ_4G, "then at %#llx",
		       (unsigned long long)window().start);
		row(NULL, 0, dma_map(&world.space, was.start, page, memory),
		    "a mapping where it was");
		row(NULL, 0, dma_unmap(&world.space, was.start, page, &unmapped),
		    "and no more");
		row(NULL, 0, set_irqs(world.space.device, VFIO_PCI_MSIX_IRQ_INDEX, 1),
		    "an MSI");
		row_is(msix_address(0) >= window().start &&
		       msix_address(0) < window().start + was.length, "its address: %#llx",
		       (unsigned long long)msix_address(0));
		end();
	}
	table_end();
}

static void live(enum mode mode)
{
	struct window was;

	table_begin("%s: a window that is live cannot move", mode_names[mode]);
	if (begin(mode)) {
		row_is(!window_auto(&world.space), "AUTO");
		was = window();
		row(NULL, 0, set_irqs(world.space.device, VFIO_PCI_MSIX_IRQ_INDEX, 1),
		    "an MSI");
		world_changed(&world);
		for (int i = 0; i < 2; i++) {
			row(&world, refused(mode), attach(), "attach");
			row_is(window().start == was.start && !window().movable,
			       "the window is at %#llx", (unsigned long long)window().start);
		}
		end();
	}
	table_end();
}

/* Whoever was attached first, and whenever AUTO was asked for */
static void both(enum mode mode)
{
	table_begin("%s: a window for both devices", mode_names[mode]);
	if (begin(mode)) {
		row(NULL, 0, attach(), "attach");
		row_is(!window_auto(&world.space), "AUTO");
		row_is(window().start >= PASSED && window().start + window().length <= SZ_4G,
		       "it is at %#llx", (unsigned long long)window().start);
		end();
	}
	table_end();
}

static void advice(enum mode mode)
{
	u64 place = PASSED - 64 * SZ_1M;

	table_begin("%s: a window that userspace places", mode_names[mode]);
	if (begin(mode)) {
		row(NULL, 0, attach(), "attach");
		row(NULL, 0, window_place(&world.space, place, world.window.size),
		    "a window that the bridge does not pass");
		row_is(window().start == place && window().placed, "it is at %#llx",
		       (unsigned long long)window().start);
		row(NULL, 0, dma_map(&world.space, place - page, page, memory),
		    "a mapping that it does not pass");
		end();
	}
	table_end();
}

void test(enum mode mode)
{
	moves(mode);
	live(mode);
	both(mode);
	advice(mode);
}
