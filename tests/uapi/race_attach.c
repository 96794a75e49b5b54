// SPDX-License-Identifier: GPL-2.0
/*
 * A window never covers what is reserved for a device that is attached, at no moment:
 * one thread attaches and detaches a second device, of which a region is reserved,
 * another one places the window on that region, beside it, or leaves the place to the
 * kernel. As long as the second device is attached, the window must be elsewhere.
 *
 * Seen to fail when the kernel
 *  - attaches without a look at the window that userspace has placed,
 *  - places a window without a look at what is reserved.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "table.h"

#define NR_LOOKS	8	/* at the window, for each time that the device is attached */
#define MAX_SECONDS	100	/* until each thread has been refused, on a slow kernel */

static struct world world;
static struct space second;
static u64 region_start, region_last;
static atomic_bool stop;
static atomic_uint covered, nr_attached, nr_kept_out, nr_placed, nr_refused, nr_wrong;
static atomic_int wrong_error;

static void wrong(int ret)
{
	wrong_error = ret;
	nr_wrong++;
}

/* The first region of the device that is no window of MSIs */
static bool find_region(const char *device)
{
	unsigned long long start, last;
	char path[128], type[32];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/reserved_regions",
		 device);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (!found && fscanf(file, "%llx %llx %31s", &start, &last, type) == 3)
		found = strcmp(type, "msi");
	fclose(file);
	region_start = start;
	region_last = last;
	return found;
}

/* A type1 container has EINVAL for all groups that do not fit */
static int attach_refused(void)
{
	return second.mode == TYPE1 || second.mode == TYPE1V2 ? -EINVAL : -EADDRINUSE;
}

static void *attach_thread(void *data)
{
	struct window window;
	int ret;

	(void)data;
	while (!stop) {
		ret = second_attach(&second, second_bdf);
		if (ret) {
			if (ret != attach_refused())
				wrong(ret);
			nr_kept_out++;
			continue;
		}
		nr_attached++;
		for (int i = 0; i < NR_LOOKS; i++) {
			if (window_get(&world.space, &window))
				covered++;
			else if (window.length && window.start <= region_last &&
				 window.start + window.length > region_start)
				covered++;
		}
		ret = second_detach(&second);
		if (ret)
			wrong(ret);
	}
	return NULL;
}

static void *place_thread(void *data)
{
	u64 size = world.window.size;
	unsigned int random = 1;
	int ret;

	(void)data;
	while (!stop) {
		random = random * 1103515245 + 12345;
		switch (random >> 16 & 7) {
		case 0:
			ret = window_auto(&world.space);
			break;
		case 1:
			ret = window_place(&world.space, region_start - size, size);
			break;
		case 2:
			ret = window_place(&world.space, region_last + 1, size);
			break;
		case 3: /* Its first page is the region's last one */
			ret = window_place(&world.space, region_last + 1 - page, size);
			break;
		case 4: /* Its last page is the region's first one */
			ret = window_place(&world.space, region_start + page - size, size);
			break;
		default:
			ret = window_place(&world.space, region_start, size);
			break;
		}
		if (!ret)
			nr_placed++;
		else
			nr_refused++;
		if (ret && ret != -EADDRINUSE)
			wrong(ret);
	}
	return NULL;
}

/* Each of the threads was let by and was refused */
static bool raced(void)
{
	return nr_attached && nr_kept_out && nr_placed && nr_refused;
}

static void race(void)
{
	const char *seconds = getenv("race_seconds");
	int wanted = seconds ? atoi(seconds) : 3;
	struct timespec ts = { .tv_sec = 1 };
	pthread_t threads[2];
	u64 unmapped;
	int ret;

	/* It could be in the region */
	dma_unmap(&world.space, world.mapped, 2 * page, &unmapped);
	ret = second_open(&second, &world.space, second_bdf);
	row_is(!ret, "cannot open %s: %d", second_bdf, ret);
	if (ret)
		goto out_detach;
	stop = false;
	pthread_create(&threads[0], NULL, attach_thread, NULL);
	pthread_create(&threads[1], NULL, place_thread, NULL);
	for (int i = 0; i < wanted || (!raced() && i < MAX_SECONDS); i++)
		nanosleep(&ts, NULL);
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
out_detach:
	space_detach(&second);
}

void test(enum mode mode)
{
	table_begin("%s: a window on what another device reserves", mode_names[mode]);
	covered = 0;
	nr_attached = 0;
	nr_kept_out = 0;
	nr_placed = 0;
	nr_refused = 0;
	nr_wrong = 0;
	if (!second_bdf || !find_region(second_bdf)) {
		table_skip("no second device with a reserved region");
		return;
	}
	if (!world_open(&world, mode))
		goto out_end;
	if (!world.window.needed) {
		world_close(&world);
		table_skip("no window is needed");
		return;
	}
	race();
	world_close(&world);
	row_is(!covered, "%u times the window covered what is reserved", covered);
	row_is(raced(),
	       "%u times attached, %u kept out, %u windows, %u refused: there was no race",
	       nr_attached, nr_kept_out, nr_placed, nr_refused);
	row_is(!nr_wrong, "%u calls failed for another reason: %d", nr_wrong, wrong_error);
	printf("# %s: %u times attached, %u kept out, %u windows, %u refused\n",
	       mode_names[mode], nr_attached, nr_kept_out, nr_placed, nr_refused);
out_end:
	table_end();
}
