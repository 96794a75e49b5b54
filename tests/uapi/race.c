// SPDX-License-Identifier: GPL-2.0
/*
 * A window and a mapping never have the same IOVA, at no moment: one thread maps
 * and unmaps, another one places the window on the same few pages. Each publishes
 * what it holds after the call that gave it and takes that back before the call
 * that gives it up, so if both are seen to hold a page then both have had it. Where
 * the kernel chooses the place, the window is not where there is a mapping when it is
 * asked for. At some time a third thread sets up an MSI: its address, as the device has it, must
 * lie in the window that is there from then on.
 *
 * Seen to fail when the kernel
 *  - lets go of the lock between the look at the mappings and the new window,
 *  - lets the window move when there is an MSI.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "table.h"

#define NR_SHARED	8	/* pages that both want */
#define ROUND_MS	150	/* until the MSI, in which nothing can move any more */

static struct world world;
static u64 base;
static atomic_bool stop;
static atomic_uint mapped[NR_SHARED];
/* First page and number of pages of the window, 0 as long as it is unknown */
static atomic_uint window;
static atomic_uint both;	/* how often a page was had by both */
static atomic_uint nr_maps, nr_places;

static bool covers(unsigned int held, unsigned int i)
{
	return i >= held >> 16 && i < (held >> 16) + (held & 0xffff);
}

static unsigned int pick(unsigned int *random)
{
	*random = *random * 1103515245 + 12345;
	return *random >> 16;
}

/* Asked while the page is mapped */
static bool window_is_at(u64 iova)
{
	struct window there;

	return !window_get(&world.space, &there) && iova >= there.start &&
	       iova - there.start < there.length;
}

static void *map_thread(void *data)
{
	unsigned int random = (uintptr_t)data;
	u64 unmapped;

	while (!stop) {
		unsigned int i = pick(&random) % NR_SHARED;

		if (dma_map(&world.space, base + i * page, page, memory))
			continue;
		mapped[i] = 1;
		nr_maps++;
		if (covers(window, i))
			both++;
		if (!(random & 0xe00000) && window_is_at(base + i * page))
			both++;
		if (random & 0x100000)
			sched_yield();
		mapped[i] = 0;
		dma_unmap(&world.space, base + i * page, page, &unmapped);
	}
	return NULL;
}

static void *place_thread(void *data)
{
	unsigned int random = (uintptr_t)data, held = 0;

	while (!stop) {
		unsigned int first = pick(&random) % NR_SHARED;
		unsigned int nr = world.window.size / page + pick(&random) % 2;

		window = 0;
		if (!(pick(&random) & 7)) {
			/* Elsewhere, or rather where the mappings will push it off */
			if (!window_auto(&world.space)) {
				held = 0;
				nr_places++;
			}
		} else if (!window_place(&world.space, base + first * page, nr * page)) {
			held = first << 16 | nr;
			nr_places++;
		}
		window = held;
		for (unsigned int i = 0; i < NR_SHARED; i++)
			if (covers(held, i) && mapped[i])
				both++;
	}
	return NULL;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };

	nanosleep(&ts, NULL);
}

static void one_round(enum mode mode, unsigned int number)
{
	struct window live;
	pthread_t threads[3];
	u64 address;
	int ret;

	if (!world_open(&world, mode))
		return;
	base = world.arena;
	stop = false;
	window = 0;
	pthread_create(&threads[0], NULL, map_thread, (void *)(uintptr_t)(3 * number));
	pthread_create(&threads[1], NULL, map_thread, (void *)(uintptr_t)(3 * number + 1));
	pthread_create(&threads[2], NULL, place_thread, (void *)(uintptr_t)(3 * number + 2));
	sleep_ms(ROUND_MS);
	ret = set_irqs(world.space.device, VFIO_PCI_MSI_IRQ_INDEX, 1);
	row_is(!ret, "round %u: an MSI: %d", number, ret);
	row_is(!window_get(&world.space, &live), "round %u: no window", number);
	address = msi_address(bdf);
	row_is(address >= live.start && address - live.start < live.length,
	       "round %u: the MSI is at %#llx, the window is %#llx+%#llx", number,
	       (unsigned long long)address, (unsigned long long)live.start,
	       (unsigned long long)live.length);
	sleep_ms(ROUND_MS / 8);
	row_is(!window_get(&world.space, &world.window) &&
	       world.window.start == live.start && world.window.length == live.length,
	       "round %u: the live window has moved", number);
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	world_close(&world);
}

void test(enum mode mode)
{
	const char *seconds = getenv("race_seconds");
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 5);
	unsigned int number = 0;

	table_begin("%s: a window, mappings and an MSI at once", mode_names[mode]);
	both = 0;
	nr_maps = 0;
	nr_places = 0;
	if (!world_open(&world, mode))
		goto out_end;
	world_close(&world);
	if (!world.window.needed) {
		table_skip("no window is needed");
		return;
	}
	while (time(NULL) < end)
		one_round(mode, ++number);
	row_is(!both, "%u times a page was mapped and in the window", both);
	row_is(nr_maps > number && nr_places > number, "%u mappings, %u windows", nr_maps,
	       nr_places);
	printf("# %s: %u rounds, %u mappings, %u windows\n", mode_names[mode], number, nr_maps,
	       nr_places);
out_end:
	table_end();
}
