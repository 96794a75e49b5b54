// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "table.h"

const char *bdf;
const char *second_bdf;

static struct {
	char name[128];
	unsigned int rows;
	unsigned int failed;
	unsigned long long calls;
	bool skipped;
} table;

static unsigned int nr_tables, nr_passed, nr_failed, nr_skipped;

void table_begin(const char *fmt, ...)
{
	va_list args;

	memset(&table, 0, sizeof(table));
	va_start(args, fmt);
	vsnprintf(table.name, sizeof(table.name), fmt, args);
	va_end(args);
	table.calls = nr_calls;
}

void table_skip(const char *fmt, ...)
{
	va_list args;

	printf("ok %u %s # SKIP ", ++nr_tables, table.name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	nr_skipped++;
	table.skipped = true;
}

void table_end(void)
{
	if (table.skipped)
		return;
	/* A table without a row has tested nothing */
	if (table.failed || !table.rows) {
		printf("not ok %u %s (%u of %u rows)\n", ++nr_tables, table.name,
		       table.failed, table.rows);
		nr_failed++;
	} else {
		printf("ok %u %s (%u rows, %llu calls)\n", ++nr_tables, table.name,
		       table.rows, nr_calls - table.calls);
		nr_passed++;
	}
	fflush(stdout);
}

static const char *error_name(int ret)
{
	return ret < 0 ? strerror(-ret) : "no error";
}

/*
 * Count a row.  Return whether to go on with a line about what is wrong: those that
 * fail alike are as many as there are sizes, not all are printed.
 */
static bool row_fails(bool good, const char *fmt, va_list args)
{
	table.rows++;
	if (good || ++table.failed > 20)
		return false;
	printf("# %s, ", table.name);
	vprintf(fmt, args);
	return true;
}

static void read_state(struct world *world, struct state *state)
{
	state_get(&world->space, world->mapped, state);
	if (world->more)
		world->more(world, state);
}

void row(struct world *world, int wanted, int ret, const char *fmt, ...)
{
	struct state now;
	bool changed = false, failed;
	va_list args;

	if (world) {
		read_state(world, &now);
		changed = now.len != world->state.len ||
			  memcmp(now.bytes, world->state.bytes, now.len);
		world->state = now;
	}
	va_start(args, fmt);
	failed = row_fails(ret == wanted && (ret >= 0 || !changed), fmt, args);
	va_end(args);
	if (!failed)
		return;
	if (ret == wanted)
		printf(": %d (%s), and the state has changed\n", ret, error_name(ret));
	else
		printf(": %d (%s), not %d (%s)\n", ret, error_name(ret), wanted,
		       error_name(wanted));
}

void row_is(bool good, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (row_fails(good, fmt, args))
		printf("\n");
	va_end(args);
}

void world_changed(struct world *world)
{
	read_state(world, &world->state);
}

bool world_open(struct world *world, enum mode mode)
{
	int ret = space_open(&world->space, mode);
	struct ranges usable;

	world->more = NULL;
	if (!ret)
		ret = space_attach(&world->space, bdf);
	if (!ret)
		ret = window_get(&world->space, &world->window);
	if (!ret)
		ret = usable_get(&world->space, &usable);
	if (!ret) {
		world->end = usable.range[usable.nr - 1].last + 1;
		world->arena = arena_find(&world->space);
		world->mapped = world->arena + 8 * SZ_1M;
		ret = dma_map(&world->space, world->mapped, 2 * page, memory);
	}
	if (ret) {
		row_is(false, "cannot attach %s: %s", bdf, error_name(ret));
		space_close(&world->space);
		return false;
	}
	world_changed(world);
	return true;
}

void world_close(struct world *world)
{
	space_close(&world->space);
}

static size_t edge_room(size_t size)
{
	return (size + page - 1) / page * page;
}

void *edge_alloc(size_t size)
{
	size_t room = edge_room(size);
	u8 *area = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || mprotect(area + room, page, PROT_NONE)) {
		perror("edge");
		exit(1);
	}
	return area + room - size;
}

/* No write from here on */
void edge_protect(void *edge, size_t size)
{
	size_t room = edge_room(size);

	if (mprotect((u8 *)edge + size - room, room, PROT_READ)) {
		perror("edge");
		exit(1);
	}
}

void edge_free(void *edge, size_t size)
{
	size_t room = edge_room(size);

	munmap((u8 *)edge + size - room, room + page);
}

/* As much of the structure as there is room for, which tells this size, and 0 */
static u8 *sized(const void *whole, u32 whole_size, u32 size, u32 room)
{
	u8 *bytes = edge_alloc(room);

	memset(bytes, 0, room);
	memcpy(bytes, whole, room < whole_size ? room : whole_size);
	memcpy(bytes, &size, room < sizeof(size) ? room : sizeof(size));
	return bytes;
}

void row_sizes(struct world *world, const char *name, const void *whole, u32 size,
	       int (*call)(struct world *world, void *bytes))
{
	u8 *bytes;

	for (u32 told = 0; told <= size + 4096; told++) {
		u32 room = told > size ? told : size;

		bytes = sized(whole, size, told, room);
		if (told > size) {
			bytes[room - 1] = 0x80;
			row(world, -E2BIG, call(world, bytes), "%s: size %u, the last byte set",
			    name, told);
			bytes[room - 1] = 0;
		}
		row(world, told < size ? -EINVAL : 0, call(world, bytes), "%s: size %u", name,
		    told);
		edge_free(bytes, room);
	}
	/* It ends early, as the page does, or what follows */
	for (u32 room = 0; room <= size + 16; room += 4) {
		bytes = sized(whole, size, size + 32, room);
		row(world, -EFAULT, call(world, bytes), "%s: %u bytes, then no page", name,
		    room);
		edge_free(bytes, room);
		if (room >= size)
			continue;
		bytes = sized(whole, size, size, room);
		row(world, -EFAULT, call(world, bytes), "%s: %u bytes, then no page", name,
		    room);
		edge_free(bytes, room);
	}
	bytes = sized(whole, size, ~0U, size);
	row(world, -EFAULT, call(world, bytes), "%s: size max", name);
	edge_free(bytes, size);
	row(world, -EFAULT, call(world, NULL), "%s: NULL", name);
	row(world, -EFAULT, call(world, (void *)-1L), "%s: the last byte", name);
}

const struct wrong_fd *wrong_fds(void)
{
	static struct wrong_fd fds[] = {
		{ "fd -1", -1, EBADF },
		{ "O_PATH", 0, EBADF },
		{ "/dev/null", 0, ENOTTY },
		{ "an eventfd", 0, ENOTTY },
		{ "a pipe", 0, ENOTTY },
		{ "a container without an IOMMU", 0, EINVAL },
		{ }
	};
	int ends[2];

	if (fds[1].fd)
		return fds;
	fds[1].fd = open("/dev/iommu", O_PATH);
	fds[2].fd = open("/dev/null", O_RDWR);
	fds[3].fd = eventfd(0, 0);
	fds[4].fd = pipe(ends) ? -1 : ends[0];
	fds[5].fd = open("/dev/vfio/vfio", O_RDWR);
	for (int i = 1; fds[i].name; i++)
		if (fds[i].fd < 0) {
			perror(fds[i].name);
			exit(1);
		}
	return fds;
}

void as_nobody(bool (*fn)(struct world *world), struct world *world, const char *what)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534)) {
			perror("setresuid");
			_exit(2);
		}
		_exit(fn(world) ? 0 : 1);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	row_is(status == 0, "as nobody: %s: status %#x", what, status);
}

/* The table is in a BAR, as long as nobody moves that */
static volatile u32 *msix_table(void)
{
	static u8 *bar;
	static u32 where;
	char path[128];
	u8 config[256];
	int fd, pos;

	if (bar)
		return (void *)(bar + (where & ~7U));
	pos = config_find(bdf, 0x11, config);
	memcpy(&where, &config[pos + 4], sizeof(where));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%u", bdf, where & 7);
	fd = open(path, O_RDWR | O_SYNC);
	bar = mmap(NULL, (where & ~7U) + MAX_VECTORS * 16, PROT_READ, MAP_SHARED, fd, 0);
	if (!pos || fd < 0 || bar == MAP_FAILED) {
		perror(path);
		exit(1);
	}
	close(fd);
	return (void *)(bar + (where & ~7U));
}

u64 msix_address(u32 vector)
{
	volatile u32 *entry = msix_table() + 4 * vector;

	return (u64)entry[1] << 32 | entry[0];
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s BDF...\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	bdf = argv[1];
	second_bdf = argv[2];
	space_init();
	printf("TAP version 13\n");
	for (int mode = 0; mode < NR_MODES; mode++)
		test(mode);
	printf("1..%u\n", nr_tables);
	printf("# %llu calls by a task of %zu bits\n", nr_calls, 8 * sizeof(void *));
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n",
	       nr_passed, nr_failed, nr_skipped);
	return nr_failed != 0;
}
