// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_MAP_MSI: every field with every kind of value, and the errno that
 * linux/iommufd.h documents for it, whatever the window and the binding are.
 *
 * Seen to fail when the kernel takes a flag that it does not know.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

#define MAX_U64	(~0ULL)
#define UNMAP	IOMMU_IOAS_MAP_MSI_UNMAP

/* What is between the rows */
static const struct state_row {
	const char *name;
	u16 policy;	/* of the window */
	bool bound;
	bool irqs;	/* so the binding is live, or else the window */
} states[] = {
	{ "DEFAULT", IOMMU_MSI_WINDOW_DEFAULT, false, false },
	{ "DEFAULT, live", IOMMU_MSI_WINDOW_DEFAULT, false, true },
	{ "FIXED", IOMMU_MSI_WINDOW_FIXED, false, false },
	{ "AUTO", IOMMU_MSI_WINDOW_AUTO, false, false },
	{ "AUTO, live", IOMMU_MSI_WINDOW_AUTO, false, true },
	{ "NONE", IOMMU_MSI_WINDOW_NONE, false, false },
	{ "bound", IOMMU_MSI_WINDOW_DEFAULT, true, false },
	{ "bound, live", IOMMU_MSI_WINDOW_DEFAULT, true, true },
};

/* The binding of the states that have one, two pages */
static u64 home(struct world *world)
{
	return world->arena + 24 * SZ_1M;
}

static int set(struct world *world, u32 flags, u64 iova, u64 length)
{
	return (flags ? msi_unbind : msi_bind)(&world->space, iova, length);
}

/* No call tells what is bound: remove and restore it, or bind something else */
static void read_binding(struct world *world, struct state *state)
{
	const struct space *space = &world->space;
	int removed = msi_unbind(space, home(world), 2 * page);
	int restored = removed ? 0 : msi_bind(space, home(world), 2 * page);
	int other = removed != -ENOENT ? 0 : msi_bind(space, home(world), page);
	int undone = removed == -ENOENT && !other ? msi_unbind(space, home(world), page) : 0;
	int results[] = { removed, restored, other, undone };

	state_add(state, results, sizeof(results));
}

static bool begin(struct world *world, const struct state_row *state)
{
	struct space *space = &world->space;
	struct iommu_ioas_msi_window window = {
		.size = sizeof(window),
		.ioas_id = space->ioas_id,
		.policy = state->policy,
	};
	int ret = 0;

	if (state->policy == IOMMU_MSI_WINDOW_FIXED) {
		window.start = world->arena + 16 * SZ_1M;
		window.length = world->window.size;
	}
	ret = xioctl(space->fd, IOMMU_IOAS_MSI_WINDOW, &window);
	if (!ret && state->bound)
		ret = msi_bind(space, home(world), 2 * page);
	if (!ret && state->irqs)
		ret = set_irqs(space->device, VFIO_PCI_MSIX_IRQ_INDEX, 1);
	if (!ret)
		ret = window_get(space, &world->window);
	row_is(!ret, "cannot begin: %d", ret);
	row_is(world->window.movable == !(state->irqs && !state->bound), "live or not");
	world->more = read_binding;
	world_changed(world);
	return !ret;
}

/* Both ways of the call, as a binding that is there changes what has to come of it */
static void both(struct world *world, const struct state_row *state, const char *name,
		 u64 iova, u64 length, int error)
{
	bool early = error == EINVAL || error == EOVERFLOW;
	bool same = state->bound && iova == home(world) && length == 2 * page;
	int ret = set(world, 0, iova, length);

	row(world, -(early || !state->bound ? error : EEXIST), ret, "%s: bind: %s", state->name,
	    name);
	if (!ret) {
		ret = set(world, UNMAP, iova, length);
		row(world, 0, ret, "%s: take back: %s", state->name, name);
	}
	ret = set(world, UNMAP, iova, length);
	row(world, -(early ? error : !same ? ENOENT : state->irqs ? EBUSY : 0), ret,
	    "%s: unbind: %s", state->name, name);
	if (!ret && same)
		row(world, 0, set(world, 0, iova, length), "%s: bind anew", state->name);
}

static void values(struct world *world, const struct state_row *state)
{
	const u64 end = world->end, away = world->arena + 4 * SZ_1M, mapped = world->mapped;
	const struct {
		const char *name;
		u64 iova, length;
		int error;	/* without a binding */
	} rows[] = {
		{ "all 0", 0, 0, EINVAL },
		{ "iova 0", 0, page, EINVAL },
		{ "iova 0, length max", 0, MAX_U64, EINVAL },
		{ "length 0", away, 0, EINVAL },
		{ "iova 1", 1, page, EINVAL },
		{ "length 1", away, 1, EINVAL },
		{ "iova half a page", away + page / 2, page, EINVAL },
		{ "iova a byte less", away - 1, page, EINVAL },
		{ "iova a byte more", away + 1, page, EINVAL },
		{ "length half a page more", away, page + page / 2, EINVAL },
		{ "length a byte less", away, page - 1, EINVAL },
		{ "iova max", MAX_U64, page, EINVAL },
		{ "iova max, length 1", MAX_U64, 1, EINVAL },
		{ "length max", away, MAX_U64, EINVAL },
		{ "both max", MAX_U64, MAX_U64, EINVAL },
		{ "wraps by a page", -page, 2 * page, EOVERFLOW },
		{ "wraps to the start", away, -away + page, EOVERFLOW },
		{ "up to the end of 64 bits", -page, page, ERANGE },
		{ "the upper half", 1ULL << 63, 1ULL << 63, ERANGE },
		{ "bit 63", 1ULL << 63, page, ERANGE },
		{ "all but a page", page, -page, ERANGE },
		{ "beyond the aperture", end, page, ERANGE },
		{ "ends beyond the aperture", end - page, 2 * page, ERANGE },
		{ "begins in a mapping", mapped + page, 2 * page, EEXIST },
		{ "is a mapping", mapped, 2 * page, EEXIST },
		{ "ends in a mapping", mapped - page, 2 * page, EEXIST },
		{ "around a mapping", mapped - page, 4 * page, EEXIST },
		{ "before a mapping", mapped - page, page, 0 },
		{ "behind a mapping", mapped + 2 * page, page, 0 },
		{ "at the end of the aperture", end - page, page, 0 },
		{ "one page", away, page, 0 },
		{ "1 MiB", away, SZ_1M, 0 },
		{ "home", home(world), 2 * page, 0 },
		{ "the first page of home", home(world), page, 0 },
		{ "the last page of home", home(world) + page, page, 0 },
		{ "one page longer", home(world), 3 * page, 0 },
		{ "one page on", home(world) + page, 2 * page, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		both(world, state, rows[i].name, rows[i].iova, rows[i].length, rows[i].error);
}

static void reserved(struct world *world, const struct state_row *state)
{
	struct ranges ranges = {};

	row_is(!reserved_get(&world->space, &ranges) && ranges.nr, "no reserved ranges");
	for (u32 i = 0; i < ranges.nr; i++) {
		u64 start = ranges.range[i].start, last = ranges.range[i].last;

		if (ranges.range[i].type == IOMMU_DEVICE_RESV_SW_MSI ||
		    ranges.range[i].type == IOMMU_DEVICE_RESV_DIRECT_RELAXABLE)
			continue;
		both(world, state, "is reserved", start, page, EADDRINUSE);
		both(world, state, "ends in a reserved range", start - page, 2 * page,
		     EADDRINUSE);
		both(world, state, "begins in a reserved range", last + 1 - page, 2 * page,
		     EADDRINUSE);
	}
}

/* As long as all that is usable is allowed IOVA, the window has to stay where it is */
static void allowed(struct world *world, const struct state_row *state)
{
	const struct window *window = &world->window;
	bool moves = window->chosen && window->movable;
	struct iommu_iova_range iovas[MAX_RANGES];
	struct iommu_ioas_allow_iovas allow = {
		.size = sizeof(allow),
		.ioas_id = world->space.ioas_id,
		.allowed_iovas = (uintptr_t)iovas,
	};
	struct ranges usable = {};

	row_is(!usable_get(&world->space, &usable), "no usable ranges");
	for (u32 i = 0; i < usable.nr; i++) {
		iovas[i].start = usable.range[i].start;
		iovas[i].last = usable.range[i].last;
	}
	allow.num_iovas = usable.nr;
	row(world, 0, xioctl(world->space.fd, IOMMU_IOAS_ALLOW_IOVAS, &allow), "allow all");
	both(world, state, "is allowed", world->arena + 4 * SZ_1M, page, EADDRINUSE);
	if (window->length)
		both(world, state, "no other place for the window", window->start,
		     window->length, moves ? ENOSPC : EADDRINUSE);
	allow.num_iovas = 0;
	row(world, 0, xioctl(world->space.fd, IOMMU_IOAS_ALLOW_IOVAS, &allow), "allow none");
	if (window->length)
		both(world, state, "the window", window->start, page, moves ? 0 : EADDRINUSE);
}

/* What is bound is in nobody else's way, and nobody in its */
static void others(struct world *world)
{
	const struct space *space = &world->space;
	u64 unmapped;

	row(world, -EINVAL, dma_map(space, home(world), page, memory), "map its first page");
	row(world, -EINVAL, dma_map(space, home(world) - page, 4 * page, memory),
	    "map all around it");
	row(world, -ENOENT, dma_unmap(space, home(world), 2 * page, &unmapped), "unmap it");
	row(world, -EADDRINUSE, window_place(space, home(world), SZ_1M), "the window there");
	row(world, 0, dma_map(space, home(world) - page, page, memory), "map before it");
	row(world, 0, dma_map(space, home(world) + 2 * page, page, memory), "map behind it");
}

static void fields(struct world *world, const struct state_row *state)
{
	const u32 ids[] = {
		hwpt_alloc(&world->space), 0, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct iommu_ioas_map_msi good = {
		.size = sizeof(good),
		.ioas_id = world->space.ioas_id,
		.dev_id = world->space.dev_id,
		.iova = home(world),
		.length = 2 * page,
	}, cmd;
	int fd = world->space.fd;

	row_is(ids[0], "no page table of its own");
	world_changed(world);
	for (good.flags = 0; good.flags <= UNMAP; good.flags++) {
		for (int bit = 1; bit <= 32; bit++) {
			cmd = good;
			cmd.flags |= bit < 32 ? 1U << bit : ~1U;
			row(world, -EOPNOTSUPP, xioctl(fd, IOMMU_IOAS_MAP_MSI, &cmd),
			    "%s: flags %#x", state->name, cmd.flags);
		}
		for (size_t i = 0; i <= ARRAY_SIZE(ids); i++) {
			cmd = good;
			cmd.ioas_id = i < ARRAY_SIZE(ids) ? ids[i] : good.dev_id;
			row(world, -ENOENT, xioctl(fd, IOMMU_IOAS_MAP_MSI, &cmd),
			    "%s: flags %u, IOAS %#x", state->name, cmd.flags, cmd.ioas_id);
			cmd = good;
			cmd.dev_id = i < ARRAY_SIZE(ids) ? ids[i] : good.ioas_id;
			row(world, -ENOENT, xioctl(fd, IOMMU_IOAS_MAP_MSI, &cmd),
			    "%s: flags %u, device %#x", state->name, cmd.flags, cmd.dev_id);
		}
	}
	row_is(!object_destroy(&world->space, ids[0]), "the page table stays");
	world_changed(world);
}

static int call_sized(struct world *world, void *bytes)
{
	int ret = xioctl(world->space.fd, IOMMU_IOAS_MAP_MSI, bytes);

	return ret ?: set(world, UNMAP, home(world), 2 * page);
}

static void sizes(struct world *world)
{
	struct iommu_ioas_map_msi whole = {
		.size = sizeof(whole),
		.ioas_id = world->space.ioas_id,
		.dev_id = world->space.dev_id,
		.iova = home(world),
		.length = 2 * page,
	};
	u8 *bytes = edge_alloc(sizeof(whole));

	row_sizes(world, "bind", &whole, sizeof(whole), call_sized);
	memcpy(bytes, &whole, sizeof(whole));
	edge_protect(bytes, sizeof(whole));
	row(world, 0, call_sized(world, bytes), "not writable, which it need not be");
	edge_free(bytes, sizeof(whole));
}

static void objects(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	struct space *space = &world->space, other = *space;
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_destroy destroy = { .size = sizeof(destroy) };

	for (; wrong->name; wrong++) {
		other.fd = wrong->fd;
		row(world, -wrong->error, msi_bind(&other, home(world), page), "%s",
		    wrong->name);
	}
	other.fd = space->device;
	row(world, -ENOTTY, msi_bind(&other, home(world), page), "the device");

	row(world, 0, space_open(&other, NATIVE), "another iommufd");
	other.dev_id = space->dev_id;
	row(world, -ENOENT, msi_bind(&other, home(world), page), "a device of this iommufd");
	space_close(&other);

	/* One that it is not attached to */
	row(world, 0, xioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc), "another IOAS");
	other = *space;
	other.ioas_id = alloc.out_ioas_id;
	row(world, 0, msi_bind(&other, home(world), page), "bind in another IOAS");
	row(world, -EEXIST, msi_bind(&other, home(world), page), "bind there twice");
	row(world, -ENOENT, msi_unbind(space, home(world), page), "unbind it here");
	destroy.id = other.ioas_id;
	row(world, 0, xioctl(space->fd, IOMMU_DESTROY, &destroy), "destroy it");
	row(world, -ENOENT, msi_bind(&other, home(world), page), "an IOAS that is gone");
}

static bool nobody(struct world *world)
{
	return !set(world, 0, home(world), page) &&
	       set(world, 0, home(world), page) == -EEXIST &&
	       !set(world, UNMAP, home(world), page);
}

/* The binding goes with the device, live or not: its page table has gone too */
static void close_device(struct world *world)
{
	struct space *space = &world->space;

	close(space->device);
	space->device = -1;
	row(NULL, -ENOENT, msi_unbind(space, home(world), 2 * page), "a device that is closed");
	row(NULL, 0, dma_map(space, home(world), 2 * page, memory), "map where it was bound");
}

/* Hardware MSIs: it would have no effect */
static void no_window(struct world *world)
{
	row(world, -EOPNOTSUPP, set(world, 0, home(world), page), "bind");
	row(world, -EOPNOTSUPP, set(world, UNMAP, home(world), page), "unbind");
	row(world, -EOPNOTSUPP, set(world, 0, world->mapped, page), "bind a mapping");
	row(world, -EINVAL, set(world, 0, home(world) + 1, page), "misaligned");
	row(world, -EOVERFLOW, set(world, 0, -page, 2 * page), "wraps");
	world->space.dev_id = 0;
	row(NULL, -ENOENT, set(world, 0, home(world), page), "device 0");
}

static void one_state(struct world *world, const struct state_row *state)
{
	if (!world->window.needed) {
		table_skip("no window is needed");
		return;
	}
	if (!begin(world, state))
		return;
	values(world, state);
	reserved(world, state);
	allowed(world, state);
	fields(world, state);
	if (state == states) {
		sizes(world);
		objects(world);
		as_nobody(nobody, world, "bind and unbind");
	}
	if (state->bound)
		others(world);
	close_device(world);
}

void test(enum mode mode)
{
	bool needed = true;

	if (mode != NATIVE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct world world = {};

		table_begin("%s: IOMMU_IOAS_MAP_MSI", states[i].name);
		if (world_open(&world, mode)) {
			needed = world.window.needed;
			one_state(&world, &states[i]);
			world_close(&world);
		}
		table_end();
	}
	if (!needed) {
		struct world world = {};

		table_begin("no window needed: IOMMU_IOAS_MAP_MSI");
		if (world_open(&world, mode)) {
			no_window(&world);
			world_close(&world);
		}
		table_end();
	}
}
