// SPDX-License-Identifier: GPL-2.0
/*
 * iova-map FILE.svg <l1.log: draw L2's DMA address space as text on stdout and
 * into FILE.svg, from what L1's kernel and QEMU said on the console of a boot:
 *
 *   @resv BDF START END TYPE	sysfs: the reserved regions of a device
 *   @msix BDF ... address=ADDR	an MSI address that a device holds
 *   @qmp {"return": "TEXT"}	`info vfio` and `info mtree -f`
 *
 * One row for each range over which neither the guest's nor the host's side
 * changes; rows are not to scale.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MAX_RANGES	1024
#define MAX_LINE	(1 << 20)
/* registers and BARs that lie closer than this are drawn as one range */
#define NEAR		0x100000

enum side { GUEST, HOST };

/* Where ranges overlap on one side, the later kind is drawn. */
enum kind { REGISTERS, ROM, BAR, RAM, USABLE, DEFAULT_WINDOW, RESERVED, WINDOW };

static const struct {
	enum side side;
	const char *what, *colour;
} kinds[] = {
	[REGISTERS]	 = { GUEST, "registers", "#d9d9d9" },
	[ROM]		 = { GUEST, "ROM", "#d9d2e9" },
	[BAR]		 = { GUEST, "device memory (BAR)", "#b4a7d6" },
	[RAM]		 = { GUEST, "RAM", "#9fc5e8" },
	[USABLE]	 = { HOST, "usable", "#b6d7a8" },
	[DEFAULT_WINDOW] = { HOST, "MSI window (default)", "#f6b26b" },
	[RESERVED]	 = { HOST, "reserved", "#ea9999" },
	[WINDOW]	 = { HOST, "MSI window", "#f6b26b" },
};

static struct range {
	uint64_t start, end;
	enum kind kind;
} ranges[MAX_RANGES];
static int nr_ranges;

static uint64_t doorbells[64];
static size_t nr_doorbells;

/* sysfs goes on naming the driver's window when QEMU has placed another */
static bool window_known;

struct row {
	uint64_t start, end;
	int kind[2];		/* a side's enum kind, or -1 */
};

static void add(enum kind kind, uint64_t start, uint64_t end)
{
	if (nr_ranges == MAX_RANGES) {
		fprintf(stderr, "iova-map: more than %d ranges\n", MAX_RANGES);
		exit(1);
	}
	ranges[nr_ranges++] = (struct range){ start, end, kind };
}

/* The same, as one with the last of its kind when that is near. */
static void add_near(enum kind kind, uint64_t start, uint64_t end)
{
	int i = nr_ranges;

	while (i-- && ranges[i].kind != kind)
		;
	if (i >= 0 && start - ranges[i].end <= NEAR)
		ranges[i].end = end;
	else
		add(kind, start, end);
}

/* A line of a flat view: START-END (prio N, TYPE): NAME */
static void read_flat(const char *line)
{
	uint64_t start, end;
	char type[16];

	if (sscanf(line, " %" SCNx64 "-%" SCNx64 " (prio %*d, %15[^)])", &start, &end, type) != 3)
		return;
	if (!strcmp(type, "ram"))
		add(RAM, start, end);
	else if (!strcmp(type, "ramd"))
		add_near(BAR, start, end);
	else if (!strncmp(type, "rom", 3))
		add(ROM, start, end);
	else
		add_near(REGISTERS, start, end);
}

/* A line of `info vfio` */
static void read_vfio(const char *line)
{
	uint64_t start, end;

	if (sscanf(line, " usable: %" SCNx64 "-%" SCNx64, &start, &end) == 2)
		add(USABLE, start, end);
	if (sscanf(line, " msi-window: %" SCNx64 "-%" SCNx64, &start, &end) == 2) {
		add(WINDOW, start, end);
		window_known = true;
	}
}

/* The text of a JSON string, up to its closing quote, line by line */
static void read_answer(char *text)
{
	bool memory = false;
	char *end = strrchr(text, '"');

	if (end)
		*end = '\0';
	for (char *line = text; line; line = end ? end + strlen("\\r\\n") : NULL) {
		end = strstr(line, "\\r\\n");
		if (end)
			*end = '\0';
		if (!strncmp(line, "FlatView", 8))
			memory = false;
		else if (!strncmp(line, " AS \\\"memory\\\"", 14))
			memory = true;
		else if (memory)
			read_flat(line);
		else
			read_vfio(line);
	}
}

static void read_log(void)
{
	static char line[MAX_LINE];
	uint64_t start, end;
	char type[32], *p;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "@resv %*s %" SCNx64 " %" SCNx64 " %31s", &start, &end, type) == 3)
			add(strcmp(type, "msi") ? RESERVED : DEFAULT_WINDOW, start, end);
		else if (!strncmp(line, "@msix ", 6) && (p = strstr(line, "address=")) &&
			 nr_doorbells < ARRAY_SIZE(doorbells))
			doorbells[nr_doorbells++] = strtoull(p + 8, NULL, 16);
		else if (!strncmp(line, "@qmp ", 5) && (p = strstr(line, "\"return\": \"")))
			read_answer(p + 11);
	}
}

static int kind_at(enum side side, uint64_t addr)
{
	int kind = -1;

	for (struct range *r = ranges; r < ranges + nr_ranges; r++) {
		if (kinds[r->kind].side != side || addr < r->start || addr > r->end ||
		    (window_known && r->kind == DEFAULT_WINDOW))
			continue;
		if ((int)r->kind > kind)
			kind = r->kind;
	}
	return kind;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

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
		struct row row = { edges[i], UINT64_MAX,
				   { kind_at(GUEST, edges[i]), kind_at(HOST, edges[i]) } };

		if (nr && !memcmp(rows[nr - 1].kind, row.kind, sizeof(row.kind)))
			continue;
		if (nr)
			rows[nr - 1].end = edges[i] - 1;
		rows[nr++] = row;
	}
	return nr;
}

static const char *label(int kind)
{
	return kind < 0 ? "" : kinds[kind].what;
}

static const char *size_of(const struct row *row)
{
	static char buf[32];
	uint64_t size = row->end - row->start + 1;
	const char *unit = "BKMGTPE";

	while (unit[1] && size >= 1024 && (!(size % 1024) || size >= 100 * 1024)) {
		size /= 1024;
		unit++;
	}
	snprintf(buf, sizeof(buf), "%" PRIu64 "%c", size, *unit);
	return buf;
}

static const char *doorbell_in(const struct row *row)
{
	static char buf[64];

	for (size_t i = 0; i < nr_doorbells; i++) {
		if (row->start > doorbells[i] || row->end < doorbells[i])
			continue;
		snprintf(buf, sizeof(buf), "MSIs go to 0x%" PRIx64, doorbells[i]);
		return buf;
	}
	return "";
}

static void draw_text(const struct row *row, int nr)
{
	printf("%-18s %6s   %-20s   %s\n", "IOVA", "size", "guest (QEMU)", "host (kernel)");
	for (; nr--; row++)
		printf("0x%016" PRIx64 " %6s | %-20s | %-20s | %s\n", row->start, size_of(row),
		       label(row->kind[GUEST]), label(row->kind[HOST]), doorbell_in(row));
}

static void draw_box(FILE *f, int x, int y, int kind)
{
	fprintf(f, "<rect x='%d' y='%d' width='200' height='24' fill='%s' stroke='#444'/>\n",
		x, y, kind < 0 ? "#fff" : kinds[kind].colour);
	fprintf(f, "<text x='%d' y='%d'>%s</text>\n", x + 8, y + 16, label(kind));
}

static void draw_svg(FILE *f, const struct row *row, int nr)
{
	fprintf(f, "<svg xmlns='http://www.w3.org/2000/svg' width='860' height='%d' "
		"font-family='monospace' font-size='13'>\n"
		"<text x='8' y='24'>IOVA</text><text x='168' y='24'>guest (QEMU)</text>"
		"<text x='368' y='24'>host (kernel)</text>\n", 24 * nr + 48);
	for (int y = 32; nr--; y += 24, row++) {
		fprintf(f, "<text x='8' y='%d'>0x%016" PRIx64 "</text>\n", y + 16, row->start);
		draw_box(f, 160, y, row->kind[GUEST]);
		draw_box(f, 360, y, row->kind[HOST]);
		fprintf(f, "<text x='576' y='%d'>%s %s</text>\n", y + 16, size_of(row),
			doorbell_in(row));
	}
	fprintf(f, "</svg>\n");
}

int main(int argc, char **argv)
{
	static struct row rows[2 * MAX_RANGES + 1];
	FILE *svg;
	int nr;

	if (argc != 2) {
		fprintf(stderr, "usage: iova-map FILE.svg <l1.log\n");
		return 2;
	}
	read_log();
	if (!nr_ranges) {
		fprintf(stderr, "iova-map: the log tells of no range\n");
		return 1;
	}
	nr = make_rows(rows);
	draw_text(rows, nr);
	svg = fopen(argv[1], "w");
	if (svg)
		draw_svg(svg, rows, nr);
	if (!svg || fclose(svg)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
