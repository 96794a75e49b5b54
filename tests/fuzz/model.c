// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of one thread with one address space and two devices. What is mapped is
 * known here, so each call can be told whether it has to work, and after each one
 * the window must be where nothing else is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define MAX_ENTRIES 64

struct range {
	u64 start;
	u64 last;
};

static struct {
	enum mode mode;
	struct space spaces[2];		/* the same one, each with a device */
	bool attached[2];
	struct range mapped[MAX_ENTRIES];
	unsigned int nr_mapped;
	/* Where the doorbells of each device are bound, last is 0 if they are not */
	struct range bound[2];
	/* Where they were before it was detached, which a page table may still have */
	struct range left[MAX_ENTRIES];
	unsigned int nr_left;
	bool had_irqs;
	struct window window;
	struct window kept;	/* when the last device was detached */
	struct ranges usable;
	struct ranges reserved;
	struct state state;
	bool injected;	/* an allocation was to fail, whether one did is injected() */
	bool blind;	/* to what the state ought to be */
} m;

/* What each device needs, for as long as the program runs */
static struct {
	struct ranges reserved;
	u64 end;	/* of the aperture of its IOMMU */
} needs[2];

/* Whether an allocation of this step has failed */
static bool injected(void)
{
	return m.injected && !fail_left;
}

static bool overlap(u64 start, u64 last, u64 start2, u64 last2)
{
	return start <= last2 && last >= start2;
}

static bool any_attached(void)
{
	return m.attached[0] || m.attached[1];
}

static const struct space *space(void)
{
	return m.attached[0] || !m.attached[1] ? &m.spaces[0] : &m.spaces[1];
}

static bool maps(u64 start, u64 last)
{
	for (unsigned int i = 0; i < m.nr_mapped; i++)
		if (overlap(start, last, m.mapped[i].start, m.mapped[i].last))
			return true;
	return false;
}

static bool binds(u64 start, u64 last)
{
	for (int i = 0; i < 2; i++)
		if (m.bound[i].last &&
		    overlap(start, last, m.bound[i].start, m.bound[i].last))
			return true;
	return false;
}

static bool may_be_left(u64 start, u64 last)
{
	for (unsigned int i = 0; i < m.nr_left; i++)
		if (overlap(start, last, m.left[i].start, m.left[i].last))
			return true;
	return false;
}

static bool is_usable(u64 start, u64 last)
{
	for (u32 i = 0; i < m.usable.nr; i++)
		if (m.usable.range[i].start <= start && m.usable.range[i].last >= last)
			return true;
	return false;
}

static bool stays_reserved(u64 start, u64 last)
{
	for (u32 i = 0; i < m.reserved.nr; i++)
		if (m.reserved.range[i].type != VFIO_IOMMU_RESV_SW_MSI &&
		    m.reserved.range[i].type != VFIO_IOMMU_RESV_DIRECT_RELAXABLE &&
		    overlap(start, last, m.reserved.range[i].start, m.reserved.range[i].last))
			return true;
	return false;
}

/* Where all that is not reserved ends, as far as there is an IOMMU */
static u64 aperture_end(void)
{
	u64 end = m.usable.nr ? m.usable.range[m.usable.nr - 1].last : ~0ULL;

	if (!any_attached())
		return ~0ULL;
	if (m.window.length && m.window.start + m.window.length - 1 > end)
		end = m.window.start + m.window.length - 1;
	for (int i = 0; i < 2; i++)
		if (m.bound[i].last > end)
			end = m.bound[i].last;
	for (unsigned int i = 0; i < m.nr_left; i++)
		if (m.left[i].last > end)
			end = m.left[i].last;
	return end;
}

/* The regions of the other device, a container tells those of both */
static void add_reserved(void)
{
	struct ranges more;

	if (m.mode != NATIVE || !m.attached[0] || !m.attached[1] ||
	    reserved_get(&m.spaces[1], &more))
		return;
	for (u32 i = 0; i < more.nr && m.reserved.nr < MAX_RANGES; i++)
		m.reserved.range[m.reserved.nr++] = more.range[i];
}

/* A type1 container has no state without a group */
static bool exists(void)
{
	return any_attached() || m.mode == NATIVE;
}

static void check_window(const struct window *was, bool detached)
{
	u64 start = m.window.start, last = start + m.window.length - 1;

	if (!m.window.length)
		return;
	if (last < start)
		fail("the window %#llx+%#llx wraps", (unsigned long long)start,
		     (unsigned long long)m.window.length);
	for (unsigned int i = 0; i < m.nr_mapped; i++)
		if (overlap(start, last, m.mapped[i].start, m.mapped[i].last))
			fail("the window %#llx-%#llx is mapped at %#llx-%#llx",
			     (unsigned long long)start, (unsigned long long)last,
			     (unsigned long long)m.mapped[i].start,
			     (unsigned long long)m.mapped[i].last);
	if (binds(start, last))
		fail("the window %#llx-%#llx is bound", (unsigned long long)start,
		     (unsigned long long)last);
	for (u32 i = 0; i < m.usable.nr; i++)
		if (overlap(start, last, m.usable.range[i].start, m.usable.range[i].last))
			fail("the window %#llx-%#llx is usable", (unsigned long long)start,
			     (unsigned long long)last);
	if ((m.window.placed || m.window.chosen) && stays_reserved(start, last))
		fail("the window %#llx-%#llx is reserved", (unsigned long long)start,
		     (unsigned long long)last);
	if (m.window.chosen && (!start || last >= SZ_4G))
		fail("AUTO at %#llx-%#llx", (unsigned long long)start,
		     (unsigned long long)last);
	if (!was->movable && was->needed && !detached &&
	    (was->start != start || was->length != m.window.length))
		fail("a live window has moved from %#llx to %#llx",
		     (unsigned long long)was->start, (unsigned long long)start);
}

static void check_usable(void)
{
	for (u32 i = 0; i < m.usable.nr; i++) {
		u64 start = m.usable.range[i].start, last = m.usable.range[i].last;

		if (start > last || (i && start <= m.usable.range[i - 1].last))
			fail("usable ranges are not in order");
		if (binds(start, last))
			fail("usable and bound: %#llx-%#llx", (unsigned long long)start,
			     (unsigned long long)last);
		if (stays_reserved(start, last))
			fail("usable and reserved: %#llx-%#llx", (unsigned long long)start,
			     (unsigned long long)last);
	}
}

/* Read all anew. unchanged: nothing may be different. */
static void observe(bool unchanged, bool detached, const char *what)
{
	struct window was = m.window;
	struct state state;

	/* A detach makes no ioctl, and none of those here is to fail in its place */
	fail_nth = 0;
	/*
	 * A driver that gets no memory for a reserved region says nothing, so what
	 * had to heed it cannot be told from what did not.
	 */
	if (injected() && !unchanged) {
		m.blind = true;
		return;
	}
	if (!exists()) {
		m.window = (struct window){};
		m.state.len = 0;
		m.usable.nr = 0;
		return;
	}
	if (all_get(space(), &state, &m.window, &m.usable, &m.reserved)) {
		fail("cannot read the state");
		return;
	}
	if (unchanged && m.state.len &&
	    (state.len != m.state.len || memcmp(state.bytes, m.state.bytes, state.len)))
		fail("%s has failed, and has changed something", what);
	m.state = state;
	if (any_attached())
		add_reserved();
	else
		m.reserved.nr = 0;
	check_window(&was, detached);
	check_usable();
}

/*
 * The call has done its work, but the answer could not be copied: iommufd says so of
 * IOMMU_IOAS_MSI_WINDOW and does so with IOMMU_IOAS_MAP. Nothing can be said of the
 * window then.
 */
static bool told_late(int ret)
{
	return injected() && m.mode == NATIVE && ret == -EFAULT;
}

static void expect(bool good, const char *what, u64 start, u64 length, int ret)
{
	if (!good)
		fail("%s of %#llx+%#llx: %d", what, (unsigned long long)start,
		     (unsigned long long)length, ret);
}

/* A page at either side of where usable IOVA begin or end, which are told */
static u64 pick_edge(const struct op *op)
{
	u32 range = m.usable.nr ? op->a % m.usable.nr : 0;
	u64 start = m.usable.range[range].start, end = m.usable.range[range].last + 1;

	switch (op->c & 3) {
	case 0:
		return start - page;
	case 1:
		return start;
	case 2:
		return end - page;
	default:
		return end;
	}
}

static void do_map(const struct op *op)
{
	bool at_edge = op->c < 64;
	u64 iova = at_edge ? pick_edge(op) : pick_iova(op->a);
	u64 size = at_edge ? page : pick_length(op->b), last = iova + size - 1;
	/* iommufd has no granule before there is an IOMMU */
	bool aligned = !((iova | size) & (page - 1)) || (m.mode == NATIVE && !any_attached());
	bool free = size && aligned && last >= iova && !maps(iova, last) && !binds(iova, last);
	bool moves = m.window.chosen && m.window.movable;
	int ret;

	if (m.nr_mapped == MAX_ENTRIES)
		return;
	ret = dma_map(space(), iova, size, memory);
	trace("map %#llx+%#llx: %d", (unsigned long long)iova, (unsigned long long)size, ret);
	if (!ret) {
		expect(free && (is_usable(iova, last) || moves), "a map", iova, size, ret);
		m.mapped[m.nr_mapped].start = iova;
		m.mapped[m.nr_mapped++].last = last;
	} else if (!injected()) {
		/* The last byte of all is more than some sums can take */
		bool must = free && is_usable(iova, last) && last + 1 &&
			    size <= NR_PAGES * page;

		expect(!must, "a map", iova, size, ret);
	}
	observe(ret && !moves && !told_late(ret), false, "a map");
}

static void remove_entry(unsigned int i)
{
	m.mapped[i] = m.mapped[--m.nr_mapped];
}

/* The entry that overlaps the range and comes first */
static int first_entry(u64 start, u64 last)
{
	int first = -1;

	for (unsigned int i = 0; i < m.nr_mapped; i++)
		if (overlap(start, last, m.mapped[i].start, m.mapped[i].last) &&
		    (first < 0 || m.mapped[i].start < m.mapped[first].start))
			first = i;
	return first;
}

/* What is unmapped, whether by a success or by a failure half-way */
static u64 model_unmap(u64 start, u64 last)
{
	u64 total = 0;
	int i;

	if (m.mode == TYPE1V2)
		for (unsigned int j = 0; j < m.nr_mapped; j++)
			if (overlap(start, last, m.mapped[j].start, m.mapped[j].last) &&
			    (m.mapped[j].start < start || m.mapped[j].last > last))
				return 0;
	while ((i = first_entry(start, last)) >= 0) {
		struct range *entry = &m.mapped[i];

		if (entry->start < start) {
			if (m.mode != COMPAT)
				break;
			/* It has been cut */
			if (entry->last > last) {
				m.mapped[m.nr_mapped].start = last + 1;
				m.mapped[m.nr_mapped++].last = entry->last;
				total += last - start + 1;
				m.mapped[i].last = start - 1;
				break;
			}
			total += entry->last - start + 1;
			entry->last = start - 1;
			continue;
		}
		if (entry->last > last && m.mode != TYPE1) {
			if (m.mode != COMPAT)
				break;
			total += last - entry->start + 1;
			entry->start = last + 1;
			continue;
		}
		total += entry->last - entry->start + 1;
		remove_entry(i);
	}
	return total;
}

static void do_unmap(const struct op *op)
{
	/* Within the arena, where the model is exact */
	u64 iova = pick_iova(op->a % ARENA_CHOICES), size = pick_length(op->b % PAGES_CHOICES), unmapped, model;
	int ret;

	if (m.nr_mapped > MAX_ENTRIES - 2)
		return;
	ret = dma_unmap(space(), iova, size, &unmapped);
	trace("unmap %#llx+%#llx: %d, %#llx", (unsigned long long)iova,
	      (unsigned long long)size, ret, (unsigned long long)unmapped);
	/* An area that cannot be cut for want of memory is not in the model */
	model = ret == -ENOMEM ? 0 : model_unmap(iova, iova + size - 1);
	if (!ret && unmapped != model)
		fail("an unmap of %#llx+%#llx: %#llx, not %#llx", (unsigned long long)iova,
		     (unsigned long long)size, (unsigned long long)unmapped,
		     (unsigned long long)model);
	observe(false, false, "an unmap");
}

/* For functions with ret and any, the latter tells whether some error applies */
#define ERROR(_error, _condition) do {				\
	if (_condition) {					\
		any = true;					\
		if (ret == -(_error))				\
			return true;				\
	}							\
} while (0)

/* Whether ret is one of the errors that apply to this window */
static bool place_error_is_right(u64 start, u64 length, int ret)
{
	u64 last = start + length - 1;
	bool legacy = m.mode != NATIVE;
	bool same = m.window.length && m.window.start == start &&
		    m.window.length == length;
	bool any = false;

	ERROR(EINVAL, !start || !length || (start | length) & (page - 1));
	ERROR(EOVERFLOW, length && last < start);
	if (any)
		return false;
	if (same && (m.window.placed || m.window.chosen))
		return !ret;
	ERROR(EOPNOTSUPP, legacy && any_attached() && !m.window.needed);
	ERROR(ENOSPC, length < m.window.size);
	ERROR(ERANGE, last > aperture_end());
	ERROR(EADDRINUSE, stays_reserved(start, last) || binds(start, last));
	ERROR(EEXIST, maps(start, last));
	ERROR(EBUSY, !m.window.movable && !same);
	if (ret == -EADDRINUSE && may_be_left(start, last))
		return true;
	return !any && !ret;
}

/* The same for the doorbells of a device */
static bool bind_error_is_right(unsigned int device, u64 start, u64 length, int ret)
{
	u64 last = start + length - 1, end = m.window.start + m.window.length - 1;
	bool hit = m.window.length && overlap(start, last, m.window.start, end);
	bool gives_way = m.window.chosen && m.window.movable;
	bool any = false;

	ERROR(EINVAL, !start || !length || (start | length) & (page - 1));
	ERROR(EOVERFLOW, length && last < start);
	if (any)
		return false;
	ERROR(EEXIST, m.bound[device].last);
	ERROR(ERANGE, last > aperture_end());
	ERROR(EADDRINUSE, stays_reserved(start, last) || (hit && !gives_way));
	ERROR(EEXIST, maps(start, last));
	if (ret == -ENOSPC)
		return hit && gives_way;
	return !any && !ret;
}

static void do_place(const struct op *op)
{
	u64 start = pick_iova(op->a), length = pick_length(op->b);
	int ret = window_place(space(), start, length);

	trace("place %#llx+%#llx: %d", (unsigned long long)start, (unsigned long long)length,
	      ret);
	/* 0 and 0 is AUTO to VFIO */
	if (m.mode != NATIVE && !start && !length)
		expect(ret == 0 || ret == -ENOSPC || ret == -EBUSY || ret == -EOPNOTSUPP ||
		       injected(), "AUTO", start, length, ret);
	else if (!injected())
		expect(place_error_is_right(start, length, ret), "a window", start, length,
		       ret);
	observe(ret && !told_late(ret), false, "to place the window");
	if (!ret && !m.blind && length && (m.window.start != start || m.window.length != length))
		fail("a window at %#llx is at %#llx", (unsigned long long)start,
		     (unsigned long long)m.window.start);
}

static void do_auto(void)
{
	bool live = m.window.needed && !m.window.movable;
	int ret = window_auto(space());

	trace("auto: %d", ret);
	/* What the kernel has chosen and may not move is the answer to AUTO again */
	if (m.window.needed && !injected())
		expect(!ret || (ret == -ENOSPC && !(live && m.window.chosen)) ||
		       (ret == -EBUSY && live && !m.window.chosen), "AUTO", 0, 0, ret);
	observe(ret && !told_late(ret), false, "AUTO");
}

static void do_policy(const struct op *op)
{
	struct iommu_ioas_msi_window cmd = {
		.size = sizeof(cmd),
		.ioas_id = m.spaces[0].ioas_id,
		.policy = op->a & 1 ? IOMMU_MSI_WINDOW_NONE : IOMMU_MSI_WINDOW_DEFAULT,
	};
	int ret;

	if (m.mode != NATIVE)
		return;
	ret = xioctl(m.spaces[0].fd, IOMMU_IOAS_MSI_WINDOW, &cmd);
	trace("policy %u: %d", cmd.policy, ret);
	/* Nothing is in the way of none; a live window can be where the default is */
	if (injected())
		;
	else if (cmd.policy == IOMMU_MSI_WINDOW_NONE)
		expect(ret == (m.window.movable ? 0 : -EBUSY), "a policy", cmd.policy, 0, ret);
	else
		expect(!ret || ret == -EADDRINUSE || (ret == -EEXIST && m.nr_mapped) ||
		       (ret == -EBUSY && !m.window.movable), "a policy", cmd.policy, 0, ret);
	observe(ret && !told_late(ret), false, "a policy");
}

/* Where the device has a region, with or without the window that its driver proposes */
static bool reserves(int device, bool sw_msi, u64 start, u64 last)
{
	const struct ranges *reserved = &needs[device].reserved;

	for (u32 i = 0; i < reserved->nr; i++)
		if (reserved->range[i].type != IOMMU_DEVICE_RESV_DIRECT_RELAXABLE &&
		    (reserved->range[i].type == IOMMU_DEVICE_RESV_SW_MSI) == sw_msi &&
		    overlap(start, last, reserved->range[i].start, reserved->range[i].last))
			return true;
	return false;
}

enum verdict { NO, YES, MAYBE };

static enum verdict can_attach(int device)
{
	const struct window *window = exists() ? &m.window : &m.kept;
	bool proposed = !window->placed && !window->chosen;
	u64 end = needs[device].end, window_last = window->start + window->length - 1;
	bool hit = !proposed && window->length &&
		   (window_last > end ||
		    reserves(device, false, window->start, window_last));

	for (unsigned int i = 0; i < m.nr_mapped; i++)
		if (reserves(device, false, m.mapped[i].start, m.mapped[i].last) ||
		    m.mapped[i].last > end)
			return NO;
	/* It does not give way, unlike AUTO and what has gone with the last device */
	if (hit && window->placed && exists())
		return NO;
	/* Without a device iommufd maps what cannot be pinned, or is not aligned */
	for (unsigned int i = 0; i < m.nr_mapped; i++) {
		u64 start = m.mapped[i].start, last = m.mapped[i].last;

		if ((start | (last + 1)) & (page - 1) || last - start >= NR_PAGES * page ||
		    (proposed && reserves(device, true, start, last)))
			return MAYBE;
	}
	if (m.bound[0].last || m.bound[1].last || m.nr_left || hit)
		return MAYBE;
	return YES;
}

static void do_attach(const struct op *op)
{
	int i = op->a & 1, ret;
	bool chosen = m.window.chosen, lone = !any_attached();
	enum verdict verdict;

	if (m.attached[i])
		return;
	verdict = can_attach(i);
	m.spaces[i].ioas_id = m.spaces[!i].ioas_id;
	ret = space_attach(&m.spaces[i], bdfs[i]);
	trace("attach %d: %d", i, ret);
	if (!injected() && verdict != MAYBE)
		expect(verdict == YES ? !ret || (ret == -ENOSPC && chosen) : ret, "an attach",
		       i, 0, ret);
	m.attached[i] = !ret;
	/* The IOAS of a container of iommufd comes with the first group */
	if (!ret)
		m.spaces[!i].ioas_id = m.spaces[i].ioas_id;
	observe(ret && !chosen && !lone, false, "an attach");
}

static void do_detach(const struct op *op)
{
	int i = op->a & 1;

	if (!m.attached[i] || m.nr_left == MAX_ENTRIES)
		return;
	m.attached[i] = false;
	space_detach(&m.spaces[i]);
	trace("detach %d", i);
	if (m.bound[i].last)
		m.left[m.nr_left++] = m.bound[i];
	m.bound[i] = (struct range){};
	/* The page tables go with the last device */
	if (!any_attached()) {
		m.nr_left = 0;
		m.had_irqs = false;
		m.kept = m.window;
	}
	if (!any_attached() && (m.mode == TYPE1 || m.mode == TYPE1V2))
		m.nr_mapped = 0;
	observe(false, true, "a detach");
}

static void do_bind(const struct op *op)
{
	u64 start = pick_iova(op->a), length = pick_length(op->b);
	unsigned int device = op->c & 1;
	int ret;

	/* In a container nobody would look for them, and a device that is not bound has none */
	if (m.mode != NATIVE || !m.attached[device])
		return;
	ret = msi_bind(&m.spaces[device], start, length);
	trace("bind %u at %#llx+%#llx: %d", device, (unsigned long long)start,
	      (unsigned long long)length, ret);
	if (!injected())
		expect(bind_error_is_right(device, start, length, ret), "a binding", start,
		       length, ret);
	if (!ret)
		m.bound[device] = (struct range){ start, start + length - 1 };
	observe(ret, false, "to bind a doorbell");
}

/* What is bound, or half of the time something else, close to it */
static void do_unbind(const struct op *op)
{
	unsigned int device = op->c & 1;
	struct range *bound = &m.bound[device];
	u64 start = bound->start, length = bound->last - bound->start + 1;
	bool same = op->c & 2;
	int ret;

	if (m.mode != NATIVE || !m.attached[device] || !bound->last)
		return;
	if (!same)
		length += page;
	ret = msi_unbind(&m.spaces[device], start, length);
	trace("unbind %u at %#llx+%#llx: %d", device, (unsigned long long)start,
	      (unsigned long long)length, ret);
	if (!injected())
		expect(same ? !ret || (ret == -EBUSY && m.had_irqs) : ret == -ENOENT,
		       "the end of a binding", start, length, ret);
	if (!ret)
		*bound = (struct range){};
	observe(ret, false, "to unbind a doorbell");
}

static bool contains(u64 start, u64 last, u64 iova)
{
	return iova >= start && iova <= last;
}

/* The device's doorbell is where it is bound, or else in the window */
static bool may_be_doorbell(unsigned int device, u64 iova)
{
	const struct range *bound = &m.bound[device];

	if (!m.window.needed)
		return true;
	if (bound->last)
		return contains(bound->start, bound->last, iova);
	return contains(m.window.start, m.window.start + m.window.length - 1, iova);
}

static void do_irqs(const struct op *op)
{
	bool msi = op->b & 1;
	u32 index = msi ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_MSIX_IRQ_INDEX, nr = op->c % 4;
	int i = op->a & 1, ret;
	u64 address;

	if (!m.attached[i])
		return;
	/* One kind at a time, and one that is on keeps its address */
	if (nr) {
		set_irqs(m.spaces[i].device, VFIO_PCI_MSI_IRQ_INDEX, 0);
		set_irqs(m.spaces[i].device, VFIO_PCI_MSIX_IRQ_INDEX, 0);
	}
	ret = set_irqs(m.spaces[i].device, index, nr);
	address = msi_address(bdfs[i]);
	trace("irqs of %d, index %u, %u: %d, MSI at %#llx", i, index, nr, ret,
	      (unsigned long long)address);
	m.had_irqs |= nr != 0;
	observe(false, false, "an interrupt");
	/* One doorbell always has room in a window */
	if (!injected())
		expect(ret >= 0 || (ret == -ENOSPC && !m.window.length) ||
		       (ret == -EINVAL && (!nr || (msi && nr > 1))), "an interrupt", index, nr,
		       ret);
	if (!ret && nr && msi)
		expect(may_be_doorbell(i, address), "the address of an MSI", address,
		       m.window.start, ret);
}

static void step(const struct op *op)
{
	/* More of what is cheap and where the calls can collide */
	static void (*const table[NR_MODEL_OPS])(const struct op *op) = {
		do_map, do_map, do_map, do_unmap, do_unmap, do_place, do_place, do_place,
		do_policy, do_irqs, do_attach, do_detach, do_bind, do_unbind,
	};
	unsigned int code = op->code % NR_MODEL_OPS;
	bool is_auto = code == 5 && op->c < 64;

	/* Attach and detach take the time of a thousand others */
	if ((code == 9 && op->d < 192) || ((code == 10 || code == 11) && op->d < 224))
		code = 0;
	if (!exists() && code != 10)
		return;
	/* What iommufd maps before there is a device has no use for this model */
	if (m.mode != NATIVE && !any_attached() && code != 10)
		return;
	m.injected = op->fail_nth;
	fail_nth = op->fail_nth;
	/* Nothing has failed before there was an ioctl */
	fail_left = op->fail_nth;
	if (is_auto)
		do_auto();
	else
		table[code](op);
	fail_nth = 0;
}

/* The devices are not alike: something can be reserved for one of them */
static bool learn(void)
{
	struct ranges usable;
	struct space space;
	int ret = 0;

	for (int i = 0; i < 2 && !ret; i++) {
		ret = space_open(&space, NATIVE) ?: space_attach(&space, bdfs[i]) ?:
		      reserved_get(&space, &needs[i].reserved) ?: usable_get(&space, &usable);
		if (!ret)
			needs[i].end = usable.range[usable.nr - 1].last;
		space_close(&space);
	}
	return !ret;
}

void model_run(const struct program *program)
{
	struct op attach = { .a = 0 };
	static bool known;

	known = known || learn();
	if (!known) {
		fail("cannot attach %s and %s", bdfs[0], bdfs[1]);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.mode = program->mode;
	if (space_open(&m.spaces[0], m.mode)) {
		fail("cannot open %s", mode_names[m.mode]);
		return;
	}
	m.spaces[1] = m.spaces[0];
	do_attach(&attach);
	if (!m.attached[0])
		fail("cannot attach %s", bdfs[0]);
	for (unsigned int i = 0; i < program->nr && !failure[0] && !m.blind; i++)
		step(&program->ops[i]);
	space_detach(&m.spaces[1]);
	space_close(&m.spaces[0]);
}
