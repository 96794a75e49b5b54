// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_MSI_WINDOW: every field with every kind of value, and the errno that
 * linux/iommufd.h documents for it, in every state that a window can be in.
 *
 * Seen to fail when the kernel
 *  - takes a policy that it does not know,
 *  - lets a live window move,
 *  - does not look at flags,
 *  - puts what it tells into flags, so that the struct of a GET is no use again.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

#define MAX_U64	(~0ULL)
#define OP_SET	IOMMU_MSI_WINDOW_OP_SET
#define OP_GET	IOMMU_MSI_WINDOW_OP_GET

enum { DEFAULT, FIXED, AUTO, NONE };

static int call(int fd, u32 ioas_id, u16 op, u16 policy, u64 start, u64 length)
{
	struct iommu_ioas_msi_window cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.op = op,
		.policy = policy,
		.start = start,
		.length = length,
		/* Outputs only */
		.out_min_length = MAX_U64,
		.out_alignment = MAX_U64,
		.out_flags = 0xffff,
	};

	return xioctl(fd, IOMMU_IOAS_MSI_WINDOW, &cmd);
}

static int set(struct world *world, u16 policy, u64 start, u64 length)
{
	return call(world->space.fd, world->space.ioas_id, OP_SET, policy, start, length);
}

static u64 home(struct world *world)
{
	return world->arena + 16 * SZ_1M;
}

static u64 need(struct world *world)
{
	return world->window.size ?: page;
}

/* What the window is set to between the rows */
static const struct state_row {
	const char *name;
	u16 policy;
	bool live;
} states[] = {
	{ "DEFAULT", DEFAULT, false },
	{ "FIXED", FIXED, false },
	{ "AUTO", AUTO, false },
	{ "NONE", NONE, false },
	{ "live", FIXED, true },
};

static void go_home(struct world *world, const struct state_row *state)
{
	bool fixed = state->policy == FIXED;
	int ret = set(world, state->policy, fixed ? home(world) : 0, fixed ? need(world) : 0);

	row_is(!ret, "back to %s: %d", state->name, ret);
	world_changed(world);
}

static void values(struct world *world, const struct state_row *state)
{
	const u64 end = world->end, away = world->arena + 4 * SZ_1M;
	const u64 mapped = world->mapped, size = need(world);
	const int busy = state->live ? EBUSY : 0;
	const int less = size > page ? ENOSPC : 0;
	const struct {
		const char *name;
		u16 policy;
		u64 start, length;
		int error;
	} rows[] = {
		{ "DEFAULT with start 1", DEFAULT, 1, 0, EINVAL },
		{ "DEFAULT with a start", DEFAULT, away, 0, EINVAL },
		{ "DEFAULT with a length", DEFAULT, 0, size, EINVAL },
		{ "DEFAULT, max", DEFAULT, MAX_U64, MAX_U64, EINVAL },
		{ "AUTO with a start", AUTO, away, 0, EINVAL },
		{ "AUTO with a length", AUTO, 0, size, EINVAL },
		{ "AUTO, max", AUTO, MAX_U64, MAX_U64, EINVAL },
		{ "NONE with a start", NONE, away, 0, EINVAL },
		{ "NONE with a length", NONE, 0, 1, EINVAL },
		{ "NONE, max", NONE, MAX_U64, MAX_U64, EINVAL },
		{ "policy 4", 4, 0, 0, EOPNOTSUPP },
		{ "policy 4 with a window", 4, away, size, EOPNOTSUPP },
		{ "policy bit 8", 0x100 | FIXED, away, size, EOPNOTSUPP },
		{ "policy bit 15", 0x8000 | FIXED, away, size, EOPNOTSUPP },
		{ "policy max", 0xffff, away, size, EOPNOTSUPP },
		{ "start and length 0", FIXED, 0, 0, EINVAL },
		{ "start 0", FIXED, 0, size, EINVAL },
		{ "length 0", FIXED, away, 0, EINVAL },
		{ "start 1", FIXED, 1, size, EINVAL },
		{ "length 1", FIXED, away, 1, EINVAL },
		{ "start half a page", FIXED, away + page / 2, size, EINVAL },
		{ "start a byte less", FIXED, away - 1, size, EINVAL },
		{ "length half a page more", FIXED, away, size + page / 2, EINVAL },
		{ "length a byte less", FIXED, away, size - 1, EINVAL },
		{ "start max", FIXED, MAX_U64, size, EINVAL },
		{ "length max", FIXED, away, MAX_U64, EINVAL },
		{ "both max", FIXED, MAX_U64, MAX_U64, EINVAL },
		{ "wraps by a page", FIXED, -page, size + page, EOVERFLOW },
		{ "wraps to the start", FIXED, away, -away + page, EOVERFLOW },
		{ "the last page and more", FIXED, -size, size + page, EOVERFLOW },
		{ "up to the end of 64 bits", FIXED, -size, size, ERANGE },
		{ "the upper half", FIXED, 1ULL << 63, 1ULL << 63, ERANGE },
		{ "all but a page", FIXED, page, -page, ERANGE },
		{ "beyond the aperture", FIXED, end, size, ERANGE },
		{ "ends beyond the aperture", FIXED, end - size, size + page, ERANGE },
		{ "begins in a mapping", FIXED, mapped + page, size, EEXIST },
		{ "is a mapping", FIXED, mapped, size > 2 * page ? size : 2 * page, EEXIST },
		{ "ends in a mapping", FIXED, mapped + page - size, size, EEXIST },
		{ "around a mapping", FIXED, mapped - size, 2 * size + 2 * page, EEXIST },
		{ "too short", FIXED, away, page, less ?: busy },
		{ "before a mapping", FIXED, mapped - size, size, busy },
		{ "behind a mapping", FIXED, mapped + 3 * page, size, busy },
		{ "at the end of the aperture", FIXED, end - size, size, busy },
		{ "one page longer", FIXED, home(world), size + page, busy },
		{ "one page on", FIXED, home(world) + page, size, busy },
		{ "the same", FIXED, home(world), size, 0 },
		{ "DEFAULT", DEFAULT, 0, 0, busy },
		{ "AUTO", AUTO, 0, 0, busy },
		{ "NONE", NONE, 0, 0, busy },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int ret = set(world, rows[i].policy, rows[i].start, rows[i].length);

		row(world, -rows[i].error, ret, "%s: %s", state->name, rows[i].name);
		if (!ret)
			go_home(world, state);
	}
}

static void reserved(struct world *world, const struct state_row *state)
{
	u64 size = need(world);
	struct ranges ranges = {};

	row_is(!reserved_get(&world->space, &ranges) && ranges.nr, "no reserved ranges");
	for (u32 i = 0; i < ranges.nr; i++) {
		u64 start = ranges.range[i].start, last = ranges.range[i].last;

		if (ranges.range[i].type == IOMMU_DEVICE_RESV_SW_MSI ||
		    ranges.range[i].type == IOMMU_DEVICE_RESV_DIRECT_RELAXABLE)
			continue;
		row(world, -EADDRINUSE, set(world, FIXED, start, size),
		    "%s: is reserved", state->name);
		row(world, -EADDRINUSE, set(world, FIXED, start + page - size, size),
		    "%s: ends in a reserved range", state->name);
		row(world, -EADDRINUSE, set(world, FIXED, last + 1 - page, size),
		    "%s: begins in a reserved range", state->name);
		row(world, -EADDRINUSE,
		    set(world, FIXED, start - page, last - start + 1 + 2 * page),
		    "%s: around a reserved range", state->name);
	}
}

static void fields(struct world *world, const struct state_row *state)
{
	struct space *space = &world->space;
	struct iommu_ioas_msi_window cmd;
	const u32 ids[] = {
		0, space->dev_id, hwpt_alloc(space), 0x7fffffff, 0x80000000, 0xffffffff,
	};

	row_is(ids[2], "no page table of its own");
	world_changed(world);
	for (int bit = 0; bit <= 16; bit++)
		for (int op = OP_SET; op <= OP_GET; op++) {
			cmd = (struct iommu_ioas_msi_window){
				.size = sizeof(cmd),
				.ioas_id = space->ioas_id,
				.op = op,
				.policy = AUTO,
				.flags = bit < 16 ? 1U << bit : 0xffff,
			};
			row(world, -EOPNOTSUPP, xioctl(space->fd, IOMMU_IOAS_MSI_WINDOW, &cmd),
			    "%s: op %d, flags %#x", state->name, op, cmd.flags);
		}
	for (int op = OP_GET + 1; op < 0x10000; op = op < 15 ? op + 1 : 2 * op + 1)
		row(world, -EOPNOTSUPP,
		    call(space->fd, space->ioas_id, op, AUTO, 0, 0), "%s: op %#x",
		    state->name, op);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (int op = OP_SET; op <= OP_GET; op++)
			row(world, -ENOENT, call(space->fd, ids[i], op, NONE, 0, 0),
			    "%s: op %d, ID %#x", state->name, op, ids[i]);
	row_is(!object_destroy(space, ids[2]), "the page table stays");
	world_changed(world);

	/* GET does not look at what SET takes */
	row(world, 0, call(space->fd, space->ioas_id, OP_GET, 0xffff, MAX_U64, MAX_U64),
	    "%s: GET with other fields", state->name);
}

/* What GET has filled in goes in again: to GET, and to SET what is in force */
static void reuse(struct world *world, const struct state_row *state)
{
	struct iommu_ioas_msi_window cmd = {
		.size = sizeof(cmd),
		.ioas_id = world->space.ioas_id,
		.op = OP_GET,
	};
	int fd = world->space.fd;

	for (int i = 0; i < 2; i++) {
		row(world, 0, xioctl(fd, IOMMU_IOAS_MSI_WINDOW, &cmd), "%s: GET %d",
		    state->name, i);
		row_is(!cmd.flags, "%s: GET has written flags", state->name);
		row_is(!!(cmd.out_flags & IOMMU_MSI_WINDOW_LIVE) == state->live,
		       "%s: out_flags are %#x", state->name, cmd.out_flags);
	}
	cmd.op = OP_SET;
	if (state->policy != FIXED)
		cmd.start = cmd.length = 0;
	row(world, 0, xioctl(fd, IOMMU_IOAS_MSI_WINDOW, &cmd), "%s: SET what GET says",
	    state->name);
	row_is(!!(cmd.out_flags & IOMMU_MSI_WINDOW_LIVE) == state->live,
	       "%s: out_flags of SET are %#x", state->name, cmd.out_flags);
}

static int call_sized(struct world *world, void *bytes)
{
	int ret = xioctl(world->space.fd, IOMMU_IOAS_MSI_WINDOW, bytes);

	/* It was to be NONE */
	if (!ret)
		set(world, FIXED, home(world), need(world));
	return ret;
}

static int call_protected(struct world *world, const struct iommu_ioas_msi_window *whole)
{
	void *bytes = edge_alloc(sizeof(*whole));
	int ret;

	memcpy(bytes, whole, sizeof(*whole));
	edge_protect(bytes, sizeof(*whole));
	ret = xioctl(world->space.fd, IOMMU_IOAS_MSI_WINDOW, bytes);
	edge_free(bytes, sizeof(*whole));
	return ret;
}

/* The result cannot be told: SET has done its work all the same, as iommufd.h says */
static void not_writable(struct world *world, const struct state_row *state)
{
	struct iommu_ioas_msi_window whole = {
		.size = sizeof(whole),
		.ioas_id = world->space.ioas_id,
		.op = OP_SET,
		.policy = FIXED,
		.start = world->arena + 4 * SZ_1M,
		.length = need(world),
	};
	struct window now;

	row(NULL, -EFAULT, call_protected(world, &whole), "%s: SET, not writable",
	    state->name);
	row_is(!window_get(&world->space, &now) && now.placed &&
	       now.start == whole.start && now.length == whole.length,
	       "%s: SET, not writable: the window is at %#llx", state->name,
	       (unsigned long long)now.start);
	go_home(world, state);
	whole.op = OP_GET;
	row(world, -EFAULT, call_protected(world, &whole), "%s: GET, not writable",
	    state->name);
}

static void sizes(struct world *world)
{
	struct iommu_ioas_msi_window whole = {
		.size = sizeof(whole),
		.ioas_id = world->space.ioas_id,
		.op = OP_SET,
		.policy = NONE,
	};

	row_sizes(world, "SET", &whole, sizeof(whole), call_sized);
	whole.op = OP_GET;
	row_sizes(world, "GET", &whole, sizeof(whole), call_sized);
}

static void fds(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	struct space *space = &world->space;
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_destroy destroy = { .size = sizeof(destroy) };
	struct space other;

	for (; wrong->name; wrong++)
		row(world, -wrong->error, call(wrong->fd, space->ioas_id, OP_SET, NONE, 0, 0),
		    "%s", wrong->name);
	row(world, -ENOTTY, call(space->device, space->ioas_id, OP_SET, NONE, 0, 0),
	    "the device");

	/* Of another iommufd, which has none with this ID */
	if (!space_open(&other, COMPAT)) {
		row(world, -ENOENT, call(other.fd, space->ioas_id, OP_SET, NONE, 0, 0),
		    "another iommufd");
		space_close(&other);
	}
	/* One that is gone, whose ID goes to the device of nobody else */
	row_is(!xioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc), "another IOAS");
	row(world, 0, call(space->fd, alloc.out_ioas_id, OP_SET, FIXED, home(world), page),
	    "the same window for another IOAS");
	destroy.id = alloc.out_ioas_id;
	row_is(!xioctl(space->fd, IOMMU_DESTROY, &destroy), "destroy it");
	row(world, -ENOENT, call(space->fd, alloc.out_ioas_id, OP_SET, NONE, 0, 0),
	    "an IOAS that is gone");
}

static bool nobody(struct world *world)
{
	struct space own;

	return !set(world, FIXED, home(world), need(world)) &&
	       set(world, FIXED, world->mapped, need(world)) == -EEXIST &&
	       space_open(&own, NATIVE) == -EACCES;
}

/* Hardware MSIs: the IOAS has a window that its devices do not use */
static void no_window(struct world *world)
{
	row_is(!world->window.size && !world->window.start, "a window that nobody needs");
	row(world, 0, set(world, FIXED, home(world), page), "FIXED, nobody needs it");
	row(world, -EEXIST, set(world, FIXED, world->mapped, page), "over a mapping");
	row(world, 0, set(world, AUTO, 0, 0), "AUTO, nobody needs it");
	row(world, 0, set(world, DEFAULT, 0, 0), "DEFAULT, nobody needs it");
}

static void one_state(struct world *world, const struct state_row *state)
{
	if (!world->window.needed) {
		table_skip("no window is needed");
		return;
	}
	go_home(world, state);
	if (state->live)
		row_is(!set_irqs(world->space.device, VFIO_PCI_MSIX_IRQ_INDEX, 1),
		       "enable an MSI");
	world_changed(world);
	fields(world, state);
	reuse(world, state);
	reserved(world, state);
	values(world, state);
	if (state->policy == FIXED && !state->live) {
		sizes(world);
		not_writable(world, state);
		fds(world);
		as_nobody(nobody, world, "set the window");
	}
}

void test(enum mode mode)
{
	struct world world = {};

	if (mode != NATIVE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		table_begin("%s: IOMMU_IOAS_MSI_WINDOW", states[i].name);
		if (world_open(&world, mode)) {
			one_state(&world, &states[i]);
			world_close(&world);
		}
		table_end();
	}
	if (world.window.needed)
		return;
	table_begin("no window needed: IOMMU_IOAS_MSI_WINDOW");
	if (world_open(&world, mode)) {
		no_window(&world);
		world_close(&world);
	}
	table_end();
}
