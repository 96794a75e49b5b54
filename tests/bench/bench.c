// SPDX-License-Identifier: GPL-2.0
/*
 * bench BDF...: run in L1, prints a line a figure:
 *	bench,ROW,BACKEND,OPERATION,WINDOW,N,INSTRUCTIONS
 *
 * What the devices are is told by the variable "bench", from the kernel's command
 * line:
 *	its	an ITS, one doorbell for all; two NICs with 5 vectors, one with 66,
 *		and three that have 1, 16 and 256 reserved regions
 *	v2m	GICv2m, each vector has a doorbell of its own; two NICs with 5
 *		vectors, one with 258
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define MAP_AT		0x40000000ull

static char **bdfs;
static void *buffer;	/* 2 MiB */

static int nr_windows(void)
{
	return patched ? NR_WINDOWS : 1;
}

/* ---- 1: MAP and UNMAP */

struct mapping {
	struct space *space;
	u64 size;
};

static void op_map(void *arg, int i)
{
	struct mapping *m = arg;

	map(m->space, MAP_AT + i * m->size, buffer, m->size);
}

static void op_unmap(void *arg, int i)
{
	struct mapping *m = arg;

	unmap(m->space, MAP_AT + i * m->size, m->size);
}

static void row_map(struct space *space, enum window window)
{
	static const struct {
		const char *map, *unmap;
		u64 size;
		int count;
	} sizes[] = {
		{ "map 4K", "unmap 4K", SZ_4K, 256 },
		{ "map 2M", "unmap 2M", SZ_2M, 16 },
	};
	double cost, undo;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct mapping m = { space, sizes[i].size };

		measure_pair(op_map, op_unmap, &m, sizes[i].count, &cost, &undo);
		report(1, kind_names[space->kind], sizes[i].map, window_names[window], 1, cost);
		report(1, kind_names[space->kind], sizes[i].unmap, window_names[window], 1, undo);
	}
}

static void rows_map(void)
{
	struct device dev;
	struct space space;
	int kind, window;

	for (kind = 0; kind < NR_KINDS; kind++) {
		open_space(&space, kind);
		join(&space, &dev, bdfs[0]);
		for (window = 0; window < nr_windows(); window++) {
			set_window(&space, window);
			row_map(&space, window);
		}
		leave(&space, &dev);
		close_space(&space);
	}
}

/* ---- 2: SET_IRQS */

struct vectors {
	struct device *dev;
	int nr;
	bool done;
};

static void op_enable(void *arg, int i)
{
	struct vectors *v = arg;

	v->done = enable_msix(v->dev, v->nr);
}

static void op_disable(void *arg, int i)
{
	struct vectors *v = arg;

	disable_msix(v->dev);
}

/*
 * The first time that an address space has an MSI, and later.  Whether it could.
 *
 * Another device has more interrupts in each round, so that the allocators of what
 * an interrupt takes have other holes to fill.
 */
static bool row_irqs(enum kind kind, enum window window, const char *bdf, int nr,
		     double *least)
{
	struct space space, other;
	struct device dev, shift;
	struct vectors v = { &dev, nr, false };
	double cost, undo;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		open_space(&other, TYPE1);
		join(&other, &shift, bdfs[1]);
		if (round && !enable_msix(&shift, round))
			die("MSI-X with %d vectors: failed", round);

		open_space(&space, kind);
		join(&space, &dev, bdf);
		set_window(&space, window);
		cost = measure(op_enable, &v, 0);
		if (v.done) {
			keep_least(&least[0], cost);
			op_disable(&v, 0);
			measure_toggle(op_enable, op_disable, &v, 5, &cost, &undo);
			keep_least(&least[1], cost);
			keep_least(&least[2], undo);
		}
		leave(&space, &dev);
		close_space(&space);
		leave(&other, &shift);
		close_space(&other);
		if (!v.done)
			return false;
	}
	return true;
}

/* MSI-X of DEV (an index in bdfs) with NR vectors, by all kinds and windows */
static void rows_irqs(int dev, int nr, const char *doorbells)
{
	static const char *const ops[] = { "first enable", "enable", "disable" };
	double least[ARRAY_SIZE(ops)];
	int kind, window;
	unsigned int i;
	char op[64];

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (window = DEFAULT; window < nr_windows(); window++) {
			for (i = 0; i < ARRAY_SIZE(ops); i++)
				least[i] = 1e18;
			if (!row_irqs(kind, window, bdfs[dev], nr, least))
				continue;
			for (i = 0; i < ARRAY_SIZE(ops); i++) {
				snprintf(op, sizeof(op), "%s%s", ops[i], doorbells);
				report(2, kind_names[kind], op, window_names[window], nr,
				       least[i]);
			}
		}
	}
}

/* ---- 3: look-up and install of one doorbell among n */

/*
 * The frame that the irqchip asks first has one SPI.  Device 1, elsewhere, holds it
 * while device 2 gets n - 1 others; then device 0 gets it.  So the irqchip's search
 * takes as long for every n.
 *
 * For the look-up the doorbell is to be at the far end if there is a list: early, the
 * first of all, with type1, the last with iommufd.
 *
 * The IRQ layer, too, does more work when there are more interrupts.  That is known
 * from device 0 in a space of its own, with all else the same.
 */
static bool one_of(enum kind kind, int n, bool alone, bool early, double *install,
		   double *lookup)
{
	struct space space, own, other;
	struct device dev, many, blocker;
	struct vectors v = { &dev, 1, false };
	double cost, undo;

	open_space(&space, kind);
	open_space(&own, kind);
	open_space(&other, kind);
	join(&space, &many, bdfs[2]);
	join(alone ? &own : &space, &dev, bdfs[0]);
	join(&other, &blocker, bdfs[1]);

	if (early) {
		op_enable(&v, 0);
		op_disable(&v, 0);
	}
	if (!enable_msix(&blocker, 1))
		die("MSI-X of the device that is to block a doorbell: failed");
	v.done = n == 1 || enable_msix(&many, n - 1);
	disable_msix(&blocker);

	if (v.done) {
		cost = measure(op_enable, &v, 0);
		if (!early)
			keep_least(install, cost);
	}
	if (v.done) {
		disable_msix(&dev);
		measure_toggle(op_enable, op_disable, &v, 15, &cost, &undo);
		if (early == (kind == TYPE1))
			keep_least(lookup, cost);
		if (n > 1)
			disable_msix(&many);
	}

	leave(&other, &blocker);
	leave(alone ? &own : &space, &dev);
	leave(&space, &many);
	close_space(&other);
	close_space(&own);
	close_space(&space);
	return v.done;
}

static void rows_doorbells(enum kind kind)
{
	static const int ns[] = { 1, 16, 64, 256 };
	double install[2], lookup[2];
	int round, alone;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ns); i++) {
		for (alone = 0; alone < 2; alone++) {
			install[alone] = lookup[alone] = 1e18;
			for (round = 0; round < ROUNDS; round++) {
				if (!one_of(kind, ns[i], alone, false,
					    &install[alone], &lookup[alone]))
					return;
				if (kind == TYPE1)
					one_of(kind, ns[i], alone, true,
					       &install[alone], &lookup[alone]);
			}
		}
		report(3, kind_names[kind], "install", "default", ns[i],
		       install[0] - install[1]);
		report(3, kind_names[kind], "look-up", "default", ns[i],
		       lookup[0] - lookup[1]);
	}
}

/* ---- 4: queries of an address space whose device has n regions */

struct query {
	struct space *space;
	struct device *dev;
};

static void op_get_info(void *arg, int i)
{
	get_info(((struct query *)arg)->space);
}

static void op_get_msi_window(void *arg, int i)
{
	get_msi_window(((struct query *)arg)->space);
}

static void op_get_iova_ranges(void *arg, int i)
{
	get_iova_ranges(((struct query *)arg)->space);
}

static void op_get_resv_regions(void *arg, int i)
{
	struct query *q = arg;

	get_resv_regions(q->space, q->dev);
}

static double least_of(op_fn op, void *arg)
{
	double least = 1e18;
	int i;

	for (i = 0; i < ROUNDS; i++)
		keep_least(&least, measure(op, arg, i));
	return least;
}

static void rows_queries(void)
{
	static const int ns[] = { 1, 16, 256 };
	struct device dev;
	struct space space;
	struct query q = { &space, &dev };
	unsigned int i;
	int kind;

	for (kind = 0; kind < NR_KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(ns); i++) {
			open_space(&space, kind);
			join(&space, &dev, bdfs[3 + i]);
			if (kind != IOMMUFD) {
				report(4, kind_names[kind], "GET_INFO", "default", ns[i],
				       least_of(op_get_info, &q));
			} else {
				report(4, kind_names[kind], "IOVA_RANGES", "default", ns[i],
				       least_of(op_get_iova_ranges, &q));
				if (patched) {
					report(4, kind_names[kind], "RESV_REGIONS", "default",
					       ns[i], least_of(op_get_resv_regions, &q));
					report(4, kind_names[kind], "MSI_WINDOW", "default",
					       ns[i], least_of(op_get_msi_window, &q));
				}
			}
			leave(&space, &dev);
			close_space(&space);
		}
	}
}

/* ---- 5: the kernel places the window among n mappings */

#define FIRST_IOVA	SZ_4K
#define ELSEWHERE	0x100000000ull
#define NR_HITS		1000

static void op_auto(void *arg, int i)
{
	set_window(arg, AUTO);
}

static void op_place(void *arg, int i)
{
	set_window(arg, PLACED);
}

/* 1,000 mappings, each in the way of the window, or of nothing */
/* The mean, in which a scan at some of the hits would be seen */
static double map_many(struct space *space, bool hit)
{
	static u64 iova[NR_HITS];
	u64 start, sum = 0;
	int i;

	for (i = 0; i < NR_HITS; i++) {
		iova[i] = hit ? window_start(space) : ELSEWHERE + i * SZ_4K;
		start = now();
		map(space, iova[i], buffer, SZ_4K);
		sum += now() - start;
	}
	for (i = 0; i < NR_HITS; i++)
		unmap(space, iova[i], SZ_4K);
	return (double)sum / NR_HITS;
}

static void rows_auto(enum kind kind)
{
	static const int ns[] = { 0, 1000, 16384, 65535 };
	const char *name = kind_names[kind];
	double cost, undo;
	struct device dev;
	struct space space;
	unsigned int i;
	int n = 0;

	open_space(&space, kind);
	if (!patched)
		goto out;
	join(&space, &dev, bdfs[0]);
	set_window(&space, PLACED);
	for (i = 0; i < ARRAY_SIZE(ns); i++) {
		/* They touch each other, so that the scan has to pass all of them. */
		for (; n < ns[i]; n++)
			map(&space, FIRST_IOVA + n * SZ_4K, buffer, SZ_4K);
		measure_toggle(op_auto, op_place, &space, 5, &cost, &undo);
		report(5, name, "scan", "auto", n, cost);

		/* type1 does not have more than 65,535 in all */
		if (n > 16384)
			break;
		set_window(&space, AUTO);
		report(5, name, "map that misses", "auto", n, map_many(&space, false));
		report(5, name, "map that hits", "auto", n, map_many(&space, true));
		set_window(&space, PLACED);
	}
	leave(&space, &dev);
out:
	close_space(&space);
}

/* ---- 6: attach */

struct hotadd {
	struct space *space;
	struct device *dev;
};

static void op_attach(void *arg, int i)
{
	struct hotadd *h = arg;

	attach_device(h->space, h->dev);
}

static void op_detach(void *arg, int i)
{
	struct hotadd *h = arg;

	detach_device(h->space, h->dev);
}

static double first_attach(enum kind kind, enum window window)
{
	struct device dev;
	struct space space;
	struct hotadd h = { &space, &dev };
	double least = 1e18;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		open_space(&space, kind);
		/* type1 has no window before the first group */
		if (kind == IOMMUFD && window != DEFAULT)
			set_window(&space, window);
		bind_device(&space, &dev, bdfs[0]);
		keep_least(&least, measure(op_attach, &h, 0));
		open_device(&space, &dev);
		leave(&space, &dev);
		close_space(&space);
	}
	return least;
}

/* Another group joins */
static void row_hotadd(enum kind kind, enum window window)
{
	const char *name = kind_names[kind], *where = window_names[window];
	struct device dev, second;
	struct space space;
	struct hotadd h = { &space, &second };
	double cost, undo;

	open_space(&space, kind);
	join(&space, &dev, bdfs[0]);
	set_window(&space, window);
	bind_device(&space, &second, bdfs[1]);
	measure_toggle(op_attach, op_detach, &h, 5, &cost, &undo);
	report(6, name, "attach another", where, 1, cost);
	report(6, name, "detach another", where, 1, undo);
	unbind_device(&space, &second);
	leave(&space, &dev);
	close_space(&space);
}

static void rows_attach(enum kind kind)
{
	int window;

	for (window = 0; window < nr_windows(); window++) {
		if (kind == IOMMUFD || window == DEFAULT)
			report(6, kind_names[kind], "attach", window_names[window], 1,
			       first_attach(kind, window));
		row_hotadd(kind, window);
	}
}

/* ---- 8: bytes of slab */

#define NR_SPACES	500

static void open_spaces(struct space *spaces, enum window window)
{
	int i;

	for (i = 0; i < NR_SPACES; i++) {
		open_space(&spaces[i], IOMMUFD);
		if (window != DEFAULT)
			set_window(&spaces[i], window);
	}
}

/*
 * Address spaces of iommufd, each with a window or without: bytes of one.  They stay
 * open, as the next ones would take what they leave in the slabs; what there is of
 * that already goes to the first half.
 */
static double window_bytes(enum window window)
{
	static struct space spaces[NR_WINDOWS][2 * NR_SPACES];
	long before;

	open_spaces(spaces[window], window);
	before = slab_bytes();
	open_spaces(spaces[window] + NR_SPACES, window);
	return (double)(slab_bytes() - before) / NR_SPACES;
}

static void rows_window_bytes(void)
{
	int window;

	for (window = 0; window < nr_windows(); window++)
		report(8, "iommufd", "bytes of an IOAS", window_names[window], 1,
		       window_bytes(window));
}

/*
 * An MSI page stays when the interrupts are gone.  What they leave behind in the
 * slabs is counted too, but it is the same on both kernels.  To be called before
 * anything else.
 */
static void row_page_bytes(enum kind kind, int nr)
{
	struct device dev;
	struct space space;
	long before;

	open_space(&space, kind);
	join(&space, &dev, bdfs[2]);
	before = slab_bytes();
	if (!enable_msix(&dev, nr))
		die("MSI-X with %d vectors: failed", nr);
	disable_msix(&dev);
	report(8, kind_names[kind], "bytes of an MSI page", "default", nr,
	       (double)(slab_bytes() - before) / nr);
	leave(&space, &dev);
	close_space(&space);
}

static void bench_its(void)
{
	rows_map();
	rows_irqs(0, 1, "");
	rows_irqs(0, 3, "");
	rows_irqs(2, 64, "");
	rows_queries();
	rows_auto(TYPE1);
	rows_auto(IOMMUFD);
	rows_attach(TYPE1);
	rows_attach(IOMMUFD);
	rows_window_bytes();
}

static void bench_v2m(void)
{
	row_page_bytes(IOMMUFD, 64);
	rows_irqs(2, 16, " of doorbells");
	rows_irqs(2, 64, " of doorbells");
	rows_doorbells(TYPE1);
	rows_doorbells(IOMMUFD);
}

int main(int argc, char **argv)
{
	const struct rlimit files = { 4096, 4096 };
	const char *what = getenv("bench") ?: "";
	struct space space;

	bdfs = argv + 1;
	buffer = mmap(NULL, 2 * SZ_2M, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED)
		die("no memory");
	buffer = (void *)(((u64)buffer + SZ_2M - 1) & ~(SZ_2M - 1));
	madvise(buffer, SZ_2M, MADV_HUGEPAGE);
	memset(buffer, 1, SZ_2M);
	mlockall(MCL_CURRENT);
	setrlimit(RLIMIT_NOFILE, &files);
	init_clock();

	/* learn whether the kernel has the series */
	open_space(&space, TYPE1);
	close_space(&space);

	if (!strcmp(what, "its") && argc == 7)
		bench_its();
	else if (!strcmp(what, "v2m") && argc == 4)
		bench_v2m();
	else
		die("bench=%s with %d devices", what, argc - 1);
	return 0;
}
