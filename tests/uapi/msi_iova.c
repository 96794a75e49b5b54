// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE_MSI_IOVA: every field with every kind of value, and the errno
 * that linux/vfio.h documents for it. What is set is read back from the device,
 * after its interrupts have been set up.
 *
 * Seen to fail when the kernel takes a flag that it does not know, or two addresses
 * for the vectors of MSI.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

#define MSI	VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define SET	VFIO_DEVICE_FEATURE_SET
#define GET	VFIO_DEVICE_FEATURE_GET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE

enum { UNBOUND, BOUND, MSIX_ON, MSI_ON, DETACHED, NR_STATES };
static const char *const states[NR_STATES] = {
	"unbound", "bound", "MSI-X on", "MSI on", "detached",
};

struct msi_iova {
	struct vfio_device_feature feature;
	u32 index, start, count, flags;
	u64 iova[MAX_VECTORS];
};

static u32 nr_msix, nr_msi;
/* Of the doorbell within its page */
static u64 offset;
static int state;

/* A page for each vector, as each may have a doorbell of its own, and one for MSI */
static u64 home(struct world *world)
{
	return world->arena + 24 * SZ_1M;
}

static u64 home_length(void)
{
	return (nr_msix + 1) * page;
}

/* The address of a vector between the rows, nr_msix for those of MSI */
static u64 address(struct world *world, u32 vector)
{
	u32 number = vector == nr_msix ? vector : nr_msix - 1 - vector;

	return home(world) + number * page + offset;
}

static u32 argsz(u32 count)
{
	return offsetof(struct msi_iova, iova[count]);
}

static int call(struct world *world, u32 size, u32 flags, struct msi_iova *set)
{
	set->feature.argsz = size;
	set->feature.flags = flags | VFIO_DEVICE_FEATURE_MSI_IOVA;
	return xioctl(world->space.device, VFIO_DEVICE_FEATURE, set);
}

static int one(struct world *world, u32 index, u32 vector, u64 iova)
{
	return msi_iova_set(world->space.device, index, vector, 1, iova);
}

static u32 nr_vectors(struct world *world, u32 index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	return xioctl(world->space.device, VFIO_DEVICE_GET_IRQ_INFO, &info) ? 0 : info.count;
}

/* Only the device tells what has been set. When it has no interrupts, give it some. */
static void read_addresses(struct world *world, struct state *to)
{
	int device = world->space.device, ret = 0;
	bool off = state != MSIX_ON && state != MSI_ON;
	u64 addresses[MAX_VECTORS + 1] = {};

	if (off)
		ret = set_irqs(device, MSIX, nr_msix);
	for (u32 i = 0; state != MSI_ON && i < nr_msix; i++)
		addresses[i] = msix_address(i);
	if (off) {
		ret = set_irqs(device, MSIX, 0) ?: ret ?: set_irqs(device, MSI, 1);
		addresses[nr_msix] = msi_address(bdf);
		ret = set_irqs(device, MSI, 0) ?: ret;
	} else if (state == MSI_ON) {
		addresses[nr_msix] = msi_address(bdf);
	}
	state_add(to, &ret, sizeof(ret));
	state_add(to, addresses, sizeof(addresses));
}

static void go_home(struct world *world)
{
	int ret = 0;

	for (u32 i = 0; i < nr_msix && !ret; i++)
		ret = one(world, MSIX, i, address(world, i));
	if (!ret)
		ret = one(world, MSI, 0, address(world, nr_msix));
	row_is(!ret, "%s: back: %d", states[state], ret);
	if (world->more)
		world_changed(world);
}

/* They are what the device is told to write to */
static void used(struct world *world)
{
	int device = world->space.device;

	row_is(!set_irqs(device, MSIX, nr_msix), "%s: enable MSI-X", states[state]);
	for (u32 i = 0; i < nr_msix; i++)
		row_is(msix_address(i) == address(world, i), "%s: %u has %#llx", states[state], i,
		       (unsigned long long)msix_address(i));
	row_is(!set_irqs(device, MSIX, 0), "%s: disable MSI-X", states[state]);
	row_is(!set_irqs(device, MSI, 1), "%s: enable MSI", states[state]);
	row_is(msi_address(bdf) == address(world, nr_msix), "%s: MSI has %#llx", states[state],
	       (unsigned long long)msi_address(bdf));
	row_is(!set_irqs(device, MSI, 0), "%s: disable MSI", states[state]);
}

/* One that had to work is not followed by interrupts, which might not fit */
static void one_row(struct world *world, const char *what, u32 index, u32 start, u32 count,
		    u64 iova, int error)
{
	int ret = msi_iova_set(world->space.device, index, start, count, iova);

	row(error ? world : NULL, -error, ret, "%s: index %u, %u from %#x, %#llx: %s",
	    states[state], index, count, start, (unsigned long long)iova, what);
	if (!ret && iova)
		go_home(world);
}

/* What has to come of an address that could be, for a vector that is off */
static int error_of(struct world *world, u64 iova)
{
	bool within = iova >= home(world) && iova - home(world) < home_length();

	if (!iova)
		return 0;
	if ((iova ^ offset) & 0xfff)
		return EINVAL;
	return state == DETACHED || (state != UNBOUND && within) ? 0 : ENOENT;
}

static void addresses(struct world *world, u32 index, u32 vector)
{
	const u64 good = home(world) + offset;
	const u64 some[] = {
		1, offset, offset + page, home(world), home(world) - 1, good - page,
		good + home_length(), good + home_length() - page, world->mapped + offset,
		world->window.start + offset, world->end + offset, (1ULL << 58) - page + offset,
		(1ULL << 58) + offset, -page + offset, ~0ULL,
	};

	for (size_t i = 0; i < ARRAY_SIZE(some); i++)
		one_row(world, "address", index, vector, 1, some[i], error_of(world, some[i]));
	for (int bit = 0; bit < 64; bit++)
		one_row(world, "bit", index, vector, 1, good ^ 1ULL << bit,
			error_of(world, good ^ 1ULL << bit));
}

/* One wrong address among others, wherever it is */
static void mixed(struct world *world)
{
	for (u32 count = 2; count <= nr_msix; count++)
		for (u32 bad = 0; bad < count; bad++) {
			struct msi_iova set = { .index = MSIX, .count = count };

			for (u32 i = 0; i < count; i++)
				set.iova[i] = i == bad ? offset : address(world, 0);
			row(world, -ENOENT, call(world, argsz(count), SET, &set),
			    "%s: %u vectors, %u is not bound", states[state], count, bad);
			set.iova[bad] = home(world);
			row(world, offset ? -EINVAL : 0, call(world, argsz(count), SET, &set),
			    "%s: %u vectors, %u is misaligned", states[state], count, bad);
		}
}

/* The vectors of MSI have one register for the address of all */
static void unequal(struct world *world)
{
	for (u32 count = 2; count <= nr_msi; count++)
		for (u32 other = 0; other < count; other++) {
			struct msi_iova set = { .index = MSI, .count = count };

			for (u32 i = 0; i < count; i++)
				set.iova[i] = address(world, i == other ? 0 : nr_msix);
			row(world, -EINVAL, call(world, argsz(count), SET, &set),
			    "%s: %u vectors of MSI, %u has another address", states[state],
			    count, other);
			set.iova[other] = 0;
			row(world, -EINVAL, call(world, argsz(count), SET, &set),
			    "%s: %u vectors of MSI, %u has none", states[state], count, other);
		}
}

static void vectors(struct world *world)
{
	const u32 nr[] = { [MSI] = nr_msi, [MSIX] = nr_msix };
	const u32 others[] = { 0, 3, 4, 5, 6, 0x10001, 0x80000001, 0xffffffff };
	u64 good = address(world, nr_msix);

	for (u32 index = MSI; index <= MSIX; index++) {
		one_row(world, "none", index, 0, 0, good, EINVAL);
		one_row(world, "none", index, 0, 0, 0, EINVAL);
		one_row(world, "all", index, 0, nr[index], good, 0);
		one_row(world, "the last one", index, nr[index] - 1, 1, good,
			index == MSI && nr_msi > 1 ? EINVAL : 0);
		one_row(world, "one more", index, 0, nr[index] + 1, good, EINVAL);
		one_row(world, "from the last", index, nr[index] - 1, 2, good, EINVAL);
		one_row(world, "behind the last", index, nr[index], 1, good, EINVAL);
		one_row(world, "count max", index, 0, ~0U, good, EINVAL);
		one_row(world, "count bit 31", index, 0, 1U << 31, good, EINVAL);
		one_row(world, "start max", index, ~0U, 1, good, EINVAL);
		one_row(world, "wraps", index, ~0U, 2, good, EINVAL);
		one_row(world, "both max", index, ~0U, ~0U, good, EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		one_row(world, "not an index", others[i], 0, 1, good, EINVAL);
}

static void flags(struct world *world)
{
	const u32 wrong[] = { 0, GET, GET | SET, GET | PROBE, GET | SET | PROBE };
	struct msi_iova set = { .index = MSIX, .count = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		row(world, -EINVAL, call(world, argsz(1), wrong[i], &set), "%s: operation %#x",
		    states[state], wrong[i]);
	for (int bit = 19; bit < 32; bit++) {
		row(world, -EINVAL, call(world, argsz(1), SET | 1U << bit, &set),
		    "%s: feature flag bit %d", states[state], bit);
		row(world, -EINVAL, call(world, argsz(1), PROBE | 1U << bit, &set),
		    "%s: PROBE, feature flag bit %d", states[state], bit);
	}
	for (int bit = 0; bit < 32; bit++) {
		set.flags = 1U << bit;
		row(world, -EINVAL, call(world, argsz(1), SET, &set), "%s: flags %#x",
		    states[state], set.flags);
	}
	/* PROBE looks at nothing */
	for (u32 size = 0; size <= argsz(1); size++) {
		int wanted = size < sizeof(set.feature) ? -EINVAL : 0;

		row(world, wanted, call(world, size, PROBE, &set), "PROBE, argsz %u", size);
		row(world, wanted, call(world, size, PROBE | SET, &set), "PROBE | SET, argsz %u",
		    size);
	}
}

/* argsz tells that all is there, what follows is not looked at */
static void sizes(struct world *world)
{
	struct msi_iova whole = { .index = MSIX, .count = 2 };
	const u32 size = argsz(2);
	u8 *bytes;

	whole.iova[0] = address(world, 0);
	whole.iova[1] = address(world, 1);
	for (u32 told = 0; told <= size + 4096; told++) {
		bytes = edge_alloc(size);
		whole.feature.argsz = told;
		whole.feature.flags = SET | VFIO_DEVICE_FEATURE_MSI_IOVA;
		memcpy(bytes, &whole, size);
		row_is(xioctl(world->space.device, VFIO_DEVICE_FEATURE, bytes) ==
		       (told < size ? -EINVAL : 0), "argsz %u", told);
		edge_free(bytes, size);
	}
	/* The addresses are those that were there, so 0 would be seen */
	memset(whole.iova, 0, sizeof(whole.iova));
	row(world, -EINVAL, call(world, size - 1, SET, &whole), "one byte less");
	whole.feature.argsz = ~0U;
	for (u32 room = 0; room < size; room++) {
		bytes = edge_alloc(room);
		memcpy(bytes, &whole, room);
		row(world, -EFAULT, xioctl(world->space.device, VFIO_DEVICE_FEATURE, bytes),
		    "%u bytes, then no page", room);
		edge_free(bytes, room);
	}
	row(world, -EFAULT, xioctl(world->space.device, VFIO_DEVICE_FEATURE, NULL), "NULL");
	row(world, -EFAULT, xioctl(world->space.device, VFIO_DEVICE_FEATURE, (void *)-1L),
	    "the last byte");
}

static void fds(struct world *world)
{
	const struct wrong_fd *wrong = wrong_fds();
	int cdev = cdev_open(bdf);

	for (; wrong->name; wrong++)
		row(world, -wrong->error, msi_iova_set(wrong->fd, MSIX, 0, 1, 0), "%s",
		    wrong->name);
	row(world, -ENOTTY, msi_iova_set(world->space.fd, MSIX, 0, 1, 0), "the iommufd");
	row(world, -EINVAL, msi_iova_set(cdev, MSIX, 0, 1, 0), "the device, not bound by this");
	close(cdev);
}

static bool nobody(struct world *world)
{
	return !one(world, MSIX, 0, address(world, 0)) &&
	       one(world, MSIX, 0, offset) == -ENOENT;
}

/* Vectors that are set up keep what they have, the others can be given something */
static void enabled(struct world *world)
{
	u32 index = state == MSIX_ON ? MSIX : MSI, on = state == MSIX_ON ? 2 : 1;

	row_is(!set_irqs(world->space.device, index, on), "enable %u", on);
	world->more = read_addresses;
	world_changed(world);
	for (u32 i = 0; i < nr_msix; i++) {
		int error = state == MSIX_ON && i < on ? EBUSY : 0;
		u64 iova = address(world, i);

		row(world, -error, one(world, MSIX, i, 0), "%s: no address for %u",
		    states[state], i);
		row(world, -error, one(world, MSIX, i, iova), "%s: %u", states[state], i);
		row(world, error ? -error : offset ? -EINVAL : 0,
		    one(world, MSIX, i, iova - offset), "%s: misaligned, %u", states[state], i);
		row(world, -error,
		    msi_iova_set(world->space.device, MSIX, i, nr_msix - i, 0),
		    "%s: no address from %u", states[state], i);
		row(world, -error, one(world, MSIX, i, iova), "%s: %u", states[state], i);
	}
	row(world, state == MSI_ON ? -EBUSY : 0, one(world, MSI, 0, 0), "%s: MSI",
	    states[state]);
	row(world, 0, set_irqs(world->space.device, index, 0), "disable");
	world->more = NULL;
	go_home(world);
	used(world);
}

/* Any binding will do, wherever the address is */
static void detach(struct world *world)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	row_is(!xioctl(world->space.device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach), "detach");
	world->more = NULL;
	world_changed(world);
	addresses(world, MSIX, 0);
	row(world, 0, msi_unbind(&world->space, home(world), home_length()), "unbind");
	row(world, -ENOENT, one(world, MSIX, 0, address(world, 0)), "not bound any more");
	row(world, 0, one(world, MSIX, 0, 0), "no address");
}

/* iommufd's container has it under a number, too, which is a small one */
static bool find_dev_id(struct space *space)
{
	for (space->dev_id = 1; space->dev_id < 16; space->dev_id++) {
		struct iommu_device_resv_regions cmd = {
			.size = sizeof(cmd),
			.dev_id = space->dev_id,
		};

		if (xioctl(space->fd, IOMMU_DEVICE_RESV_REGIONS, &cmd) != -ENOENT)
			return true;
	}
	return false;
}

static void one_state(struct world *world)
{
	struct space *space = &world->space;

	nr_msix = nr_vectors(world, MSIX);
	nr_msi = nr_vectors(world, MSI);
	row_is(nr_msix > 2 && nr_msix <= MAX_VECTORS && nr_msi, "%u and %u vectors", nr_msix,
	       nr_msi);
	row_is(space->dev_id || find_dev_id(space), "no device ID");
	row_is(!set_irqs(space->device, MSI, 1), "enable MSI");
	offset = msi_address(bdf) & (page - 1);
	row_is(!set_irqs(space->device, MSI, 0), "disable MSI");
	if (state != UNBOUND) {
		row(NULL, 0, msi_bind(space, home(world), home_length()), "bind");
		go_home(world);
	}
	if (state == MSIX_ON || state == MSI_ON) {
		enabled(world);
		return;
	}
	if (state == DETACHED) {
		detach(world);
		return;
	}
	world->more = read_addresses;
	world_changed(world);
	addresses(world, MSIX, nr_msix - 1);
	addresses(world, MSI, 0);
	flags(world);
	if (state == UNBOUND)
		return;
	used(world);
	mixed(world);
	unequal(world);
	vectors(world);
	sizes(world);
	fds(world);
	as_nobody(nobody, world, "set an address");
	used(world);
}

/* There is nobody to translate it */
static void untranslated(struct world *world)
{
	const u32 operations[] = { 0, SET, GET, PROBE, PROBE | SET, PROBE | GET };
	struct msi_iova set = { .index = MSIX, .count = 1 };

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		for (u32 size = 0; size <= argsz(1); size++)
			row(world, size < sizeof(set.feature) ? -EINVAL : -EOPNOTSUPP,
			    call(world, size, operations[i], &set), "operation %#x, argsz %u",
			    operations[i], size);
	row(world, -EINVAL, call(world, argsz(1), GET | SET, &set), "GET and SET");
	row(world, -EINVAL, call(world, argsz(1), SET | 1U << 31, &set), "feature flag bit 31");
}

void test(enum mode mode)
{
	struct world world = {};
	bool has_iovas = mode == COMPAT || mode == NATIVE;

	/* They differ in other calls */
	if (mode == TYPE1V2 || mode == COMPAT_V2)
		return;

	/* A container's device is not detached alone */
	for (state = 0; has_iovas && state < (mode == NATIVE ? NR_STATES : DETACHED); state++) {
		table_begin("%s, %s: VFIO_DEVICE_FEATURE_MSI_IOVA", mode_names[mode],
			    states[state]);
		if (world_open(&world, mode)) {
			if (world.window.needed)
				one_state(&world);
			else
				table_skip("MSIs are not translated");
			world_close(&world);
		}
		table_end();
	}
	if (has_iovas && world.window.needed)
		return;
	table_begin("%s, MSIs as they are: VFIO_DEVICE_FEATURE_MSI_IOVA", mode_names[mode]);
	if (world_open(&world, mode)) {
		untranslated(&world);
		world_close(&world);
	}
	table_end();
}
