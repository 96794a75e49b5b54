// SPDX-License-Identifier: GPL-2.0
/*
 * msix BDF: print address and data of every MSI-X vector that is not masked,
 * read from the device's own table through sysfs.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PCI_CAP_PTR	0x34
#define PCI_CAP_MSIX	0x11
#define MSIX_ENABLE	0x8000
#define MSIX_SIZE_MASK	0x07ff
#define BIR_MASK	0x7
#define ENTRY_SIZE	16
#define ENTRY_MASKED	1

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t config_read(int fd, int offset, int size)
{
	uint32_t val = 0;

	if (pread(fd, &val, size, offset) != size)
		fail("config space");
	return val;
}

static int find_msix(int fd)
{
	int pos = config_read(fd, PCI_CAP_PTR, 1);

	while (pos && config_read(fd, pos, 1) != PCI_CAP_MSIX)
		pos = config_read(fd, pos + 1, 1);
	return pos;
}

int main(int argc, char **argv)
{
	volatile uint32_t *entry;
	uint32_t table, offset;
	char path[128];
	int fd, pos, control, nr;
	char *bar;

	if (argc != 2) {
		fprintf(stderr, "usage: msix BDF\n");
		return 2;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", argv[1]);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail(path);
	pos = find_msix(fd);
	control = pos ? config_read(fd, pos + 2, 2) : 0;
	if (!(control & MSIX_ENABLE)) {
		fprintf(stderr, "%s: MSI-X is off\n", argv[1]);
		return 1;
	}
	nr = (control & MSIX_SIZE_MASK) + 1;
	table = config_read(fd, pos + 4, 4);
	offset = table & ~BIR_MASK;
	close(fd);

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d",
		 argv[1], table & BIR_MASK);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0)
		fail(path);
	bar = mmap(NULL, offset + nr * ENTRY_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		fail(path);
	for (int i = 0; i < nr; i++) {
		entry = (volatile uint32_t *)(bar + offset + i * ENTRY_SIZE);
		if (!(entry[3] & ENTRY_MASKED))
			printf("vector=%d address=0x%llx data=0x%x\n", i,
			       (unsigned long long)entry[1] << 32 | entry[0], entry[2]);
	}
	return 0;
}
