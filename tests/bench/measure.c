// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction counts.  The machine runs with -icount shift=0, so that its counter,
 * at 1 GHz, counts instructions.  All that can disturb a measurement is the timer
 * tick and what the kernel does in the background: so it begins right behind a tick,
 * as a real-time task.
 */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* A reading of the counter that took as long as this had an interrupt in it */
#define GAP	400

static u64 tick_at, tick_length;
static double scale;

void die(const char *fmt, ...)
{
	va_list ap;

	printf("error: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

u64 now(void)
{
	u64 val;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r"(val) :: "memory");
	return val;
}

static void set_policy(int policy, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	if (sched_setscheduler(0, policy, &param))
		die("no scheduling policy %d", policy);
}

static u64 next_tick(void)
{
	u64 prev, at = now();

	do {
		prev = at;
		at = now();
	} while (at - prev < GAP);
	return at;
}

/*
 * Returns right behind a tick, when nothing is left to do from what was before.  It
 * sleeps until shortly before, as time passes quickly when nothing runs.
 */
void quiet(void)
{
	u64 to_go = 0;

	set_policy(SCHED_FIFO, 50);
	if (tick_length)
		to_go = tick_length - (now() - tick_at) % tick_length;
	usleep(40000 + to_go * scale / 1000 - 100);
	tick_at = next_tick();
}

void unquiet(void)
{
	set_policy(SCHED_OTHER, 0);
}

void init_clock(void)
{
	u64 frequency, start;

	asm("mrs %0, cntfrq_el0" : "=r"(frequency));
	scale = 1e9 / frequency;
	quiet();
	start = next_tick();
	/* 1 to 10 ms in whole tenths of one */
	tick_length = (next_tick() - start) * scale / 100000 + 0.5;
	tick_length = tick_length * 100000 / scale;
	unquiet();
	printf("clock=%lu tick=%lu\n", frequency, tick_length);
}

static int compare(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

double median(u64 *samples, int n)
{
	qsort(samples, n, sizeof(*samples), compare);
	return (samples[(n - 1) / 2] + samples[n / 2]) * scale / 2;
}

void keep_least(double *least, double value)
{
	if (value < *least)
		*least = value;
}

static u64 run(op_fn op, void *arg, int i)
{
	u64 start = now();

	op(arg, i);
	return now() - start;
}

#define MAX_SAMPLES	(256 * ROUNDS)

static u64 samples[2][MAX_SAMPLES];

/*
 * The cost of op and of undo, which takes it back, for i from 0 to n - 1: the median
 * over some rounds.  So what a tick or a slab that is used up adds to a few does not
 * count.
 */
void measure_pair(op_fn op, op_fn undo, void *arg, int n, double *op_cost,
		  double *undo_cost)
{
	int round, i, at;

	for (round = -1; round < ROUNDS; round++) {
		/* the first one is for memory that is taken once and kept */
		at = round < 0 ? 0 : round * n;
		quiet();
		for (i = 0; i < n; i++)
			samples[0][at + i] = run(op, arg, i);
		unquiet();
		quiet();
		for (i = 0; i < n; i++)
			samples[1][at + i] = run(undo, arg, i);
		unquiet();
	}
	*op_cost = median(samples[0], ROUNDS * n);
	*undo_cost = median(samples[1], ROUNDS * n);
}

/*
 * The same where each is to be taken back before the next.  There are only a few, so
 * the least of them counts: whatever comes by chance adds to it.
 */
void measure_toggle(op_fn op, op_fn undo, void *arg, int n, double *op_cost,
		    double *undo_cost)
{
	double cost;
	int i;

	*op_cost = *undo_cost = 1e18;
	for (i = 0; i < n; i++) {
		quiet();
		cost = run(op, arg, i) * scale;
		unquiet();
		keep_least(op_cost, cost);
		quiet();
		cost = run(undo, arg, i) * scale;
		unquiet();
		keep_least(undo_cost, cost);
	}
}

/* Of an op that has nothing to be taken back */
double measure(op_fn op, void *arg, int i)
{
	double cost;

	quiet();
	cost = run(op, arg, i) * scale;
	unquiet();
	return cost;
}

void report(int row, const char *backend, const char *op, const char *window,
	    int n, double value)
{
	printf("bench,%d,%s,%s,%s,%d,%.1f\n", row, backend, op, window, n, value);
	fflush(stdout);
}

long slab_bytes(void)
{
	char line[128];
	long kib = -1;
	FILE *file;

	usleep(500000); /* what is freed by RCU */
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file))
		sscanf(line, "Slab: %ld kB", &kib);
	if (kib < 0)
		die("/proc/meminfo has no Slab");
	fclose(file);
	return kib * 1024;
}
