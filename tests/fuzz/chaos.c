// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of several threads that share all files: containers and iommufds, groups
 * and devices are opened, joined and closed under each other's calls. Nothing is
 * known of what must come of a call; it is for the checkers of the kernel to find
 * something.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

#define NR_SLOTS 3

/* fds, -1 for none. Another thread may close one that is in use here. */
static int slots[NR_SLOTS];
static int groups[2];
static int devices[2];

const char *doing[8];

/*
 * 7.3.4 does not keep what a type1 container has while one of its ioctls runs: it
 * uses freed memory when the last group leaves at that time.  That is not the series'
 * doing and is kept from happening here.  A group leaves when its last file is closed,
 * those of its devices among them, and when that is in use by an ioctl then at the end
 * of this one: in a round with type1 containers such an ioctl keeps files from being
 * closed, too.  The other rounds have none, and their ioctls take no lock.
 */
static pthread_rwlock_t leaving = PTHREAD_RWLOCK_INITIALIZER;
static bool has_type1;

static int get(int *fd)
{
	return __atomic_load_n(fd, __ATOMIC_RELAXED);
}

static void put(int *fd, int to)
{
	int was = __atomic_exchange_n(fd, to, __ATOMIC_RELAXED);

	if (was >= 0)
		close(was);
}

static int slot(const struct op *op)
{
	return get(&slots[op->a % NR_SLOTS]);
}

static int device(const struct op *op)
{
	return get(&devices[op->a & 1]);
}

/* IDs are small numbers, so any small number is one of something or nothing */
static u32 id(u8 choice)
{
	return choice < 240 ? 1 + choice % 8 : choice << 24;
}

static int do_open(const struct op *op)
{
	bool type1 = has_type1 && !(op->b & 1);
	int fd = open(type1 ? "/dev/vfio/vfio" : "/dev/iommu", O_RDWR | O_CLOEXEC);

	put(&slots[op->a % NR_SLOTS], fd);
	return fd;
}

static int do_close(const struct op *op)
{
	put(op->b & 1 ? &slots[op->a % NR_SLOTS] : op->b & 2 ? &groups[op->a & 1] :
	    &devices[op->a & 1], -1);
	return 0;
}

static int do_group(const struct op *op)
{
	int fd = group_open(bdfs[op->a & 1]);

	if (fd >= 0)
		put(&groups[op->a & 1], fd);
	return fd;
}

static int do_set_container(const struct op *op)
{
	int fd = get(&slots[op->b % NR_SLOTS]);

	return xioctl(get(&groups[op->a & 1]), VFIO_GROUP_SET_CONTAINER, &fd);
}

static int do_unset_container(const struct op *op)
{
	return xioctl(get(&groups[op->a & 1]), VFIO_GROUP_UNSET_CONTAINER, NULL);
}

static int do_set_iommu(const struct op *op)
{
	unsigned long type = op->b & 1 ? VFIO_TYPE1v2_IOMMU : op->b & 2 ? VFIO_TYPE1_IOMMU :
			     op->b;

	return xioctl(slot(op), VFIO_SET_IOMMU, (void *)type);
}

static int do_get_device(const struct op *op)
{
	int ret = xioctl(get(&groups[op->a & 1]), VFIO_GROUP_GET_DEVICE_FD,
			 (void *)bdfs[op->a & 1]);

	if (ret >= 0)
		put(&devices[op->a & 1], ret);
	return ret;
}

static int do_cdev(const struct op *op)
{
	int fd = cdev_open(bdfs[op->a & 1]);

	if (fd >= 0)
		put(&devices[op->a & 1], fd);
	return fd;
}

static int do_bind(const struct op *op)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = get(&slots[op->b % NR_SLOTS]),
	};

	return xioctl(device(op), VFIO_DEVICE_BIND_IOMMUFD, &bind);
}

/* A replace, if it is attached */
static int do_attach(const struct op *op)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = id(op->b),
	};

	return xioctl(device(op), VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int do_detach(const struct op *op)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return xioctl(device(op), VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}

static int legacy_map(const struct op *op, u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)memory,
		.iova = pick_iova(op->b),
		.size = pick_length(op->c),
	};

	return xioctl(slot(op), VFIO_IOMMU_MAP_DMA, &map);
}

static int do_map(const struct op *op)
{
	return legacy_map(op, op->d < 4 ? op->d << 2 : MAP_RW);
}

static int do_unmap(const struct op *op)
{
	bool all = op->d < 16;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = all ? VFIO_DMA_UNMAP_FLAG_ALL : 0,
		.iova = all ? 0 : pick_iova(op->b),
		.size = all ? 0 : pick_length(op->c),
	};

	return xioctl(slot(op), VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static int do_place(const struct op *op)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = MAP_MSI,
	};

	if (op->d & 1)
		return legacy_map(op, MAP_MSI);
	return xioctl(slot(op), VFIO_IOMMU_MAP_DMA, &map);
}

static int do_get_info(const struct op *op)
{
	union {
		struct vfio_iommu_type1_info info;
		u8 bytes[1024];
	} info = {};

	info.info.argsz = op->b < 128 ? sizeof(info) : op->c;
	return xioctl(slot(op), VFIO_IOMMU_GET_INFO, &info);
}

static int do_extension(const struct op *op)
{
	return xioctl(slot(op), VFIO_CHECK_EXTENSION, (void *)(uintptr_t)(op->b % 16));
}

static int do_ioas_alloc(const struct op *op)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	return xioctl(slot(op), IOMMU_IOAS_ALLOC, &alloc);
}

static int do_destroy(const struct op *op)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id(op->b) };

	return xioctl(slot(op), IOMMU_DESTROY, &destroy);
}

static int do_ioas_map(const struct op *op)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 (op->d < 224 ? IOMMU_IOAS_MAP_FIXED_IOVA : 0),
		.ioas_id = id(op->d),
		.user_va = (uintptr_t)memory,
		.length = pick_length(op->c),
		.iova = pick_iova(op->b),
	};

	return xioctl(slot(op), IOMMU_IOAS_MAP, &map);
}

static int do_ioas_unmap(const struct op *op)
{
	bool all = op->d < 16;
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = id(op->d),
		.iova = all ? 0 : pick_iova(op->b),
		.length = all ? ~0ULL : pick_length(op->c),
	};

	return xioctl(slot(op), IOMMU_IOAS_UNMAP, &unmap);
}

static int do_msi_window(const struct op *op)
{
	struct iommu_ioas_msi_window cmd = {
		.size = sizeof(cmd),
		.ioas_id = id(op->d),
		.op = op->d >= 192,
		.policy = op->c % 4,
	};

	if (cmd.policy == IOMMU_MSI_WINDOW_FIXED) {
		cmd.start = pick_iova(op->b);
		cmd.length = pick_length(op->c);
	}
	return xioctl(slot(op), IOMMU_IOAS_MSI_WINDOW, &cmd);
}

/* So few places that a binding is found again, close to what is mapped */
static u64 pick_doorbell(u8 choice)
{
	return pick_iova(PAGES_CHOICES + choice % 8);
}

/* Those that come first are likely to be an IOAS and devices */
static int do_map_msi(const struct op *op)
{
	const struct space space = {
		.fd = slot(op),
		.ioas_id = op->d < 224 ? 1 : 2,
		.dev_id = 2 + (op->d & 3),
	};
	u64 iova = pick_doorbell(op->b), length = (1 + (op->c & 1)) * page;

	return op->c & 2 ? msi_unbind(&space, iova, length) : msi_bind(&space, iova, length);
}

/* Where the doorbells of ITS and GICv2m alike are in their page */
#define DOORBELL 0x40

static int do_msi_iova(const struct op *op)
{
	u64 iova = op->d < 64 ? 0 : pick_doorbell(op->d) + (op->d < 240 ? DOORBELL : 0);

	if (op->b & 1)
		return msi_iova_set(device(op), VFIO_PCI_MSI_IRQ_INDEX, 0, 1, iova);
	return msi_iova_set(device(op), VFIO_PCI_MSIX_IRQ_INDEX, op->c % 4,
			    1 + (op->c >> 2 & 1), iova);
}

static int do_iova_ranges(const struct op *op)
{
	struct iommu_iova_range ranges[8];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = id(op->b),
		.num_iovas = op->c % 9,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return xioctl(slot(op), IOMMU_IOAS_IOVA_RANGES, &cmd);
}

/* Mostly so much that the others still have room */
static int do_allow_iovas(const struct op *op)
{
	struct iommu_iova_range ranges[2] = {
		{ .start = pick_iova(op->c), .last = pick_iova(op->c) + pick_length(op->d) - 1 },
		{ .start = SZ_4G, .last = 2 * SZ_4G - 1 },
	};
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = id(op->b),
		.num_iovas = op->d % 3,
		.allowed_iovas = (uintptr_t)ranges,
	};

	return xioctl(slot(op), IOMMU_IOAS_ALLOW_IOVAS, &cmd);
}

static int do_resv_regions(const struct op *op)
{
	struct iommu_device_resv_region regions[8];
	struct iommu_device_resv_regions cmd = {
		.size = sizeof(cmd),
		.dev_id = id(op->b),
		.num_regions = op->c % 9,
		.regions = (uintptr_t)regions,
	};

	return xioctl(slot(op), IOMMU_DEVICE_RESV_REGIONS, &cmd);
}

static int do_hwpt_alloc(const struct op *op)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = op->d & 3,
		.dev_id = id(op->b),
		.pt_id = id(op->c),
	};

	return xioctl(slot(op), IOMMU_HWPT_ALLOC, &alloc);
}

static int do_copy(const struct op *op)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = id(op->d),
		.src_ioas_id = id(op->d >> 3),
		.length = page,
		.dst_iova = pick_iova(op->b),
		.src_iova = pick_iova(op->c),
	};

	return xioctl(slot(op), IOMMU_IOAS_COPY, &copy);
}

static int do_irqs(const struct op *op)
{
	return set_irqs(device(op), op->b & 1 ? VFIO_PCI_MSI_IRQ_INDEX :
			VFIO_PCI_MSIX_IRQ_INDEX, op->c % 6);
}

static int do_vfio_ioas(const struct op *op)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = id(op->b),
		.op = op->c % 3,
	};

	return xioctl(slot(op), IOMMU_VFIO_IOAS, &cmd);
}

/* Any number of the ioctls of both, with any bytes; not to a device: resets take long */
static int do_any(const struct op *op)
{
	unsigned int nr = VFIO_BASE + op->c % 64;
	u8 bytes[256];

	/* They make files that nobody here would close */
	if (nr == IOMMUFD_CMD_FAULT_QUEUE_ALLOC || nr == IOMMUFD_CMD_VEVENTQ_ALLOC)
		return 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i < 4 ? 0 : (op->b * i + op->d) >> op->c % 8;
	bytes[0] = op->d;
	return xioctl(slot(op), _IO(VFIO_TYPE, nr), bytes);
}

static const struct {
	const char *name;
	int (*fn)(const struct op *op);
	u8 weight;	/* of 256: how often it is done when its turn comes */
	enum { FREE, KEEPS, LEAVES } locks;
} calls[NR_CHAOS_OPS] = {
	{ "open", do_open, 8, FREE },
	{ "close", do_close, 8, LEAVES },
	{ "group", do_group, 16, LEAVES },
	{ "set container", do_set_container, 16, KEEPS },
	{ "unset container", do_unset_container, 8, LEAVES },
	{ "set IOMMU", do_set_iommu, 16, FREE },
	{ "get device", do_get_device, 16, LEAVES },
	{ "cdev", do_cdev, 16, LEAVES },
	{ "bind", do_bind, 24, KEEPS },
	{ "attach", do_attach, 64, KEEPS },
	{ "detach", do_detach, 16, KEEPS },
	{ "map", do_map, 255, KEEPS },
	{ "map", do_map, 255, KEEPS },
	{ "unmap", do_unmap, 255, KEEPS },
	{ "place", do_place, 255, KEEPS },
	{ "place", do_place, 255, KEEPS },
	{ "info", do_get_info, 255, KEEPS },
	{ "extension", do_extension, 255, KEEPS },
	{ "IOAS", do_ioas_alloc, 64, FREE },
	{ "destroy", do_destroy, 32, FREE },
	{ "IOAS map", do_ioas_map, 255, FREE },
	{ "IOAS map", do_ioas_map, 255, FREE },
	{ "IOAS unmap", do_ioas_unmap, 255, FREE },
	{ "MSI window", do_msi_window, 255, FREE },
	{ "MSI window", do_msi_window, 255, FREE },
	{ "map MSI", do_map_msi, 255, FREE },
	{ "MSI IOVA", do_msi_iova, 128, KEEPS },
	{ "IOVA ranges", do_iova_ranges, 255, FREE },
	{ "allow IOVA", do_allow_iovas, 64, FREE },
	{ "regions", do_resv_regions, 255, FREE },
	{ "HWPT", do_hwpt_alloc, 32, FREE },
	{ "copy", do_copy, 255, FREE },
	{ "irqs", do_irqs, 48, KEEPS },
	{ "VFIO IOAS", do_vfio_ioas, 64, FREE },
	{ "any", do_any, 128, KEEPS },
};

struct worker {
	const struct program *program;
	unsigned int number;
};

static void *work(void *data)
{
	const struct worker *worker = data;
	const struct program *program = worker->program;

	for (unsigned int i = 0; i < program->nr; i++) {
		const struct op *op = &program->ops[i];
		unsigned int code = op->code % NR_CHAOS_OPS;
		int locks, ret;

		if (op->thread % program->nr_threads != worker->number)
			continue;
		/* What is skipped depends on nothing but the program */
		if (((op->a ^ op->d * 31 ^ op->b * 7) & 0xff) > calls[code].weight)
			continue;
		doing[worker->number] = calls[code].name;
		locks = has_type1 ? calls[code].locks : FREE;
		if (locks == LEAVES)
			pthread_rwlock_wrlock(&leaving);
		else if (locks == KEEPS)
			pthread_rwlock_rdlock(&leaving);
		fail_nth = op->fail_nth;
		ret = calls[code].fn(op);
		fail_nth = 0;
		if (locks != FREE)
			pthread_rwlock_unlock(&leaving);
		doing[worker->number] = NULL;
		trace("%u: %s(%u, %u, %u, %u): %d", worker->number, calls[code].name, op->a,
		      op->b, op->c, op->d, ret);
	}
	return NULL;
}

static void start(enum mode mode)
{
	struct space space;
	int fd;

	for (int i = 0; i < NR_SLOTS; i++)
		slots[i] = -1;
	for (int i = 0; i < 2; i++) {
		groups[i] = -1;
		devices[i] = -1;
	}
	/* Both devices in one space, most of the time */
	if (space_open(&space, mode))
		return;
	slots[0] = space.fd;
	for (int i = 0; i < 2; i++) {
		if (space_attach(&space, bdfs[i]))
			continue;
		groups[i] = space.group;
		devices[i] = space.device;
		space.group = -1;
		space.device = -1;
	}
	/* so that another thread finds it by either number */
	fd = dup(space.fd);
	if (fd >= 0)
		slots[1] = fd;
}

void chaos_run(const struct program *program)
{
	struct worker workers[8];
	pthread_t threads[8];

	has_type1 = program->mode == TYPE1 || program->mode == TYPE1V2;
	start(program->mode);
	for (unsigned int i = 0; i < program->nr_threads; i++) {
		workers[i] = (struct worker){ .program = program, .number = i };
		if (i && pthread_create(&threads[i], NULL, work, &workers[i]))
			fail("cannot create a thread");
	}
	work(&workers[0]);
	for (unsigned int i = 1; i < program->nr_threads; i++)
		pthread_join(threads[i], NULL);

	for (int i = 0; i < 2; i++) {
		put(&devices[i], -1);
		put(&groups[i], -1);
	}
	for (int i = 0; i < NR_SLOTS; i++)
		put(&slots[i], -1);
}
