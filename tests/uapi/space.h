/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An address space of DMA, made by any of the interfaces that there are: a
 * container of vfio_iommu_type1, of iommufd, or an IOAS of iommufd. The calls
 * here are what tests/uapi and tests/fuzz have in common. Nothing but the
 * kernel's headers is needed, and all of it works in a task of 32 bits too.
 */
#ifndef SPACE_H
#define SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/iommufd.h>
#include <linux/vfio.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define ARRAY_SIZE(x)	(sizeof(x) / sizeof((x)[0]))
#define SZ_1M		0x100000ULL
#define SZ_4G		0x100000000ULL

#define MAP_RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define MAP_MSI		VFIO_DMA_MAP_FLAG_RESERVED_MSI_IOVA

enum mode { TYPE1, TYPE1V2, COMPAT, COMPAT_V2, NATIVE, NR_MODES };
extern const char *const mode_names[NR_MODES];

struct space {
	enum mode mode;
	int fd;			/* the container or iommufd */
	u32 ioas_id;		/* NATIVE, or what COMPAT has */
	int group;
	int device;
	u32 dev_id;		/* NATIVE */
};

/* What an address space tells of itself */
struct window {
	u64 size;		/* that is needed */
	u64 alignment;
	u64 start;
	u64 length;
	bool needed;		/* somebody's doorbells are mapped */
	bool movable;
	bool placed;		/* FIXED */
	bool chosen;		/* AUTO */
};

#define MAX_RANGES 64

struct ranges {
	u32 nr;
	struct {
		u64 start;
		u64 last;
		u32 type;	/* of a reserved range */
	} range[MAX_RANGES];
};

/* Bytes that are the same as long as nothing has changed */
struct state {
	size_t len;
	u8 bytes[4096];
};

#define NR_PAGES 16
extern u8 *memory;		/* NR_PAGES pages to be mapped */
extern u64 page;
extern unsigned long long nr_calls;	/* of xioctl() */
extern unsigned long long nr_injected;	/* of those: that failed by fail_nth */

/*
 * Which allocation of the next call fails, 0 for none: CONFIG_FAULT_INJECTION. How
 * many more the call would have had to make is in fail_left then, 0 if one has failed.
 */
extern __thread u16 fail_nth;
extern __thread u16 fail_left;

/* Any allocation can fail, and the log does not tell each. Whether the kernel can. */
bool injection_init(void);
/* The boot's look at the log is to pass over warnings of this function of the kernel */
void excuse(const char *function);

/* As ioctl(), but -errno on failure */
int xioctl(int fd, unsigned long request, void *arg);

void space_init(void);
int space_open(struct space *space, enum mode mode);
int space_attach(struct space *space, const char *bdf);
void space_detach(struct space *space);
void space_close(struct space *space);

int group_open(const char *bdf);
/* The same of a device on another bus than PCI */
int group_open_on(const char *bus, const char *name);
int cdev_open(const char *bdf);
/* Each takes a tenth of a second, at every open and close of the device */
void no_resets(const char *bdf);

/*
 * A second device for a space: all but the call that attaches it, which another thread
 * can take part in or which an allocation can fail in, and that call. It is detached by
 * the opposite or by space_detach().
 */
int second_open(struct space *second, const struct space *first, const char *bdf);
int second_attach(struct space *second, const char *bdf);
int second_detach(struct space *second);

/* NATIVE: the ID of a page table of this IOAS and device, which is nowhere; 0 on failure */
u32 hwpt_alloc(const struct space *space);
int object_destroy(const struct space *space, u32 id);

int dma_map(const struct space *space, u64 iova, u64 size, void *vaddr);
int dma_unmap(const struct space *space, u64 iova, u64 size, u64 *unmapped);

int window_get(const struct space *space, struct window *window);
int window_place(const struct space *space, u64 start, u64 length);
int window_auto(const struct space *space);
/* The doorbells of the device have a place of their own: IOMMU_IOAS_MAP_MSI */
int msi_bind(const struct space *space, u64 iova, u64 length);
int msi_unbind(const struct space *space, u64 iova, u64 length);

int usable_get(const struct space *space, struct ranges *ranges);
int reserved_get(const struct space *space, struct ranges *ranges);

/* iova is mapped (two pages), what is behind it is not: both are part of it */
void state_get(const struct space *space, u64 iova, struct state *state);

void state_add(struct state *state, const void *bytes, size_t len);

/* All of it in as few calls as possible */
int all_get(const struct space *space, struct state *state, struct window *window,
	    struct ranges *usable, struct ranges *reserved);

/* Enable the first count vectors, 0 for none. index: VFIO_PCI_{MSI,MSIX}_IRQ_INDEX */
int set_irqs(int device, u32 index, u32 count);

#define MAX_VECTORS 64	/* of those of a device that can have an address */

/* One address for count vectors: VFIO_DEVICE_FEATURE_MSI_IOVA */
int msi_iova_set(int device, u32 index, u32 start, u32 count, u64 iova);

/* The config space of a device, and where it has the capability, 0 for nowhere */
int config_find(const char *bdf, u8 capability, u8 config[256]);
/* What a device has been told to write its MSIs to, 0 if MSI is off */
u64 msi_address(const char *bdf);

/* 32 MiB of usable IOVA below 4 GiB, 0 if there are none */
u64 arena_find(const struct space *space);

#endif
