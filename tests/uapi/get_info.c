// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_IOMMU_GET_INFO with its capabilities 4 and 5, of type1 containers and of
 * iommufd's: every argsz, buffers that end early, and that nothing is written but
 * what argsz allows. The capabilities are well-formed: their chain, their
 * reserved fields, the order of the ranges.
 *
 * Seen to fail when the kernel
 *  - writes a capability that does not fit,
 *  - does not clear a capability's reserved field.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define MIN_ARGSZ	offsetof(struct vfio_iommu_type1_info, cap_offset)

static u8 whole[4096];
static u32 whole_size;

/* The bytes of [from, to) are what they were */
static bool untouched(const u8 *bytes, u32 from, u32 to)
{
	for (u32 i = from; i < to; i++)
		if (bytes[i] != 0xa5)
			return false;
	return true;
}

static void argsz(struct world *world)
{
	const u32 max = whole_size + 4096;

	for (u32 size = 0; size <= max; size++) {
		/* Nothing is mapped behind argsz */
		u32 room = size < MIN_ARGSZ ? MIN_ARGSZ : size;
		u8 *bytes = edge_alloc(room);
		struct vfio_iommu_type1_info *info = (void *)bytes;
		u32 wanted;
		int ret;

		memset(bytes, 0xa5, room);
		memcpy(bytes, &size, sizeof(size));
		ret = xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, bytes);
		if (size < MIN_ARGSZ) {
			row_is(ret == -EINVAL, "argsz %u: %d", size, ret);
			row_is(untouched(bytes, sizeof(u32), room), "argsz %u: written", size);
			edge_free(bytes, room);
			continue;
		}
		row_is(!ret, "argsz %u: %d", size, ret);
		wanted = world->space.mode != COMPAT && size > whole_size ? size : whole_size;
		memcpy(&size, bytes, sizeof(size));
		row_is(size == wanted, "argsz %u has become %u, not %u", room, size, wanted);
		size = room;
		if (size >= sizeof(*info))
			row_is(size < whole_size ? !info->cap_offset :
			       info->cap_offset == sizeof(*info),
			       "argsz %u: cap_offset %u", size, info->cap_offset);
		if (size >= whole_size) {
			row_is(!memcmp(bytes + 4, whole + 4, whole_size - 4),
			       "argsz %u: other bytes", size);
			row_is(untouched(bytes, whole_size, size),
			       "argsz %u: bytes behind the capabilities", size);
		}
		edge_free(bytes, room);
	}
}

/* The buffer is shorter than argsz says */
static void lies(struct world *world)
{
	for (u32 room = 4; room < whole_size; room += 4) {
		u8 *bytes = edge_alloc(room);
		u32 size = whole_size;

		memset(bytes, 0, room);
		memcpy(bytes, &size, sizeof(size));
		row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, bytes),
		    "room for %u bytes of %u", room, size);
		edge_free(bytes, room);

		bytes = edge_alloc(room);
		memset(bytes, 0, room);
		memset(bytes, 0xff, sizeof(size));
		row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, bytes),
		    "room for %u bytes, argsz max", room);
		edge_free(bytes, room);
	}
}

static void pointers(struct world *world)
{
	struct vfio_iommu_type1_info *info = edge_alloc(4096);

	row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, NULL), "NULL");
	row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, (void *)-1L),
	    "the last byte");

	/* What is no input is not looked at */
	memset(info, 0xff, 4096);
	row(world, 0, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, info), "argsz max");
	row_is(!memcmp((u8 *)info + 4, whole + 4, whole_size - 4), "all ones: other bytes");
	edge_free(info, 4096);

	info = edge_alloc(4096);
	info->argsz = 4096;
	edge_protect(info, 4096);
	row(world, -EFAULT, xioctl(world->space.fd, VFIO_IOMMU_GET_INFO, info),
	    "not writable");
	edge_free(info, 4096);
}

static void check_msi_resv(const struct vfio_iommu_type1_info_cap_msi_resv *cap)
{
	const u32 all = 2 * VFIO_IOMMU_MSI_RESV_MULTIPLE - 1;

	row_is(!cap->__resv, "MSI_RESV: __resv is %#x", cap->__resv);
	row_is(!(cap->flags & ~all), "MSI_RESV: flags %#x", cap->flags);
	row_is(!(cap->alignment & (cap->alignment - 1)), "MSI_RESV: alignment");
	row_is(!cap->alignment || !((cap->start | cap->length | cap->size) &
				    (cap->alignment - 1)), "MSI_RESV: misaligned");
	row_is(cap->length || !cap->start, "MSI_RESV: start without a length");
	row_is(cap->start + cap->length >= cap->start, "MSI_RESV: wraps");
}

static void check_ranges(const struct vfio_iommu_type1_info_cap_resv_iova_range *cap)
{
	row_is(!cap->__resv, "RESV_IOVA_RANGE: __resv is %#x", cap->__resv);
	for (u32 i = 0; i < cap->nr_ranges; i++) {
		const struct vfio_resv_iova_range *range = &cap->ranges[i];

		row_is(range->start <= range->end, "range %u ends before its start", i);
		row_is(range->type <= VFIO_IOMMU_RESV_SW_MSI, "range %u: type", i);
		row_is(!range->flags, "range %u: flags %#x", i, range->flags);
		row_is(!i || range[-1].start < range->start ||
		       (range[-1].start == range->start && range[-1].type < range->type),
		       "range %u is not in order", i);
	}
}

/* Follow the chain, which must not leave what was written nor come back */
static void chain(void)
{
	struct vfio_iommu_type1_info *info = (void *)whole;
	u32 offset = info->cap_offset, last = 0;
	u32 seen = 0;

	row_is(info->flags == (VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS),
	       "flags are %#x", info->flags);
	while (offset) {
		struct vfio_info_cap_header *header = (void *)(whole + offset);

		if (offset <= last || offset > whole_size - sizeof(*header) || offset % 8) {
			row_is(false, "a capability at %u behind %u", offset, last);
			return;
		}
		row_is(header->version == 1, "capability %u: version", header->id);
		seen |= 1U << header->id;
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_MSI_RESV)
			check_msi_resv((void *)header);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_RESV_IOVA_RANGE)
			check_ranges((void *)header);
		last = offset;
		offset = header->next;
	}
	row_is((seen & 0x3a) == 0x3a, "capabilities %#x", seen);
}

static void fds(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	struct space lone;

	for (; wrong->name; wrong++)
		row(world, -wrong->error, xioctl(wrong->fd, VFIO_IOMMU_GET_INFO, &info), "%s",
		    wrong->name);
	row(world, -ENOTTY, xioctl(world->space.group, VFIO_IOMMU_GET_INFO, &info), "the group");
	if (!space_open(&lone, NATIVE)) {
		row(world, -ENODEV, xioctl(lone.fd, VFIO_IOMMU_GET_INFO, &info),
		    "an iommufd that stands in for no container");
		space_close(&lone);
	}
}

static bool nobody(struct world *world)
{
	struct window window;

	return !window_get(&world->space, &window) &&
	       !memcmp(&window, &world->window, sizeof(window));
}

void test(enum mode mode)
{
	struct vfio_iommu_type1_info *info = (void *)whole;
	struct world world;

	/* What iommufd does with a container of version 2 differs in UNMAP only */
	if (mode == NATIVE || mode == COMPAT_V2)
		return;
	table_begin("%s: VFIO_IOMMU_GET_INFO", mode_names[mode]);
	if (!world_open(&world, mode))
		goto out_end;
	for (int placed = 0; placed < 2; placed++) {
		if (placed && !world.window.needed)
			break;
		if (placed && window_place(&world.space, world.arena, world.window.size))
			row_is(false, "cannot place the window");
		memset(whole, 0, sizeof(whole));
		info->argsz = sizeof(whole);
		row_is(!xioctl(world.space.fd, VFIO_IOMMU_GET_INFO, whole), "all of it");
		info->argsz = sizeof(*info);
		row_is(!xioctl(world.space.fd, VFIO_IOMMU_GET_INFO, whole), "its size");
		whole_size = info->argsz;
		info->argsz = sizeof(whole);
		row_is(!xioctl(world.space.fd, VFIO_IOMMU_GET_INFO, whole), "all of it again");
		world_changed(&world);
		chain();
		if (placed || !world.window.needed)
			argsz(&world);
		lies(&world);
		pointers(&world);
		fds(&world);
		world_changed(&world);
		if (!placed)
			as_nobody(nobody, &world, "the same window");
	}
	world_close(&world);
out_end:
	table_end();
}
