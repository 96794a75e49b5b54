// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation, and every access to the memory of the caller, of the calls about
 * the MSI window fails once (CONFIG_FAULT_INJECTION): the call says so or does without,
 * and if it fails then nothing has changed. What is not freed is kmemleak's to find.
 *
 * Seen to fail when the kernel takes a window for AUTO that it has found no place for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

#define MAX_NTH	2000

static struct world world;
static struct space second;
/* Where AUTO puts the window that is at home(), found by the first that asks */
static u64 chosen;

static u64 home(void)
{
	return world.arena + 16 * SZ_1M;
}

static u64 bound(void)
{
	return world.arena + 24 * SZ_1M;
}

static bool is_native(void)
{
	return world.space.mode == NATIVE;
}

static bool is_type1(void)
{
	return world.space.mode == TYPE1 || world.space.mode == TYPE1V2;
}

static int go_home(void)
{
	return window_place(&world.space, home(), world.window.size);
}

static int go_auto(void)
{
	return go_home() ?: window_auto(&world.space);
}

static int call_place(void)
{
	return window_place(&world.space, world.arena + 4 * SZ_1M, world.window.size);
}

static int call_auto(void)
{
	return window_auto(&world.space);
}

static int call_window(void)
{
	struct window window;

	return window_get(&world.space, &window);
}

static int call_usable(void)
{
	struct ranges ranges;

	return usable_get(&world.space, &ranges);
}

static int call_reserved(void)
{
	struct ranges ranges;

	return reserved_get(&world.space, &ranges);
}

static int call_map(void)
{
	return dma_map(&world.space, chosen, page, memory);
}

/* A mapping has moved the window, so does a call that fails after that */
static int undo_map(void)
{
	u64 unmapped;

	dma_unmap(&world.space, chosen, page, &unmapped);
	return go_auto();
}

static int prepare_map(void)
{
	struct window window;
	int ret = go_auto() ?: window_get(&world.space, &window);

	chosen = window.start;
	return ret;
}

static int open_second(void)
{
	struct space first = world.space;

	/*
	 * A container of iommufd attaches a device when it is opened, which fails for
	 * many reasons. There is a call that does nothing else.
	 */
	if (!is_type1())
		first.mode = NATIVE;
	return second_open(&second, &first, second_bdf);
}

static int prepare_second(void)
{
	return go_home() ?: open_second();
}

static int prepare_second_auto(void)
{
	return go_auto() ?: open_second();
}

static int prepare_detach(void)
{
	return prepare_second() ?: second_attach(&second, second_bdf);
}

static int call_attach(void)
{
	return second_attach(&second, second_bdf);
}

/*
 * The unpatched kernel needs memory to give a group back to the DMA API, depending on
 * what the SMMUv3 has to invalidate, and goes on with warnings if there is none.
 */
static int call_detach(void)
{
	excuse("__iommu_release_dma_ownership");
	excuse("arm_smmu_install_old_domain_invs");
	return second_detach(&second);
}

static int undo_attach(void)
{
	return second_detach(&second);
}

/* It has not failed, but less can be usable than could be */
static int undo_detach(void)
{
	return second_attach(&second, second_bdf);
}

static int call_bind(void)
{
	return msi_bind(&world.space, bound(), page);
}

static int call_unbind(void)
{
	return msi_unbind(&world.space, bound(), page);
}

static int nothing(void)
{
	return 0;
}

/* flags of a subject */
#define NATIVE_ONLY	1
#define MAY_CHANGE	2	/* although it fails */
#define SECOND		4	/* it needs a second device */

static const struct subject {
	const char *name;
	int (*prepare)(void);	/* what all of it begins with */
	int (*call)(void);	/* the call in which something fails */
	int (*undo)(void);	/* of a call that has not failed */
	unsigned int flags;
} subjects[] = {
	{ "place", go_home, call_place, go_home, 0 },
	{ "AUTO", go_home, call_auto, go_home, 0 },
	{ "AUTO again", go_auto, call_auto, nothing, 0 },
	{ "window, placed", go_home, call_window, nothing, 0 },
	{ "window, AUTO", go_auto, call_window, nothing, 0 },
	{ "usable", go_home, call_usable, nothing, NATIVE_ONLY },
	{ "reserved", go_home, call_reserved, nothing, NATIVE_ONLY },
	{ "map into AUTO", prepare_map, call_map, undo_map, MAY_CHANGE },
	{ "bind", go_home, call_bind, call_unbind, NATIVE_ONLY },
	{ "unbind", call_bind, call_unbind, call_bind, NATIVE_ONLY },
	{ "attach, placed", prepare_second, call_attach, undo_attach, SECOND },
	{ "attach, AUTO", prepare_second_auto, call_attach, undo_attach, SECOND },
	{ "detach", prepare_detach, call_detach, undo_detach, SECOND | MAY_CHANGE },
};

/* What the call may say when it cannot have what it wants */
static bool error_is_right(const struct subject *subject, int ret)
{
	/* To type1, a window that cannot move is one that stays */
	if (subject->call == call_map && is_type1() && ret == -EINVAL)
		return true;
	/* What iommufd cannot find on demand, fail_iommufd */
	if (!is_type1() && ret == -ENOENT)
		return true;
	return !ret || ret == -ENOMEM || ret == -EFAULT;
}

static void one_subject(const struct subject *subject)
{
	unsigned int nth, nr_failed = 0;
	struct state start;
	int ret, undone;

	ret = subject->prepare();
	row_is(!ret, "%s: cannot begin: %d", subject->name, ret);
	world_changed(&world);
	start = world.state;
	for (nth = 1; nth < MAX_NTH; nth++) {
		bool may_change;

		fail_nth = nth;
		ret = subject->call();
		fail_nth = 0;
		if (fail_left)
			break;
		nr_failed += ret < 0;
		/* iommufd has set the window when it cannot tell so */
		may_change = subject->flags & MAY_CHANGE || (is_native() && ret == -EFAULT);
		row(may_change ? NULL : &world, error_is_right(subject, ret) ? ret : -ENOMEM,
		    ret, "%s: %u fails", subject->name, nth);
		undone = ret && !may_change ? 0 : subject->undo();
		world_changed(&world);
		row_is(world.state.len == start.len &&
		       !memcmp(world.state.bytes, start.bytes, start.len),
		       "%s: %u failed, %d, then undone, %d: another state", subject->name,
		       nth, ret, undone);
	}
	row_is(nth < MAX_NTH && !ret, "%s: all can be had: %d", subject->name, ret);
	row_is(nth > 1, "%s: nothing has failed", subject->name);
	printf("# %s: %s: %u failures, %u of the call\n", mode_names[world.space.mode],
	       subject->name, nth - 1, nr_failed);
	subject->undo();
	space_detach(&second);
}

static void all_subjects(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		if (subjects[i].flags & NATIVE_ONLY && !is_native())
			continue;
		if (subjects[i].flags & SECOND && !second_bdf)
			continue;
		one_subject(&subjects[i]);
	}
}

void test(enum mode mode)
{
	table_begin("%s: allocations fail", mode_names[mode]);
	if (!injection_init()) {
		table_skip("no allocation fails on demand");
		return;
	}
	if (world_open(&world, mode)) {
		second = (struct space){ .group = -1, .device = -1 };
		if (world.window.needed)
			all_subjects();
		else
			table_skip("no window is needed");
		world_close(&world);
	}
	table_end();
}
