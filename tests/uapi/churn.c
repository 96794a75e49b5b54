// SPDX-License-Identifier: GPL-2.0
/*
 * What the MSI windows of an iommufd take is charged to the control group of who asks
 * for it, and all of it is given back: after churn_cycles (kernel parameter, default
 * 10000) windows of IOASes that come and go, and churn_devices (a hundredth of that) of
 * devices with MSIs, the group has no more memory than before. The first device has some hundred
 * vectors, each with a doorbell of its own. With churn_group=no (kernel parameter) the
 * memory is for kmemleak to look at.
 *
 * Seen to fail when the kernel
 *  - does not charge doorbells,
 *  - does not free a window that had some.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

#define GROUPS		"/sys/fs/cgroup"
#define GROUP		GROUPS "/churn"
#define NR_IOASES	64	/* at a time */
#define NR_DOORBELLS	256
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

static bool counts;

static bool echo(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return good;
}

/* Into a group of its own, where the kernel has groups that count memory */
static bool enter_group(void)
{
	mount("none", GROUPS, "cgroup2", 0, NULL);
	return echo(GROUPS "/cgroup.subtree_control", "+memory") &&
	       (!mkdir(GROUP, 0755) || errno == EEXIST) && echo(GROUP "/cgroup.procs", "0");
}

/* One process for each processor, until they are killed */
static void keep_busy(pid_t *pids, long nr)
{
	for (int i = 0; i < nr; i++) {
		cpu_set_t cpus;

		pids[i] = fork();
		if (pids[i])
			continue;
		CPU_ZERO(&cpus);
		CPU_SET(i, &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
		for (;;)
			;
	}
}

/*
 * Bytes that the group has in objects of the kernel that are no cache. What is freed
 * late is gone by then, and the counts of the processors are summed up: a timer does
 * that every two seconds, but not on a processor that is idle.
 */
static long long group_memory(void)
{
	long nr = sysconf(_SC_NPROCESSORS_ONLN);
	long long bytes = -1;
	pid_t pids[nr];
	char line[128];
	FILE *file;

	if (!counts)
		return 0;
	keep_busy(pids, nr);
	sleep(5);
	file = fopen(GROUP "/memory.stat", "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "slab_unreclaimable %lld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	for (int i = 0; i < nr; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	row_is(bytes >= 0, "the group does not tell its memory");
	return bytes;
}

static void no_growth(long long before, const char *what)
{
	long long now = group_memory();

	/* Some of what is charged to each processor is not counted yet */
	row_is(now - before < 8 * 1024, "%s: %lld bytes, then %lld", what, before, now);
	if (counts)
		printf("# %s: %lld bytes before, %lld after\n", what, before, now);
}

/* One IOAS with a window that it is destroyed with */
static int ioas_cycle(struct space *space, unsigned int number)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	space->ioas_id = 0;
	if (xioctl(space->fd, IOMMU_IOAS_ALLOC, &alloc))
		return -ENOMEM;
	space->ioas_id = alloc.out_ioas_id;
	return number % 4 ? window_place(space, 256 * SZ_1M + number % 512 * SZ_1M, SZ_1M) :
			    window_auto(space);
}

static unsigned int windows(unsigned int cycles)
{
	u32 ids[NR_IOASES];
	struct space space;
	unsigned int done;
	int ret;

	for (done = 0; done < cycles;) {
		ret = space_open(&space, NATIVE);
		for (int i = 0; !ret && i < NR_IOASES; i++) {
			ret = ioas_cycle(&space, done++);
			ids[i] = space.ioas_id;
		}
		/* The others go with the file */
		for (int i = 0; !ret && i < NR_IOASES / 2; i++) {
			struct iommu_destroy destroy = { .size = sizeof(destroy), .id = ids[i] };

			ret = xioctl(space.fd, IOMMU_DESTROY, &destroy);
		}
		space_close(&space);
		row_is(!ret, "window %u: %d", done, ret);
		if (ret)
			break;
	}
	return done;
}

/* A device with a window and MSIs in it: until it is closed nothing of it goes */
static int device_open(struct space *space, u32 vectors)
{
	struct window window;
	u64 arena;
	int ret;

	ret = space_open(space, NATIVE) ?: space_attach(space, bdf) ?:
	      window_get(space, &window);
	if (ret)
		return ret;
	arena = arena_find(space);
	return window_place(space, arena, window.size) ?: set_irqs(space->device, MSIX, vectors);
}

static unsigned int devices(unsigned int cycles)
{
	struct space space;
	unsigned int done;
	int ret = 0;

	for (done = 0; done < cycles && !ret; done++) {
		ret = device_open(&space, 16);
		row_is(!ret, "device %u: %d", done, ret);
		space_close(&space);
	}
	return done;
}

static void churn(const char *what, unsigned int (*some)(unsigned int), unsigned int cycles)
{
	long long before;

	table_begin("%u %s come and go", cycles, what);
	/* What stays is there from the first time on */
	some(cycles / 100 + 1);
	before = group_memory();
	row_is(some(cycles) >= cycles, "it has come to an end");
	no_growth(before, what);
	table_end();
}

static void accounted(void)
{
	long long before, after;
	struct space space;
	int ret;

	table_begin("doorbells are accounted");
	ret = device_open(&space, 1);
	row_is(!ret, "a device: %d", ret);
	before = group_memory();
	/* The interrupts go, and what they took, the doorbells stay */
	ret = set_irqs(space.device, MSIX, 0) ?: set_irqs(space.device, MSIX, NR_DOORBELLS);
	row_is(!ret, "%u vectors: %d", NR_DOORBELLS, ret);
	ret = set_irqs(space.device, MSIX, 0) ?: set_irqs(space.device, MSIX, 1);
	row_is(!ret, "one vector: %d", ret);
	after = group_memory();
	row_is(after - before > NR_DOORBELLS * 32, "%lld bytes, with %u doorbells %lld", before,
	       NR_DOORBELLS, after);
	printf("# %u doorbells: %lld bytes\n", NR_DOORBELLS, after - before);
	space_close(&space);
	no_growth(before, "without the device");
	table_end();
}

void test(enum mode mode)
{
	const char *setting = getenv("churn_cycles"), *group = getenv("churn_group");
	unsigned int cycles = setting ? atoi(setting) : 10000;
	unsigned int nr_devices = cycles / 100;

	if (mode != NATIVE)
		return;
	setting = getenv("churn_devices");
	if (setting)
		nr_devices = atoi(setting);
	no_resets(bdf);
	counts = !group || strcmp(group, "no");
	if (counts && !enter_group()) {
		table_begin("memory");
		table_skip("no control groups that count memory");
		return;
	}
	churn("windows", windows, cycles);
	churn("devices", devices, nr_devices);
	if (counts)
		accounted();
}
