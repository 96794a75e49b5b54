// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "space.h"

const char *const mode_names[NR_MODES] = {
	"type1", "type1v2", "compat", "compat-v2", "iommufd",
};

u8 *memory;
u64 page;
unsigned long long nr_calls, nr_injected;

__thread u16 fail_nth;
__thread u16 fail_left;

static int fail_ioctl(int fd, unsigned long request, void *arg)
{
	int ret, saved, nth = open("/proc/thread-self/fail-nth", O_RDWR);
	char left[8] = {};

	fail_left = fail_nth;
	if (nth >= 0)
		dprintf(nth, "%u", fail_nth);
	fail_nth = 0;
	ret = ioctl(fd, request, arg);
	saved = errno;
	if (nth >= 0) {
		/* To copy the answer is the next that can fail, if one was left */
		fail_left = pread(nth, left, sizeof(left) - 1, 0) < 0 ? 1 : atoi(left);
		pwrite(nth, "0", 1, 0);
		if (!fail_left)
			__atomic_fetch_add(&nr_injected, 1, __ATOMIC_RELAXED);
		close(nth);
	}
	errno = saved;
	return ret;
}

bool injection_init(void)
{
	static const struct {
		const char *path;
		const char *value;
	} knobs[] = {
		/* Any allocation, of a single page too, and no dump of the stack each time */
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/fail_iommufd/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
		{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
		int fd = open(knobs[i].path, O_WRONLY);

		if (fd < 0)
			continue;
		if (write(fd, knobs[i].value, 1) != 1)
			perror(knobs[i].path);
		close(fd);
	}
	return !access("/proc/thread-self/fail-nth", F_OK);
}

void excuse(const char *function)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

	if (fd < 0)
		return;
	dprintf(fd, "@excused %s\n", function);
	close(fd);
}

int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = fail_nth ? fail_ioctl(fd, request, arg) : ioctl(fd, request, arg);

	__atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
	return ret < 0 ? -errno : ret;
}

void space_init(void)
{
	page = getpagesize();
	memory = mmap(NULL, NR_PAGES * page, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memset(memory, 0x5a, NR_PAGES * page);
}

static bool is_iommufd(enum mode mode)
{
	return mode >= COMPAT;
}

int space_open(struct space *space, enum mode mode)
{
	*space = (struct space){ .mode = mode, .group = -1, .device = -1 };
	space->fd = open(is_iommufd(mode) ? "/dev/iommu" : "/dev/vfio/vfio", O_RDWR);
	if (space->fd < 0)
		return -errno;
	if (mode == NATIVE) {
		struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
		int ret = xioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc);

		space->ioas_id = alloc.out_ioas_id;
		return ret;
	}
	return 0;
}

int group_open_on(const char *bus, const char *name)
{
	char path[128], link[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s/iommu_group", bus, name);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return -errno;
	link[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	fd = open(path, O_RDWR);
	return fd < 0 ? -errno : fd;
}

int group_open(const char *bdf)
{
	return group_open_on("pci", bdf);
}

int cdev_open(const char *bdf)
{
	struct dirent *entry;
	char path[300];
	int fd = -ENODEV;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "vfio", 4)) {
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
			fd = open(path, O_RDWR);
			if (fd < 0)
				fd = -errno;
		}
	closedir(dir);
	return fd;
}

void no_resets(const char *bdf)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset_method", bdf);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "\n", 1) != 1)
		perror(path);
	if (fd >= 0)
		close(fd);
}

static int attach_cdev(struct space *space, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	int ret;

	space->device = cdev_open(bdf);
	if (space->device < 0)
		return space->device;
	bind.iommufd = space->fd;
	ret = xioctl(space->device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (ret)
		return ret;
	space->dev_id = bind.out_devid;
	attach.pt_id = space->ioas_id;
	return xioctl(space->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

static int attach_group(struct space *space, const char *bdf)
{
	bool v2 = space->mode == TYPE1V2 || space->mode == COMPAT_V2;
	unsigned long type = v2 ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU;
	int ret;

	space->group = group_open(bdf);
	if (space->group < 0)
		return space->group;
	ret = xioctl(space->group, VFIO_GROUP_SET_CONTAINER, &space->fd);
	if (ret)
		return ret;
	/* EINVAL: another group has done it, or there will be no device either */
	ret = xioctl(space->fd, VFIO_SET_IOMMU, (void *)type);
	if (ret && ret != -EINVAL)
		return ret;
	ret = xioctl(space->group, VFIO_GROUP_GET_DEVICE_FD, (void *)bdf);
	if (ret < 0)
		return ret;
	space->device = ret;
	if (space->mode == COMPAT || space->mode == COMPAT_V2) {
		struct iommu_vfio_ioas ioas = {
			.size = sizeof(ioas),
			.op = IOMMU_VFIO_IOAS_GET,
		};

		ret = xioctl(space->fd, IOMMU_VFIO_IOAS, &ioas);
		space->ioas_id = ioas.ioas_id;
		return ret;
	}
	return 0;
}

int space_attach(struct space *space, const char *bdf)
{
	int ret = space->mode == NATIVE ? attach_cdev(space, bdf) : attach_group(space, bdf);

	if (ret)
		space_detach(space);
	return ret;
}

void space_detach(struct space *space)
{
	if (space->device >= 0)
		close(space->device);
	if (space->group >= 0)
		close(space->group);
	space->device = -1;
	space->group = -1;
	space->dev_id = 0;
}

void space_close(struct space *space)
{
	space_detach(space);
	if (space->fd >= 0)
		close(space->fd);
	space->fd = -1;
}

int second_open(struct space *second, const struct space *first, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = first->fd,
	};
	int ret;

	*second = *first;
	second->device = -1;
	second->group = -1;
	second->dev_id = 0;
	no_resets(bdf);
	if (first->mode == NATIVE) {
		second->device = cdev_open(bdf);
		if (second->device < 0)
			return second->device;
		ret = xioctl(second->device, VFIO_DEVICE_BIND_IOMMUFD, &bind);
		second->dev_id = bind.out_devid;
		return ret;
	}
	second->group = group_open(bdf);
	if (second->group < 0)
		return second->group;
	/* iommufd attaches when the device is opened */
	return is_iommufd(first->mode) ?
	       xioctl(second->group, VFIO_GROUP_SET_CONTAINER, &second->fd) : 0;
}

int second_attach(struct space *second, const char *bdf)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = second->ioas_id,
	};
	int ret;

	if (second->mode == NATIVE)
		return xioctl(second->device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
	if (!is_iommufd(second->mode))
		return xioctl(second->group, VFIO_GROUP_SET_CONTAINER, &second->fd);
	ret = xioctl(second->group, VFIO_GROUP_GET_DEVICE_FD, (void *)bdf);
	if (ret < 0)
		return ret;
	second->device = ret;
	return 0;
}

int second_detach(struct space *second)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	if (second->mode == NATIVE)
		return xioctl(second->device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
	if (!is_iommufd(second->mode))
		return xioctl(second->group, VFIO_GROUP_UNSET_CONTAINER, NULL);
	close(second->device);
	second->device = -1;
	return 0;
}

static int legacy_map(int fd, u64 iova, u64 size, u32 flags, void *vaddr)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return xioctl(fd, VFIO_IOMMU_MAP_DMA, &map);
}

u32 hwpt_alloc(const struct space *space)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = space->dev_id,
		.pt_id = space->ioas_id,
	};

	return xioctl(space->fd, IOMMU_HWPT_ALLOC, &alloc) ? 0 : alloc.out_hwpt_id;
}

int object_destroy(const struct space *space, u32 id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	return xioctl(space->fd, IOMMU_DESTROY, &destroy);
}

int dma_map(const struct space *space, u64 iova, u64 size, void *vaddr)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = space->ioas_id,
		.user_va = (uintptr_t)vaddr,
		.length = size,
		.iova = iova,
	};

	if (space->mode != NATIVE)
		return legacy_map(space->fd, iova, size, MAP_RW, vaddr);
	return xioctl(space->fd, IOMMU_IOAS_MAP, &map);
}

int dma_unmap(const struct space *space, u64 iova, u64 size, u64 *unmapped)
{
	int ret;

	if (space->mode == NATIVE) {
		struct iommu_ioas_unmap unmap = {
			.size = sizeof(unmap),
			.ioas_id = space->ioas_id,
			.iova = iova,
			.length = size,
		};

		ret = xioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap);
		*unmapped = ret ? 0 : unmap.length;
		return ret;
	} else {
		struct vfio_iommu_type1_dma_unmap unmap = {
			.argsz = sizeof(unmap),
			.iova = iova,
			.size = size,
		};

		ret = xioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
		*unmapped = ret ? 0 : unmap.size;
		return ret;
	}
}

static int msi_window_ioctl(const struct space *space, struct iommu_ioas_msi_window *cmd)
{
	cmd->size = sizeof(*cmd);
	cmd->ioas_id = space->ioas_id;
	return xioctl(space->fd, IOMMU_IOAS_MSI_WINDOW, cmd);
}

int window_place(const struct space *space, u64 start, u64 length)
{
	struct iommu_ioas_msi_window cmd = {
		.policy = IOMMU_MSI_WINDOW_FIXED,
		.start = start,
		.length = length,
	};

	if (space->mode == NATIVE)
		return msi_window_ioctl(space, &cmd);
	return legacy_map(space->fd, start, length, MAP_MSI, NULL);
}

int window_auto(const struct space *space)
{
	struct iommu_ioas_msi_window cmd = { .policy = IOMMU_MSI_WINDOW_AUTO };

	if (space->mode == NATIVE)
		return msi_window_ioctl(space, &cmd);
	return legacy_map(space->fd, 0, 0, MAP_MSI, NULL);
}

static int map_msi_ioctl(const struct space *space, u32 flags, u64 iova, u64 length)
{
	struct iommu_ioas_map_msi cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = space->ioas_id,
		.dev_id = space->dev_id,
		.iova = iova,
		.length = length,
	};

	return xioctl(space->fd, IOMMU_IOAS_MAP_MSI, &cmd);
}

int msi_bind(const struct space *space, u64 iova, u64 length)
{
	return map_msi_ioctl(space, 0, iova, length);
}

int msi_unbind(const struct space *space, u64 iova, u64 length)
{
	return map_msi_ioctl(space, IOMMU_IOAS_MAP_MSI_UNMAP, iova, length);
}

struct info {
	struct vfio_iommu_type1_info info;
	u8 caps[3072];
};

static int info_get(const struct space *space, struct info *info)
{
	memset(info, 0, sizeof(*info));
	info->info.argsz = sizeof(*info);
	return xioctl(space->fd, VFIO_IOMMU_GET_INFO, info);
}

static void *info_cap(struct info *info, u16 id)
{
	struct vfio_info_cap_header *header;
	u32 offset = info->info.cap_offset;

	while (offset) {
		if (offset > sizeof(*info) - sizeof(*header))
			return NULL;
		header = (void *)((u8 *)info + offset);
		if (header->id == id)
			return header;
		offset = header->next;
	}
	return NULL;
}

static int info_window(struct info *info, struct window *window)
{
	struct vfio_iommu_type1_info_cap_msi_resv *cap;

	cap = info_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_MSI_RESV);
	if (!cap)
		return -ENOSYS;
	*window = (struct window){
		.size = cap->size,
		.alignment = cap->alignment,
		.start = cap->start,
		.length = cap->length,
		.needed = cap->flags & VFIO_IOMMU_MSI_RESV_SW,
		.movable = cap->flags & VFIO_IOMMU_MSI_RESV_MOVABLE,
		.placed = cap->flags & VFIO_IOMMU_MSI_RESV_PLACED,
		.chosen = cap->flags & VFIO_IOMMU_MSI_RESV_AUTO,
	};
	return 0;
}

static int info_usable(struct info *info, struct ranges *ranges)
{
	struct vfio_iommu_type1_info_cap_iova_range *cap;
	u32 nr;

	ranges->nr = 0;
	cap = info_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	if (!cap)
		return 0;
	for (nr = 0; nr < cap->nr_iovas && nr < MAX_RANGES; nr++) {
		ranges->range[nr].start = cap->iova_ranges[nr].start;
		ranges->range[nr].last = cap->iova_ranges[nr].end;
	}
	ranges->nr = nr;
	return 0;
}

static int info_reserved(struct info *info, struct ranges *ranges)
{
	struct vfio_iommu_type1_info_cap_resv_iova_range *cap;
	u32 nr;

	ranges->nr = 0;
	cap = info_cap(info, VFIO_IOMMU_TYPE1_INFO_CAP_RESV_IOVA_RANGE);
	if (!cap)
		return -ENOSYS;
	for (nr = 0; nr < cap->nr_ranges && nr < MAX_RANGES; nr++) {
		ranges->range[nr].start = cap->ranges[nr].start;
		ranges->range[nr].last = cap->ranges[nr].end;
		ranges->range[nr].type = cap->ranges[nr].type;
	}
	ranges->nr = nr;
	return 0;
}

int window_get(const struct space *space, struct window *window)
{
	struct iommu_ioas_msi_window cmd = { .op = IOMMU_MSI_WINDOW_OP_GET };
	struct info info;
	int ret;

	*window = (struct window){};
	if (space->mode == NATIVE) {
		ret = msi_window_ioctl(space, &cmd);
		if (ret)
			return ret;
		window->size = cmd.out_min_length;
		window->alignment = cmd.out_alignment;
		window->start = cmd.start;
		window->length = cmd.length;
		window->needed = cmd.out_min_length;
		window->movable = !(cmd.out_flags & IOMMU_MSI_WINDOW_LIVE);
		window->placed = cmd.policy == IOMMU_MSI_WINDOW_FIXED;
		window->chosen = cmd.policy == IOMMU_MSI_WINDOW_AUTO;
		return 0;
	}

	ret = info_get(space, &info);
	return ret ?: info_window(&info, window);
}

int usable_get(const struct space *space, struct ranges *ranges)
{
	struct iommu_iova_range usable[MAX_RANGES];
	struct info info;
	u32 nr;
	int ret;

	ranges->nr = 0;
	if (space->mode == NATIVE) {
		struct iommu_ioas_iova_ranges cmd = {
			.size = sizeof(cmd),
			.ioas_id = space->ioas_id,
			.num_iovas = MAX_RANGES,
			.allowed_iovas = (uintptr_t)usable,
		};

		ret = xioctl(space->fd, IOMMU_IOAS_IOVA_RANGES, &cmd);
		if (ret)
			return ret;
		for (nr = 0; nr < cmd.num_iovas; nr++) {
			ranges->range[nr].start = usable[nr].start;
			ranges->range[nr].last = usable[nr].last;
		}
		ranges->nr = nr;
		return 0;
	}

	ret = info_get(space, &info);
	return ret ?: info_usable(&info, ranges);
}

int reserved_get(const struct space *space, struct ranges *ranges)
{
	struct iommu_device_resv_region regions[MAX_RANGES];
	struct info info;
	u32 nr;
	int ret;

	ranges->nr = 0;
	if (space->mode == NATIVE) {
		struct iommu_device_resv_regions cmd = {
			.size = sizeof(cmd),
			.dev_id = space->dev_id,
			.num_regions = MAX_RANGES,
			.regions = (uintptr_t)regions,
		};

		if (!space->dev_id)
			return 0;
		ret = xioctl(space->fd, IOMMU_DEVICE_RESV_REGIONS, &cmd);
		if (ret)
			return ret;
		for (nr = 0; nr < cmd.num_regions; nr++) {
			ranges->range[nr].start = regions[nr].start;
			ranges->range[nr].last = regions[nr].last;
			ranges->range[nr].type = regions[nr].type;
		}
		ranges->nr = nr;
		return 0;
	}

	ret = info_get(space, &info);
	return ret ?: info_reserved(&info, ranges);
}

void state_add(struct state *state, const void *bytes, size_t len)
{
	if (len > sizeof(state->bytes) - state->len) {
		fprintf(stderr, "state: %zu bytes more do not fit\n", len);
		exit(1);
	}
	memcpy(state->bytes + state->len, bytes, len);
	state->len += len;
}

/* What a mapping of one page says, which is taken away at once */
static int probe(const struct space *space, u64 iova)
{
	int ret = dma_map(space, iova, page, memory);
	u64 unmapped;

	if (!ret)
		ret = dma_unmap(space, iova, page, &unmapped);
	return ret;
}

void state_get(const struct space *space, u64 iova, struct state *state)
{
	struct ranges ranges;
	struct info info;
	int ret;

	state->len = 0;
	if (space->mode == NATIVE) {
		struct iommu_ioas_msi_window cmd = { .op = IOMMU_MSI_WINDOW_OP_GET };

		ret = msi_window_ioctl(space, &cmd);
		state_add(state, &ret, sizeof(ret));
		state_add(state, &cmd, sizeof(cmd));
		memset(&ranges, 0, sizeof(ranges));
		ret = usable_get(space, &ranges);
		state_add(state, &ret, sizeof(ret));
		state_add(state, ranges.range, ranges.nr * sizeof(ranges.range[0]));
		memset(&ranges, 0, sizeof(ranges));
		ret = reserved_get(space, &ranges);
		state_add(state, &ret, sizeof(ret));
		state_add(state, ranges.range, ranges.nr * sizeof(ranges.range[0]));
	} else {
		ret = info_get(space, &info);
		state_add(state, &ret, sizeof(ret));
		state_add(state, &info, sizeof(info));
	}
	if (!iova)
		return;
	for (int i = 0; i < 3; i++) {
		ret = probe(space, iova + i * page);
		state_add(state, &ret, sizeof(ret));
	}
}

int all_get(const struct space *space, struct state *state, struct window *window,
	    struct ranges *usable, struct ranges *reserved)
{
	struct info info;
	int ret;

	if (space->mode == NATIVE) {
		state_get(space, 0, state);
		return window_get(space, window) ?: usable_get(space, usable) ?:
		       reserved_get(space, reserved);
	}
	ret = info_get(space, &info);
	if (ret)
		return ret;
	state->len = 0;
	state_add(state, &info, sizeof(info));
	return info_window(&info, window) ?: info_usable(&info, usable) ?:
	       info_reserved(&info, reserved);
}

int set_irqs(int device, u32 index, u32 count)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + count * sizeof(int));
	int *fds, ret;

	if (!set)
		return -ENOMEM;
	/* One for all does as well, but the kernel has a message for each vector then */
	fds = (int *)set->data;
	for (u32 i = 0; i < count; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	set->argsz = sizeof(*set) + count * sizeof(int);
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	set->index = index;
	set->count = count;
	ret = xioctl(device, VFIO_DEVICE_SET_IRQS, set);
	for (u32 i = 0; i < count; i++)
		close(fds[i]);
	free(set);
	return ret;
}

int msi_iova_set(int device, u32 index, u32 start, u32 count, u64 iova)
{
	struct {
		struct vfio_device_feature feature;
		u32 index, start, count, flags;
		u64 iovas[MAX_VECTORS];
	} set = {
		.feature.argsz = sizeof(set),
		.feature.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MSI_IOVA,
		.index = index,
		.start = start,
		.count = count,
	};

	for (int i = 0; i < MAX_VECTORS; i++)
		set.iovas[i] = iova;
	return xioctl(device, VFIO_DEVICE_FEATURE, &set);
}

u64 arena_find(const struct space *space)
{
	const u64 size = 32 * SZ_1M;
	struct ranges usable;
	u64 start = 0;

	if (usable_get(space, &usable))
		return 0;
	for (u32 i = 0; i < usable.nr; i++) {
		u64 end = usable.range[i].last < SZ_4G ? usable.range[i].last + 1 : SZ_4G;

		end &= ~(size - 1);
		if (end >= size && end - size >= usable.range[i].start && end > size)
			start = end - size;
	}
	return start;
}

int config_find(const char *device, u8 capability, u8 config[256])
{
	char path[128];
	int fd, pos;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", device);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, config, 256) != 256) {
		perror(path);
		exit(1);
	}
	close(fd);
	for (pos = config[0x34]; pos && config[pos] != capability; pos = config[pos + 1])
		;
	return pos;
}

u64 msi_address(const char *device)
{
	u64 address = 0;
	u8 config[256];
	int pos = config_find(device, 5, config);

	if (!pos || !(config[pos + 2] & 1))
		return 0;
	memcpy(&address, &config[pos + 4], config[pos + 2] & 0x80 ? 8 : 4);
	return address;
}
