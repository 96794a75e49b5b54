// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_DEVICE_RESV_REGIONS: every field, every size of the structure and of the
 * array, and that nothing is written but what there is room for.
 *
 * Seen to fail when the kernel
 *  - copies all regions whatever the room,
 *  - does not look at flags.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

static int call(int fd, u32 flags, u32 dev_id, u32 *num, u64 regions)
{
	struct iommu_device_resv_regions cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = dev_id,
		.num_regions = *num,
		.regions = regions,
	};
	int ret = xioctl(fd, IOMMU_DEVICE_RESV_REGIONS, &cmd);

	*num = cmd.num_regions;
	return ret;
}

static int ask(struct world *world, u32 num, u64 regions)
{
	return call(world->space.fd, 0, world->space.dev_id, &num, regions);
}

static void room(struct world *world, u32 total)
{
	const size_t size = sizeof(struct iommu_device_resv_region);
	const u32 many[] = { total + 1, total + 1000, 0x7fffffff, 0x80000000, 0xffffffff };
	struct iommu_device_resv_region all[MAX_RANGES];
	u32 num = MAX_RANGES;
	u8 *bytes;

	row(world, 0, call(world->space.fd, 0, world->space.dev_id, &num, (uintptr_t)all),
	    "all regions");
	for (u32 i = 0; i < total; i++) {
		row_is(all[i].start <= all[i].last, "region %u ends before its start", i);
		row_is(all[i].type <= IOMMU_DEVICE_RESV_SW_MSI, "region %u: type", i);
		row_is(!all[i].__reserved, "region %u: __reserved", i);
		row_is(!i || all[i - 1].start < all[i].start ||
		       (all[i - 1].start == all[i].start && all[i - 1].type < all[i].type),
		       "region %u is not in order", i);
	}

	/* Room for each number of them, and the end of the page behind it */
	for (u32 i = 0; i <= total; i++) {
		num = i;
		bytes = edge_alloc(i * size);
		row(world, i < total ? -EMSGSIZE : 0,
		    call(world->space.fd, 0, world->space.dev_id, &num, (uintptr_t)bytes),
		    "room for %u of %u", i, total);
		row_is(num == total, "room for %u: tells %u of %u", i, num, total);
		row_is(!memcmp(bytes, all, i * size), "room for %u: other regions", i);
		edge_free(bytes, i * size);
	}
	/* There is more room than regions, or so it says */
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		num = many[i];
		bytes = edge_alloc(total * size);
		row(world, 0,
		    call(world->space.fd, 0, world->space.dev_id, &num, (uintptr_t)bytes),
		    "room for %#x of %u", many[i], total);
		row_is(num == total, "room for %#x: tells %u", many[i], num);
		edge_free(bytes, total * size);
	}
	/* and there is less than it says */
	for (size_t i = 0; total && i < total * size; i++) {
		bytes = edge_alloc(i);
		row(world, -EFAULT, ask(world, total, (uintptr_t)bytes), "room for %zu bytes",
		    i);
		edge_free(bytes, i);
	}
	if (total) {
		bytes = edge_alloc(total * size);
		edge_protect(bytes, total * size);
		row(world, -EFAULT, ask(world, total, (uintptr_t)bytes), "not writable");
		edge_free(bytes, total * size);
	}

	row(world, total ? -EMSGSIZE : 0, ask(world, 0, 0), "NULL, no room");
	row(world, total ? -EMSGSIZE : 0, ask(world, 0, 1), "no room at 1");
	if (!total)
		return;
	row(world, -EFAULT, ask(world, 1, 0), "NULL");
	row(world, -EFAULT, ask(world, 1, 1), "at 1");
	row(world, -EFAULT, ask(world, 1, ~0ULL), "at the last byte");
	row(world, -EFAULT, ask(world, 0xffffffff, ~0ULL - 4096), "on the last page");
	row(world, -EFAULT, ask(world, 1, 1ULL << 63), "at bit 63");
	row(world, -EFAULT, ask(world, 1, 1ULL << 48), "beyond what a task has");
	row(world, -EFAULT, ask(world, 1, (uintptr_t)all | 1ULL << 60), "bit 60 set");
}

static void fields(struct world *world)
{
	struct space *space = &world->space;
	const u32 ids[] = {
		0, space->ioas_id, hwpt_alloc(space), 0x7fffffff, 0x80000000, 0xffffffff,
	};
	u32 num = 0;

	for (int bit = 0; bit < 32; bit++)
		row(world, -EOPNOTSUPP, call(space->fd, 1U << bit, space->dev_id, &num, 0),
		    "flags %#x", 1U << bit);
	row(world, -EOPNOTSUPP, call(space->fd, ~0U, space->dev_id, &num, 0), "flags max");
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		row(world, -ENOENT, call(space->fd, 0, ids[i], &num, 0), "ID %#x", ids[i]);
	row_is(!object_destroy(space, ids[2]), "the page table stays");
	world_changed(world);
}

static int call_sized(struct world *world, void *bytes)
{
	int ret = xioctl(world->space.fd, IOMMU_DEVICE_RESV_REGIONS, bytes);

	/* There is no room for a region */
	return ret == -EMSGSIZE ? 0 : ret;
}

static void sizes(struct world *world)
{
	struct iommu_device_resv_regions whole = {
		.size = sizeof(whole),
		.dev_id = world->space.dev_id,
	};
	u8 *bytes;

	row_sizes(world, "all", &whole, sizeof(whole), call_sized);
	bytes = edge_alloc(sizeof(whole));
	memcpy(bytes, &whole, sizeof(whole));
	edge_protect(bytes, sizeof(whole));
	row(world, -EFAULT, xioctl(world->space.fd, IOMMU_DEVICE_RESV_REGIONS, bytes),
	    "not writable");
	edge_free(bytes, sizeof(whole));
}

static void fds(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	struct space *space = &world->space;
	struct space other;
	u32 num = 0;

	for (; wrong->name; wrong++)
		row(world, -wrong->error, call(wrong->fd, 0, space->dev_id, &num, 0), "%s",
		    wrong->name);
	row(world, -ENOTTY, call(space->device, 0, space->dev_id, &num, 0), "the device");
	if (!space_open(&other, COMPAT)) {
		row(world, -ENOENT, call(other.fd, 0, space->dev_id, &num, 0),
		    "another iommufd");
		space_close(&other);
	}
}

static bool nobody(struct world *world)
{
	u32 num = 0;
	int ret = call(world->space.fd, 0, world->space.dev_id, &num, 0);

	return ret == (num ? -EMSGSIZE : 0);
}

void test(enum mode mode)
{
	struct world world = {};
	u32 total = 0;

	if (mode != NATIVE)
		return;
	table_begin("IOMMU_DEVICE_RESV_REGIONS");
	if (world_open(&world, mode)) {
		call(world.space.fd, 0, world.space.dev_id, &total, 0);
		row_is(total && total < MAX_RANGES, "%u regions", total);
		room(&world, total);
		fields(&world);
		sizes(&world);
		fds(&world);
		as_nobody(nobody, &world, "how many there are");
		/* It is gone, or at least unbound */
		close(world.space.device);
		world.space.device = -1;
		row_is(call(world.space.fd, 0, world.space.dev_id, &total, 0) == -ENOENT,
		       "a device that is closed");
		world_close(&world);
	}
	table_end();
}
