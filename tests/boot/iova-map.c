// SPDX-License-Identifier: GPL-2.0
/*
 * iova-map [FILE.svg] <l1.log: draw L2's DMA address space, from what L1's
 * kernel and QEMU reported in the console log of a boot:
 *
 *   @resv BDF START END TYPE	sysfs: the reserved regions of a device
 *   @msix BDF ... address=ADDR	an MSI address that a device holds
 *   @qmp {"return": "TEXT"}	`info mtree -f` and `info vfio`
 *
 * One row for each range over which neither the guest's nor the host's side
 * changes; rows are not to scale.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANGES	1024
#define LINE		(1 << 20)
/* registers that lie closer than this are drawn as one range */
#define NEAR		0x100000

enum side { GUEST, HOST };

struct range {
	uint64_t start, end;
	enum side side;
	int rank;		/* of those that overlap on one side, the highest is drawn */
	char what[64];
	const char *colour;
};

static struct range ranges[MAX_RANGES];
static int nr_ranges;
static uint64_t doorbells[64];
static int nr_doorbells;

static void add(enum side side, int rank, uint64_t start, uint64_t end,
		const char *what, const char *colour)
{
	struct range *r = &ranges[nr_ranges];

	if (nr_ranges == MAX_RANGES) {
		fprintf(stderr, "iova-map: more than %d ranges\n", MAX_RANGES);
		exit(1);
	}
	nr_ranges++;
	*r = (struct range){ .start = start, .end = end, .side = side,
			     .rank = rank, .colour = colour };
	snprintf(r->what, sizeof(r->what), "%s", what);
}

/* One line of a flat view: START-END (prio N, TYPE): NAME */
static void add_flat(const char *line)
{
	uint64_t start, end;
	char type[16];

	if (sscanf(line, " %" SCNx64 "-%" SCNx64 " (prio %*d, %15[^)])",
		   &start, &end, type) != 3)
		return;
	if (!strcmp(type, "ram"))
		add(GUEST, 2, start, end, "RAM", "#9fc5e8");
	else if (!strcmp(type, "ramd"))
		add(GUEST, 2, start, end, "device memory (BAR)", "#b4a7d6");
	else if (!strncmp(type, "rom", 3))
		add(GUEST, 2, start, end, "ROM", "#d9d2e9");
	else if (nr_ranges && ranges[nr_ranges - 1].rank == 1 &&
		 start - ranges[nr_ranges - 1].end <= NEAR)
		ranges[nr_ranges - 1].end = end;
	else
		add(GUEST, 1, start, end, "registers", "#d9d9d9");
}

/* The range that the guest or the host has at an address, or NULL. */
static const struct range *at(enum side side, uint64_t addr)
{
	const struct range *best = NULL;

	for (int i = 0; i < nr_ranges; i++) {
		const struct range *r = &ranges[i];

		if (r->side == side && r->start <= addr && addr <= r->end &&
		    (!best || r->rank > best->rank))
			best = r;
	}
	return best;
}

/* "info vfio": usable ranges, reserved regions and the window of a container */
static void add_vfio(const char *line)
{
	uint64_t start, end;

	if (sscanf(line, " usable: %" SCNx64 "-%" SCNx64, &start, &end) == 2)
		add(HOST, 1, start, end, "usable", "#b6d7a8");
	else if (sscanf(line, " msi-window: %" SCNx64 "-%" SCNx64, &start, &end) == 2)
		add(HOST, 4, start, end, "MSI window", "#f6b26b");
}

/* Text of a JSON string, up to its closing quote, line by line. */
static void read_answer(char *text)
{
	bool dma_view = false;
	char *line = text, *end;

	if (strlen(text) > 2 && (end = strrchr(text, '"')))
		*end = '\0';
	while (line) {
		end = strstr(line, "\\r\\n");
		if (end)
			*end = '\0';
		if (!strncmp(line, "FlatView", 8))
			dma_view = false;
		else if (!strncmp(line, " AS \\\"memory\\\"", 14))
			dma_view = true;
		else if (dma_view)
			add_flat(line);
		else
			add_vfio(line);
		line = end ? end + 4 : NULL;
	}
}

static void read_log(void)
{
	static char line[LINE];
	uint64_t start, end;
	char type[32], what[64], *p;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "@resv %*s %" SCNx64 " %" SCNx64 " %31s",
			   &start, &end, type) == 3) {
			if (!strcmp(type, "msi"))
				add(HOST, 2, start, end, "MSI window (driver's)", "#f6b26b");
			else {
				snprintf(what, sizeof(what), "reserved: %s", type);
				add(HOST, 3, start, end, what, "#ea9999");
			}
		} else if (!strncmp(line, "@msix ", 6) && (p = strstr(line, "address=")) &&
			   nr_doorbells < 64) {
			doorbells[nr_doorbells++] = strtoull(p + 8, NULL, 16);
		} else if (!strncmp(line, "@qmp ", 5) && (p = strstr(line, "\"return\": \""))) {
			read_answer(p + 11);
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool same(const struct range *a, const struct range *b)
{
	return a == b || (a && b && !strcmp(a->what, b->what));
}

struct row {
	uint64_t start, end;
	const struct range *guest, *host;
};

/* Cut the address space at every edge, join what looks the same again. */
static int make_rows(struct row *rows)
{
	static uint64_t edges[2 * MAX_RANGES + 1];
	int nr_edges = 1, nr = 0;

	for (int i = 0; i < nr_ranges; i++) {
		edges[nr_edges++] = ranges[i].start;
		if (ranges[i].end != UINT64_MAX)
			edges[nr_edges++] = ranges[i].end + 1;
	}
	qsort(edges, nr_edges, sizeof(edges[0]), compare);
	for (int i = 0; i < nr_edges; i++) {
		const struct range *guest = at(GUEST, edges[i]), *host = at(HOST, edges[i]);

		if (i && edges[i] == edges[i - 1])
			continue;
		if (nr && same(rows[nr - 1].guest, guest) && same(rows[nr - 1].host, host))
			continue;
		if (nr)
			rows[nr - 1].end = edges[i] - 1;
		rows[nr++] = (struct row){ edges[i], UINT64_MAX, guest, host };
	}
	return nr;
}

static const char *size_of(const struct row *row)
{
	static const char unit[] = "BKMGTPE";
	static char buf[32];
	uint64_t size = row->end - row->start + 1;
	int i = 0;

	if (!size)
		return "16E";
	while (size >= 1024 && !(size % 1024) && unit[i + 1]) {
		size /= 1024;
		i++;
	}
	while (size >= 10 * 1024 && unit[i + 1]) {
		size /= 1024;
		i++;
	}
	snprintf(buf, sizeof(buf), "%" PRIu64 "%c", size, unit[i]);
	return buf;
}

/* " <- MSIs go to ADDR" when a doorbell lies in the row */
static const char *doorbell_in(const struct row *row)
{
	static char buf[64];

	for (int i = 0; i < nr_doorbells; i++) {
		if (row->start <= doorbells[i] && doorbells[i] <= row->end) {
			snprintf(buf, sizeof(buf), " <- MSIs go to 0x%" PRIx64, doorbells[i]);
			return buf;
		}
	}
	return "";
}

static const char *label(const struct range *r)
{
	return r ? r->what : "";
}

static void draw_text(const struct row *rows, int nr)
{
	printf("%18s   %-21s %-23s\n", "IOVA", "guest (QEMU)", "host (kernel)");
	for (int i = 0; i < nr; i++) {
		printf("%#18" PRIx64 " +----------------------+------------------------+\n", rows[i].start);
		printf("%18s | %-20s | %-22s |%s\n", size_of(&rows[i]), label(rows[i].guest),
		       label(rows[i].host), doorbell_in(&rows[i]));
	}
	printf("%#18" PRIx64 " +----------------------+------------------------+\n",
	       rows[nr - 1].end);
}

static void draw_box(FILE *f, int x, int y, const struct range *r)
{
	fprintf(f, "<rect x='%d' y='%d' width='200' height='24' fill='%s' stroke='#444'/>\n",
		x, y, r ? r->colour : "#ffffff");
	fprintf(f, "<text x='%d' y='%d'>%s</text>\n", x + 6, y + 16, label(r));
}

static void draw_svg(FILE *f, const struct row *rows, int nr)
{
	fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='%d' "
		"font-family='monospace' font-size='12'>\n", 60 + 24 * nr);
	fprintf(f, "<text x='160' y='24'>guest (QEMU)</text><text x='360' y='24'>host (kernel)</text>\n");
	for (int i = 0; i < nr; i++) {
		int y = 32 + 24 * i;
		const char *mark = doorbell_in(&rows[i]);

		fprintf(f, "<text x='8' y='%d'>%#" PRIx64 "</text>\n", y + 16, rows[i].start);
		draw_box(f, 160, y, rows[i].guest);
		draw_box(f, 360, y, rows[i].host);
		fprintf(f, "<text x='570' y='%d'>%s %s</text>\n", y + 16, size_of(&rows[i]),
			*mark ? mark + 4 : "");
	}
	fprintf(f, "</svg>\n");
}

int main(int argc, char **argv)
{
	static struct row rows[2 * MAX_RANGES + 1];
	int nr;

	read_log();
	if (!nr_ranges) {
		fprintf(stderr, "iova-map: the log tells of no range\n");
		return 1;
	}
	nr = make_rows(rows);
	draw_text(rows, nr);
	if (argc > 1) {
		FILE *f = fopen(argv[1], "w");

		if (!f) {
			perror(argv[1]);
			return 1;
		}
		draw_svg(f, rows, nr);
		if (fclose(f)) {
			perror(argv[1]);
			return 1;
		}
	}
	return 0;
}
