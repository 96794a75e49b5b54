/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A round is a program of random calls, made from a seed and its number. It starts
 * with nothing open and leaves nothing open, so that it can be run again as a
 * whole or in parts.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../uapi/space.h"

struct op {
	u8 code;
	u8 thread;
	u8 a, b, c, d;
	u16 fail_nth;	/* which allocation of the call fails, 0 for none */
};

#define MAX_OPS 2048

struct program {
	enum mode mode;		/* of a round with a model */
	bool chaos;		/* without one: any call on any file */
	unsigned int nr_threads;
	unsigned int nr;
	struct op ops[MAX_OPS];
};

extern const char *bdfs[2];
extern char failure[512];	/* of the round, empty if there is none */
extern const char *doing[8];	/* by thread, of a round without model */
extern bool verbose;		/* print each call with what it returned */

void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* IOVA and lengths that are close to each other, or to where something ends */
u64 pick_iova(u8 choice);
u64 pick_length(u8 choice);
#define ARENA_CHOICES	0xc0	/* choices below are pages that are close */
#define PAGES_CHOICES	0x80	/* and lengths of a few pages */

/* One thread and a model of what must come of each call */
#define NR_MODEL_OPS 14
void model_run(const struct program *program);

/* Several threads, and files and objects that come and go */
#define NR_CHAOS_OPS 35
void chaos_run(const struct program *program);

#endif
