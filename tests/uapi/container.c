// SPDX-License-Identifier: GPL-2.0
/*
 * The last group leaves a container while other threads ask it and map in it: they
 * get what they ask for or an error, and the kernel does not use what it has freed.
 *
 * Seen to fail on the unpatched kernel (an oops in vfio_iommu_type1_ioctl()).
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

static struct space space;
static atomic_bool stop;
static atomic_uint answers, wrong;

static void *ask(void *data)
{
	struct vfio_iommu_type1_info info;
	u64 unmapped;
	int ret;

	(void)data;
	while (!stop) {
		info = (struct vfio_iommu_type1_info){ .argsz = sizeof(info) };
		ret = xioctl(space.fd, VFIO_IOMMU_GET_INFO, &info);
		/* Between two groups there is no IOMMU */
		if (ret && ret != -EINVAL)
			wrong++;
		answers += !ret;
		if (!dma_map(&space, 16 * SZ_1M, page, memory))
			dma_unmap(&space, 16 * SZ_1M, page, &unmapped);
	}
	return NULL;
}

void test(enum mode mode)
{
	const char *seconds = getenv("container_seconds");
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 10);
	pthread_t threads[3];
	unsigned int rounds = 0;
	int ret;

	if (mode != TYPE1V2)
		return;
	table_begin("%s: ioctls while the last group leaves", mode_names[mode]);
	ret = space_open(&space, mode);
	space.group = ret ? -1 : group_open(bdf);
	row_is(space.group >= 0, "no group: %d", space.group);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, ask, NULL);
	for (; time(NULL) < end; rounds++) {
		ret = xioctl(space.group, VFIO_GROUP_SET_CONTAINER, &space.fd);
		if (!ret)
			ret = xioctl(space.fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
		if (!ret)
			ret = xioctl(space.group, VFIO_GROUP_UNSET_CONTAINER, NULL);
		row_is(!ret, "round %u: %d", rounds, ret);
	}
	stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	row_is(!wrong, "%u wrong answers", wrong);
	row_is(answers && rounds, "%u answers in %u rounds", answers, rounds);
	space_close(&space);
	table_end();
}
