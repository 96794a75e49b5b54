/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of tests/uapi: tables of calls, each with the result that it must
 * have. A table is one line of TAP, a row that fails says so in a line before.
 * A call that must fail must also change nothing, which is read back.
 */
#ifndef TABLE_H
#define TABLE_H

#include "space.h"

/* Every table is run for the address spaces that this takes, with these devices */
struct world {
	struct space space;
	u64 arena;		/* 32 MiB to do with as the test likes */
	u64 mapped;		/* two pages are mapped there */
	u64 end;		/* of the usable IOVA */
	struct window window;	/* as it was when attached */
	struct state state;	/* after the last call */
	/* Adds what is not a space's own, if there is anything */
	void (*more)(struct world *world, struct state *state);
};

extern const char *bdf;
extern const char *second_bdf;	/* NULL if there is none */

/* Opens a space, attaches the device, maps two pages; fails the table if it cannot */
bool world_open(struct world *world, enum mode mode);
void world_close(struct world *world);

void table_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void table_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void table_end(void);

/*
 * One row: the call has returned ret and had to return wanted. After a failure the
 * state of the world is what it was, unless world is NULL.
 */
void row(struct world *world, int wanted, int ret, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A row about something else than the result of a call */
void row_is(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What has been done between two rows is as it should be */
void world_changed(struct world *world);

/* size bytes that end where nothing is mapped */
void *edge_alloc(size_t size);
void edge_protect(void *edge, size_t size);
void edge_free(void *edge, size_t size);

/*
 * Every size of a structure of iommufd, with what it does not know at the end of it
 * or no memory. call passes it on, to find that it is good, and undoes what it did.
 */
void row_sizes(struct world *world, const char *name, const void *whole, u32 size,
	       int (*call)(struct world *world, void *bytes));

/* fds that are not what a call wants, until name is NULL */
struct wrong_fd {
	const char *name;
	int fd;
	int error;
};
const struct wrong_fd *wrong_fds(void);

/* What the first device has been told to write an MSI-X to */
u64 msix_address(u32 vector);

/* Calls fn as a user without privileges, which tells whether all was right */
void as_nobody(bool (*fn)(struct world *world), struct world *world, const char *what);

/* The test itself, for one address space */
void test(enum mode mode);

#endif
