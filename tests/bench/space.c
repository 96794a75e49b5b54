// SPDX-License-Identifier: GPL-2.0
/*
 * Devices in address spaces of three kinds: vfio_iommu_type1, the same calls on
 * iommufd, and iommufd's own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

#include "bench.h"

/* Apart from all that the rows map, and from QEMU's PCI windows */
#define PLACED_AT	0xe0000000ull

const char *const kind_names[] = { "type1", "compat", "iommufd" };
const char *const window_names[] = { "default", "placed", "auto" };

/* Whether the kernel has the series */
bool patched;

static int must(int ret, const char *what)
{
	if (ret < 0)
		die("%s: %s", what, strerror(errno));
	return ret;
}

#define must_ioctl(fd, request, arg)	must(ioctl(fd, request, arg), #request)

static int open_rw(const char *path)
{
	return must(open(path, O_RDWR | O_CLOEXEC), path);
}

void open_space(struct space *space, enum kind kind)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	memset(space, 0, sizeof(*space));
	space->kind = kind;
	space->fd = open_rw(kind == TYPE1 ? "/dev/vfio/vfio" : "/dev/iommu");
	if (kind == IOMMUFD) {
		must_ioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc);
		space->ioas = alloc.out_ioas_id;
	} else {
		patched = ioctl(space->fd, VFIO_CHECK_EXTENSION, VFIO_MSI_WINDOW) == 1;
	}
}

void close_space(struct space *space)
{
	close(space->fd);
}

static int open_group(const char *bdf)
{
	char link[128], path[128], target[256];
	int len;

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = must(readlink(link, target, sizeof(target) - 1), link);
	target[len] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') + 1);
	return open_rw(path);
}

static int open_cdev(const char *bdf)
{
	char path[300];
	struct dirent *entry;
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "vfio", 4))
			continue;
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
		fd = open_rw(path);
	}
	if (fd < 0)
		die("%s has no cdev", bdf);
	closedir(dir);
	return fd;
}

/* All that comes before the attach */
void bind_device(struct space *space, struct device *dev, const char *bdf)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = space->fd,
	};

	memset(dev, 0, sizeof(*dev));
	dev->bdf = bdf;
	if (space->kind != IOMMUFD) {
		dev->group = open_group(bdf);
		if (!space->has_iommu)
			must_ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &space->fd);
		return;
	}
	dev->fd = open_cdev(bdf);
	must_ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	dev->id = bind.out_devid;
}

/* Through iommufd's VFIO calls this comes only with open_device(). */
void attach_device(struct space *space, struct device *dev)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = space->ioas,
	};

	if (space->kind == IOMMUFD) {
		must_ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
	} else if (space->has_iommu) {
		must_ioctl(dev->group, VFIO_GROUP_SET_CONTAINER, &space->fd);
	} else {
		must_ioctl(space->fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
		space->has_iommu = true;
	}
}

void detach_device(struct space *space, struct device *dev)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	if (space->kind == IOMMUFD)
		must_ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
	else
		must_ioctl(dev->group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

void open_device(struct space *space, struct device *dev)
{
	if (space->kind != IOMMUFD)
		dev->fd = must_ioctl(dev->group, VFIO_GROUP_GET_DEVICE_FD, dev->bdf);
}

void unbind_device(struct space *space, struct device *dev)
{
	close(space->kind == IOMMUFD ? dev->fd : dev->group);
}

void join(struct space *space, struct device *dev, const char *bdf)
{
	bind_device(space, dev, bdf);
	attach_device(space, dev);
	open_device(space, dev);
}

void leave(struct space *space, struct device *dev)
{
	if (space->kind != IOMMUFD) {
		close(dev->fd);
		detach_device(space, dev);
	}
	unbind_device(space, dev);
}

void map(struct space *space, u64 iova, void *vaddr, u64 size)
{
	struct vfio_iommu_type1_dma_map vfio = {
		.argsz = sizeof(vfio),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (u64)vaddr,
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_map ioas = {
		.size = sizeof(ioas),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = space->ioas,
		.user_va = (u64)vaddr,
		.length = size,
		.iova = iova,
	};

	if (space->kind == IOMMUFD)
		must_ioctl(space->fd, IOMMU_IOAS_MAP, &ioas);
	else
		must_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &vfio);
}

void unmap(struct space *space, u64 iova, u64 size)
{
	struct vfio_iommu_type1_dma_unmap vfio = {
		.argsz = sizeof(vfio),
		.iova = iova,
		.size = size,
	};
	struct iommu_ioas_unmap ioas = {
		.size = sizeof(ioas),
		.ioas_id = space->ioas,
		.iova = iova,
		.length = size,
	};

	if (space->kind == IOMMUFD)
		must_ioctl(space->fd, IOMMU_IOAS_UNMAP, &ioas);
	else
		must_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &vfio);
}

/* With VFIO, nothing leads back to the default. */
void set_window(struct space *space, enum window window)
{
	static const u32 policies[] = {
		IOMMU_MSI_WINDOW_DEFAULT,
		IOMMU_MSI_WINDOW_FIXED,
		IOMMU_MSI_WINDOW_AUTO,
	};
	struct vfio_iommu_type1_dma_map vfio = {
		.argsz = sizeof(vfio),
		.flags = VFIO_DMA_MAP_FLAG_RESERVED_MSI_IOVA,
	};
	struct iommu_ioas_msi_window ioas = {
		.size = sizeof(ioas),
		.ioas_id = space->ioas,
		.op = IOMMU_MSI_WINDOW_OP_SET,
		.policy = policies[window],
	};

	if (!patched)
		return;
	if (window == PLACED) {
		vfio.iova = ioas.start = PLACED_AT;
		vfio.size = ioas.length = SZ_1M;
	}
	if (space->kind == IOMMUFD)
		must_ioctl(space->fd, IOMMU_IOAS_MSI_WINDOW, &ioas);
	else if (window != DEFAULT)
		must_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &vfio);
}

/* Room for the capabilities of a device with 256 regions */
static union {
	struct vfio_iommu_type1_info info;
	char bytes[0x10000];
} info_buf;

void get_info(struct space *space)
{
	info_buf.info = (struct vfio_iommu_type1_info){ .argsz = sizeof(info_buf) };
	must_ioctl(space->fd, VFIO_IOMMU_GET_INFO, &info_buf.info);
}

static struct iommu_ioas_msi_window ioas_window;

void get_msi_window(struct space *space)
{
	ioas_window = (struct iommu_ioas_msi_window){
		.size = sizeof(ioas_window),
		.ioas_id = space->ioas,
		.op = IOMMU_MSI_WINDOW_OP_GET,
	};
	must_ioctl(space->fd, IOMMU_IOAS_MSI_WINDOW, &ioas_window);
}

u64 window_start(struct space *space)
{
	struct vfio_iommu_type1_info_cap_msi_resv *cap;
	u32 offset;

	if (space->kind == IOMMUFD) {
		get_msi_window(space);
		return ioas_window.start;
	}
	get_info(space);
	for (offset = info_buf.info.cap_offset; offset; offset = cap->header.next) {
		cap = (void *)(info_buf.bytes + offset);
		if (cap->header.id == VFIO_IOMMU_TYPE1_INFO_CAP_MSI_RESV)
			return cap->start;
	}
	die("GET_INFO has no MSI window");
}

void get_iova_ranges(struct space *space)
{
	static struct iommu_iova_range ranges[1024];
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = space->ioas,
		.num_iovas = ARRAY_SIZE(ranges),
		.allowed_iovas = (u64)ranges,
	};

	must_ioctl(space->fd, IOMMU_IOAS_IOVA_RANGES, &cmd);
}

void get_resv_regions(struct space *space, struct device *dev)
{
	static struct iommu_device_resv_region regions[1024];
	struct iommu_device_resv_regions cmd = {
		.size = sizeof(cmd),
		.dev_id = dev->id,
		.num_regions = ARRAY_SIZE(regions),
		.regions = (u64)regions,
	};

	must_ioctl(space->fd, IOMMU_DEVICE_RESV_REGIONS, &cmd);
}

#define MAX_VECTORS	256

/* All vectors in one call.  Whether the kernel could: there may be no doorbell left */
bool enable_msix(struct device *dev, int nr)
{
	static int fds[MAX_VECTORS];
	static struct {
		struct vfio_irq_set set;
		int fds[MAX_VECTORS];
	} irqs;
	int i;

	for (i = 0; i < nr; i++)
		if (!fds[i])
			fds[i] = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	irqs.set = (struct vfio_irq_set){
		.argsz = sizeof(irqs.set) + nr * sizeof(int),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = nr,
	};
	memcpy(irqs.set.data, fds, nr * sizeof(int));
	return !ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &irqs.set);
}

void disable_msix(struct device *dev)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	must_ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &set);
}
