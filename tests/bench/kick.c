// SPDX-License-Identifier: GPL-2.0
/*
 * kick: run in L2, has eth0, an e1000e, raise 1,000 interrupts and tells what they
 * cost.  The machine counts what L1, L2 and the hypervisor execute for each one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BAR_SIZE	0x20000
#define ICS		0xc8		/* interrupt cause set */
#define ICS_TXQ0	(1 << 22)	/* one of the MSI-X vectors */

#define ROUNDS		20
#define KICKS		50		/* in each of them */

static uint64_t now(void)
{
	uint64_t val;

	asm volatile("isb; mrs %0, cntvct_el0" : "=r"(val) :: "memory");
	return val;
}

/* Longer than the device waits at least from one interrupt to the next */
static void spin(void)
{
	int i;

	for (i = 0; i < 150000; i++)
		asm volatile("");
}

static uint64_t round_of(volatile uint32_t *ics, uint32_t cause)
{
	uint64_t start = now();
	int i;

	for (i = 0; i < KICKS; i++) {
		if (cause)
			*ics = cause;
		spin();
	}
	return now() - start;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	uint64_t with[ROUNDS], without[ROUNDS];
	uint64_t frequency;
	char *bar;
	int i, fd;

	fd = open("/sys/class/net/eth0/device/resource0", O_RDWR | O_SYNC);
	bar = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED) {
		perror("resource0");
		return 1;
	}
	for (i = 0; i < ROUNDS; i++) {
		with[i] = round_of((uint32_t *)(bar + ICS), ICS_TXQ0);
		without[i] = round_of((uint32_t *)(bar + ICS), 0);
	}
	/* the rounds in the middle have as many timer ticks, and no more, as usual */
	qsort(with, ROUNDS, sizeof(*with), compare);
	qsort(without, ROUNDS, sizeof(*without), compare);
	asm("mrs %0, cntfrq_el0" : "=r"(frequency));
	printf("kicked=%d instructions=%.1f\n", ROUNDS * KICKS,
	       1e9 / frequency * (with[ROUNDS / 2] - without[ROUNDS / 2]) / KICKS);
	return 0;
}
