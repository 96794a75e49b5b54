// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls about IOVA and the MSI window, made of a seed. Guards that
 *  - no sequence of calls makes the kernel report anything (lockdep, KASAN, UBSAN,
 *    WARN), on several threads and files at once,
 *  - a call that is refused changes nothing, and is refused for the right reason,
 *  - the window is never where a mapping, a usable or a reserved range is, and does
 *    not move once it is live,
 *  - where a doorbell is bound there is nothing else,
 *  - a device gets its MSIs if there is a window, in there or where they are bound.
 * Runs in L1 with two devices; what it is to do comes from the environment, that is
 * from the kernel's command line:
 *   fuzz_seed=N      of all there is (default 1)
 *   fuzz_seconds=N   to run (default 60)
 *   fuzz_calls=N     to make, if the time is enough (default: no end)
 *   fuzz_threads=N   of a round without model (default 4); 1 is reproducible exactly
 *   fuzz_round=N     this round only, each call printed
 *   fuzz_inject=1    an allocation fails in every eighth call; wants a kernel that can
 * A round that fails is made shorter for as long as it fails, and printed.
 *
 * Seen to fail, and to come down to two or three calls, when the kernel
 *  - takes a window where there is a mapping, by type1 or by iommufd,
 *  - tells the new window although the call has failed,
 *  - refuses the MSI of a device, or has it written beside the window,
 *  - lets a live window move,
 *  - warns when an MSI is set up with IOMMU_MSI_WINDOW_NONE.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

const char *bdfs[2];
char failure[512];
bool verbose;

static int kmsg = -1;
static u64 seed, rounds;
static bool inject;
static u32 chaos_threads;

void fail(const char *fmt, ...)
{
	va_list args;

	/* The first one is what it is about */
	if (failure[0])
		return;
	va_start(args, fmt);
	vsnprintf(failure, sizeof(failure), fmt, args);
	va_end(args);
}

static unsigned long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void trace(const char *fmt, ...)
{
	va_list args;
	char line[256];

	if (!verbose)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	printf("# %llu.%03llu %s\n", now_ms() / 1000, now_ms() % 1000, line);
}

/* Around what the drivers propose, where AUTO begins to look, and elsewhere */
u64 pick_iova(u8 choice)
{
	const u64 ends[] = {
		0, 1, page / 2, page - 1, page, 0x8000000 + SZ_1M - page, 0x8000000 + SZ_1M,
		SZ_4G - page, SZ_4G, 1ULL << 32, (1ULL << 44) - page, 1ULL << 44,
		(1ULL << 48) - page, 1ULL << 48, 1ULL << 63, -page, -1ULL,
	};

	if (choice < 0x60)
		return 0x8000000 + choice % 48 * page - 16 * page;
	if (choice < 0x80)
		return (choice - 0x5f) * page;
	if (choice < ARENA_CHOICES)
		return 0x40000000 + (choice & 63) * page;
	return ends[choice % ARRAY_SIZE(ends)];
}

u64 pick_length(u8 choice)
{
	const u64 others[] = {
		0, 1, page / 2, page - 1, page + 1, 16 * page, 64 * page, SZ_1M, 256 * SZ_1M,
		SZ_4G, 1ULL << 63, -page, -1ULL,
	};

	if (choice < PAGES_CHOICES)
		return (1 + choice % 8) * page;
	return others[choice % ARRAY_SIZE(others)];
}

/* splitmix64 */
static u64 next(u64 *random)
{
	u64 z = *random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static void make_program(struct program *program, u64 round)
{
	u64 random = seed * 0x100000001ULL + round, bits;

	memset(program, 0, sizeof(*program));
	bits = next(&random);
	program->mode = bits % NR_MODES;
	program->chaos = bits >> 8 & 1;
	program->nr_threads = program->chaos ? chaos_threads : 1;
	program->nr = 64 + (bits >> 16) % (MAX_OPS - 64);
	for (unsigned int i = 0; i < program->nr; i++) {
		struct op *op = &program->ops[i];

		bits = next(&random);
		op->code = bits;
		op->thread = bits >> 8;
		op->a = bits >> 16;
		op->b = bits >> 24;
		op->c = bits >> 32;
		op->d = bits >> 40;
		if (inject && !(bits >> 48 & 7))
			op->fail_nth = 1 + (bits >> 51) % 16;
	}
}

/*
 * To take something down, these of the unpatched kernel need memory and go on with a
 * warning if there is none: free_lpi_range(), and an IOMMU driver that goes back to
 * the domain of the kernel. If that fails, the SMMUv3's warns at the next attach that
 * its invalidations are not in that domain. The boot's look at the log passes over
 * these, too.
 */
static bool excused(const char *line)
{
	static const char *const functions[] = {
		"its_msi_teardown", "__iommu_release_dma_ownership",
		"arm_smmu_install_old_domain_invs",
	};
	static bool told[ARRAY_SIZE(functions)];
	char report[64];

	for (size_t i = 0; inject && i < ARRAY_SIZE(functions); i++) {
		snprintf(report, sizeof(report), "WARNING: at %s+", functions[i]);
		if (!strstr(line, report))
			continue;
		if (!told[i])
			excuse(functions[i]);
		told[i] = true;
		return true;
	}
	return false;
}

/* What the kernel has said since the last time */
static void read_kmsg(bool judge)
{
	static const char *const reports[] = {
		"WARNING: ", "BUG: ", "UBSAN: ", "Unable to handle", "INFO: ",
		"suspicious RCU", "Oops",
	};
	char line[2048];
	ssize_t len;

	while ((len = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[len] = 0;
		for (size_t i = 0; judge && i < ARRAY_SIZE(reports); i++)
			if (strstr(line, reports[i]) && !excused(line)) {
				line[strcspn(line, "\n")] = 0;
				fail("kernel report: %.400s", strchr(line, ';') ?: line);
			}
	}
}

/* A WARN_ON_ONCE() can be had again */
static void clear_warnings(void)
{
	int fd = open("/sys/kernel/debug/clear_warn_once", O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror("clear_warn_once");
	close(fd);
}

static void run(const struct program *program)
{
	failure[0] = 0;
	if (program->chaos)
		chaos_run(program);
	else
		model_run(program);
	read_kmsg(true);
}

static bool fails(const struct program *program)
{
	unsigned int tries = program->nr_threads > 1 ? 8 : 1;

	while (tries--) {
		clear_warnings();
		run(program);
		if (failure[0])
			return true;
	}
	return false;
}

static time_t now(void)
{
	return now_ms() / 1000;
}

/* Leave out what can be: halves first, single calls last */
static void shrink(struct program *program)
{
	struct program shorter;
	time_t end = now() + 120;

	for (unsigned int chunk = program->nr / 2; chunk; chunk /= 2) {
		for (unsigned int at = 0; at + chunk <= program->nr && now() < end;) {
			shorter = *program;
			memmove(&shorter.ops[at], &shorter.ops[at + chunk],
				(shorter.nr - at - chunk) * sizeof(shorter.ops[0]));
			shorter.nr -= chunk;
			if (fails(&shorter))
				*program = shorter;
			else
				at += chunk;
		}
	}
}

static void report(struct program *program, u64 round)
{
	char first[sizeof(failure)];

	memcpy(first, failure, sizeof(first));
	printf("# seed %llu, round %llu: %s\n", (unsigned long long)seed,
	       (unsigned long long)round, first);
	if (!fails(program)) {
		printf("# it has not failed again: %u calls of %u threads\n", program->nr,
		       program->nr_threads);
		return;
	}
	shrink(program);
	verbose = true;
	printf("# %u calls of %u threads, %s on %s:\n", program->nr, program->nr_threads,
	       program->chaos ? "chaos" : "model", mode_names[program->mode]);
	fails(program);
	printf("# %s\n", failure);
	verbose = false;
}

/* Does not come back if the kernel hangs, the console is then all there is */
static void console(const char *what, u64 round)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY);

	if (fd < 0)
		return;
	dprintf(fd, "@fuzz %s: seed %llu, round %llu, %llu calls\n", what,
		(unsigned long long)seed, (unsigned long long)round, nr_calls);
	close(fd);
}

/* Where the threads wait, for as long as the console can still tell */
static void stuck(int signal)
{
	char path[300], wchan[64];
	struct dirent *entry;
	ssize_t len;
	DIR *dir;
	int fd;

	console("no end of the round after 20 s", rounds);
	dir = opendir("/proc/self/task");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/wchan", entry->d_name);
		fd = open(path, O_RDONLY);
		len = fd < 0 ? 0 : read(fd, wchan, sizeof(wchan) - 1);
		if (fd >= 0)
			close(fd);
		wchan[len > 0 ? len : 0] = 0;
		if (len > 0)
			console(wchan, rounds);
	}
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < ARRAY_SIZE(doing); i++)
		if (doing[i])
			console(doing[i], rounds);
	(void)signal;
	alarm(20);
}

static u64 setting(const char *name, u64 otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	static struct program program;
	time_t start = now(), told = start, seconds;
	u64 only, failed = 0, calls;

	if (argc != 3) {
		fprintf(stderr, "usage: fuzz BDF BDF\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	bdfs[0] = argv[1];
	bdfs[1] = argv[2];
	seed = setting("fuzz_seed", 1);
	seconds = setting("fuzz_seconds", 60);
	calls = setting("fuzz_calls", 0);
	chaos_threads = setting("fuzz_threads", 4);
	if (!chaos_threads || chaos_threads > 8)
		chaos_threads = 8;
	inject = setting("fuzz_inject", 0);
	only = setting("fuzz_round", 0);
	space_init();
	if (!injection_init() && inject) {
		printf("TAP version 13\n1..1\nnot ok 1 this kernel has no fault injection\n");
		return 1;
	}
	no_resets(bdfs[0]);
	no_resets(bdfs[1]);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0) {
		perror("/dev/kmsg");
		return 1;
	}
	read_kmsg(false);
	signal(SIGALRM, stuck);
	printf("TAP version 13\n1..1\n");

	verbose = only;
	rounds = only;
	do {
		if (!only)
			rounds++;
		alarm(20);
		make_program(&program, rounds);
		run(&program);
		alarm(0);
		if (failure[0]) {
			failed++;
			report(&program, rounds);
		}
		if (now() - told >= 10) {
			told = now();
			console("runs", rounds);
		}
	} while (!only && !failed && now() - start < seconds &&
		 (!calls || nr_calls < calls));

	if (inject && !only && !nr_injected && !failed) {
		printf("# nothing has failed for lack of memory\n");
		failed = 1;
	}
	printf("%s 1 seed %llu: %llu rounds, %llu calls in %llu s, %u threads, %llu allocations failed\n",
	       failed ? "not ok" : "ok", (unsigned long long)seed, (unsigned long long)rounds,
	       nr_calls, (unsigned long long)(now() - start), chaos_threads, nr_injected);
	printf("# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:0 error:0\n", !failed,
	       !!failed);
	return failed != 0;
}
