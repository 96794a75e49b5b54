/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rows are made of: instruction counts, and devices in address spaces of
 * three kinds.  Whatever goes wrong ends the program.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SZ_4K		0x1000ull
#define SZ_1M		0x100000ull
#define SZ_2M		0x200000ull

typedef uint64_t u64;
typedef uint32_t u32;

/* ---- measure.c */

#define ROUNDS		5

typedef void (*op_fn)(void *arg, int i);

void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...);
void init_clock(void);
u64 now(void);
void quiet(void);
void unquiet(void);
double median(u64 *samples, int n);
void keep_least(double *least, double value);
void measure_pair(op_fn op, op_fn undo, void *arg, int n, double *op_cost,
		  double *undo_cost);
void measure_toggle(op_fn op, op_fn undo, void *arg, int n, double *op_cost,
		    double *undo_cost);
double measure(op_fn op, void *arg, int i);
void report(int row, const char *backend, const char *op, const char *window,
	    int n, double value);
long slab_bytes(void);

/* ---- space.c */

enum kind { TYPE1, COMPAT, IOMMUFD, NR_KINDS };
extern const char *const kind_names[NR_KINDS];

enum window { DEFAULT, PLACED, AUTO, NR_WINDOWS };
extern const char *const window_names[NR_WINDOWS];

/* An address space: a container or an IOAS */
struct space {
	enum kind kind;
	int fd;
	u32 ioas;
	bool has_iommu;		/* VFIO_SET_IOMMU was done */
};

struct device {
	const char *bdf;
	int group;		/* fd, not IOMMUFD */
	int fd;
	u32 id;			/* IOMMUFD */
};

extern bool patched;

void open_space(struct space *space, enum kind kind);
void close_space(struct space *space);
void bind_device(struct space *space, struct device *dev, const char *bdf);
void attach_device(struct space *space, struct device *dev);
void detach_device(struct space *space, struct device *dev);
void open_device(struct space *space, struct device *dev);
void unbind_device(struct space *space, struct device *dev);
void join(struct space *space, struct device *dev, const char *bdf);
void leave(struct space *space, struct device *dev);
void map(struct space *space, u64 iova, void *vaddr, u64 size);
void unmap(struct space *space, u64 iova, u64 size);
void set_window(struct space *space, enum window window);
u64 window_start(struct space *space);
void get_info(struct space *space);
void get_msi_window(struct space *space);
void get_iova_ranges(struct space *space);
void get_resv_regions(struct space *space, struct device *dev);
bool enable_msix(struct device *dev, int nr);
void disable_msix(struct device *dev);

#endif
