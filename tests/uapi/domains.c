// SPDX-License-Identifier: GPL-2.0
/*
 * A container of type1 with two domains. Devices behind IOMMUs that are alike share
 * one, so there are two only where the second device could not join the first one's:
 * an allocation fails just there (CONFIG_FAULT_INJECTION), and type1 goes on with a
 * domain of its own. Guards that the window of both moves or that of none, that an MSI
 * in one of them keeps both, and what is left when the device of one has gone.
 *
 * Seen to fail when the kernel moves the window of one domain before it has looked at
 * the next one.
 */
#include <errno.h>
#include <stdio.h>

#include "table.h"

#define MAX_NTH	2000	/* allocations of an attach, which are some hundreds */

static const struct plan {
	const char *name;
	bool chosen;		/* the window is AUTO, a mapping makes it move */
	bool second_first;	/* the first MSI is of the second device */
} plans[] = {
	{ "placed, the first device is live", false, false },
	{ "placed, the second device is live", false, true },
	{ "AUTO, the first device is live", true, false },
	{ "AUTO, the second device is live", true, true },
};

static struct world world;
static struct space second;

static u64 home(void)
{
	return world.arena + 16 * SZ_1M;
}

static u64 away(void)
{
	return world.arena + 4 * SZ_1M;
}

static bool begin(const struct plan *plan)
{
	int ret;

	if (!world_open(&world, TYPE1))
		return false;
	ret = plan->chosen ? window_auto(&world.space) :
			     window_place(&world.space, home(), world.window.size);
	row_is(!ret, "the window: %d", ret);
	ret = second_open(&second, &world.space, second_bdf);
	row_is(!ret, "open %s: %d", second_bdf, ret);
	world_changed(&world);
	return true;
}

static void end(void)
{
	space_detach(&second);
	world_close(&world);
}

static bool is_in(const struct window *window, u64 iova)
{
	return iova >= window->start && iova - window->start < window->length;
}

/* An MSI of the device, which has to be written to where the container's window is */
static void enable(struct space *space, const char *device, const struct window *window)
{
	int ret = set_irqs(space->device, VFIO_PCI_MSI_IRQ_INDEX, 1);

	row_is(!ret && is_in(window, msi_address(device)),
	       "an MSI of %s: %d, at %#llx, the window is %#llx+%#llx", device, ret,
	       (unsigned long long)msi_address(device), (unsigned long long)window->start,
	       (unsigned long long)window->length);
	world_changed(&world);
}

static void cannot_move(const struct plan *plan, const struct window *window,
			const char *when)
{
	if (plan->chosen)
		row(&world, -EINVAL, dma_map(&world.space, window->start, page, memory),
		    "%s: a mapping in the live window", when);
	else
		row(&world, -EBUSY, window_place(&world.space, home(), window->length),
		    "%s: another window", when);
}

static struct window move_window(const struct plan *plan)
{
	struct window was, window;
	u64 iova;

	row_is(!window_get(&world.space, &was) && was.movable, "it can move");
	iova = plan->chosen ? was.start : away();
	if (plan->chosen)
		row(NULL, 0, dma_map(&world.space, iova, page, memory),
		    "a mapping in the window");
	else
		row(NULL, 0, window_place(&world.space, iova, was.length), "another window");
	row_is(!window_get(&world.space, &window) && window.movable &&
	       window.placed == was.placed && window.chosen == was.chosen &&
	       plan->chosen != is_in(&window, iova), "the window is at %#llx",
	       (unsigned long long)window.start);
	return window;
}

/*
 * The second device is attached, in whatever domain. Return whether it is one of its
 * own: when the live device has gone, nothing keeps the window then.
 */
static bool two_devices(const struct plan *plan)
{
	struct space *live = plan->second_first ? &second : &world.space;
	struct space *other = plan->second_first ? &world.space : &second;
	const char *live_bdf = plan->second_first ? second_bdf : bdf;
	const char *other_bdf = plan->second_first ? bdf : second_bdf;
	struct window window, left = {};
	int ret;

	ret = xioctl(second.group, VFIO_GROUP_GET_DEVICE_FD, (void *)second_bdf);
	row_is(ret >= 0, "the device %s: %d", second_bdf, ret);
	second.device = ret;
	window = move_window(plan);
	enable(live, live_bdf, &window);
	cannot_move(plan, &window, "one is live");

	space_detach(live);
	ret = window_get(&world.space, &left);
	row_is(!ret && left.start == window.start && left.length == window.length &&
	       left.placed == window.placed && left.chosen == window.chosen,
	       "with one device the window is at %#llx: %d", (unsigned long long)left.start,
	       ret);
	row(NULL, -EEXIST, dma_map(&world.space, world.mapped, page, memory),
	    "the mapping is still there");
	enable(other, other_bdf, &window);
	cannot_move(plan, &window, "the other one is live");
	return left.movable;
}

struct tally {
	unsigned int nth, refused, own, shared;
};

/* An attach for each of its allocations, which fails, and one where all are there */
static void one_pass(const struct plan *plan, struct tally *tally)
{
	bool is_open = begin(plan);
	int ret = 0;

	for (tally->nth = 1; is_open && tally->nth < MAX_NTH; tally->nth++) {
		fail_nth = tally->nth;
		ret = second_attach(&second, second_bdf);
		if (fail_left)
			break;
		if (ret) {
			tally->refused++;
			row(&world, -ENOMEM, ret, "an attach without allocation %u",
			    tally->nth);
			continue;
		}
		if (two_devices(plan))
			tally->own++;
		else
			tally->shared++;
		end();
		is_open = begin(plan);
	}
	row_is(is_open && !ret && fail_left, "an attach with all its allocations: %d", ret);
	if (is_open)
		end();
}

static void one_plan(const struct plan *plan)
{
	struct tally tally = {};

	/* The allocation that matters is not made where memory of its size lies ready */
	for (unsigned int tries = 0; tries < 5 && !tally.own; tries++)
		one_pass(plan, &tally);
	row_is(tally.refused && tally.own, "no domain of its own among %u attaches",
	       tally.nth);
	printf("# %s: %u allocations, %u refused, %u with two domains, %u with one\n",
	       plan->name, tally.nth - 1, tally.refused, tally.own, tally.shared);
}

void test(enum mode mode)
{
	/* The others have one domain, or no other code than this */
	if (mode != TYPE1)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		table_begin("%s: two domains, %s", mode_names[mode], plans[i].name);
		if (!second_bdf || !injection_init())
			table_skip("no second device, or no allocation that fails on demand");
		else
			one_plan(&plans[i]);
		table_end();
	}
}
