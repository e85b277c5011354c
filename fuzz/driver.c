/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target without libFuzzer: every file of a corpus folder, then a bounded number of deterministic mutations
 * of them. The seed is printed, so that a run can be repeated; the input of a crash is left in FUZZ_CRASH if set.
 *
 *   target CORPUS_FOLDER [MUTATIONS [SEED]]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (64u << 10)
#define FILES_MAX 512u

struct input {
	uint8_t *p;
	size_t n;
};

struct corpus {
	struct input files[FILES_MAX];
	size_t n;
};

/* xorshift64*: small, and the same everywhere */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? (size_t)(next(state) % n) : 0;
}

static void load_file(struct corpus *c, const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "rb");
	if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)INPUT_MAX || c->n == FILES_MAX) {
		if (f)
			fclose(f);
		return;
	}
	struct input in = {malloc((size_t)st.st_size + 1), 0};
	if (in.p)
		in.n = fread(in.p, 1, (size_t)st.st_size, f);
	fclose(f);
	if (in.p)
		c->files[c->n++] = in;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_folder(struct corpus *c, const char *folder)
{
	struct dirent **names = NULL;
	int count = scandir(folder, &names, NULL, by_name); /* sorted: the same run on every machine */
	for (int i = 0; i < count; i++) {
		char path[4096];
		if (snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < (int)sizeof path)
			load_file(c, path);
		free(names[i]);
	}
	free(names);
}

/* One small change: a bit, an interesting byte, a cut, a repeated or a removed range, a splice from another file. */
static size_t mutate(uint8_t *p, size_t n, uint64_t *rng, const struct corpus *c)
{
	static const uint8_t interesting[] = {0x00, 0x01, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	size_t at = below(rng, n);
	switch (below(rng, 6)) {
	case 0:
		if (n)
			p[at] ^= (uint8_t)(1u << below(rng, 8));
		return n;
	case 1:
		if (n)
			p[at] = interesting[below(rng, sizeof interesting)];
		return n;
	case 2:
		return below(rng, n + 1);
	case 3: {
		size_t len = below(rng, n - at + 1);
		if (len > INPUT_MAX - n)
			len = INPUT_MAX - n;
		memmove(p + at + len, p + at, n - at);
		return n + len;
	}
	case 4: {
		size_t len = below(rng, n - at + 1);
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	}
	default: {
		const struct input *other = &c->files[below(rng, c->n)];
		size_t from = below(rng, other->n);
		size_t len = below(rng, other->n - from + 1);
		if (len > INPUT_MAX - at)
			len = INPUT_MAX - at;
		memcpy(p + at, other->p + from, len);
		return at + len > n ? at + len : n;
	}
	}
}

static void keep(const uint8_t *p, size_t n)
{
	const char *path = getenv("FUZZ_CRASH");
	FILE *f = path ? fopen(path, "wb") : NULL;
	if (!f)
		return;
	(void)!fwrite(p, 1, n, f);
	fclose(f);
}

/* An exact copy on the heap, so that one byte read beyond the end is a report. */
static void run_one(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	if (!copy)
		return;
	memcpy(copy, p, n);
	keep(p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

int main(int argc, char **argv)
{
	static struct corpus corpus;
	static uint8_t scratch[INPUT_MAX];
	if (argc < 2) {
		fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS [SEED]]\n", argv[0]);
		return 2;
	}
	unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	uint64_t rng = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	load_folder(&corpus, argv[1]);
	if (corpus.n == 0 || rng == 0) {
		fprintf(stderr, "%s: no seeds, or seed 0\n", argv[1]);
		return 1;
	}
	printf("%zu seeds, %lu mutations, seed %llu\n", corpus.n, mutations, (unsigned long long)rng);
	for (size_t i = 0; i < corpus.n; i++)
		run_one(corpus.files[i].p, corpus.files[i].n);
	for (unsigned long i = 0; i < mutations; i++) {
		const struct input *in = &corpus.files[below(&rng, corpus.n)];
		size_t n = in->n;
		memcpy(scratch, in->p, n);
		for (size_t changes = 1 + below(&rng, 4); changes > 0; changes--)
			n = mutate(scratch, n, &rng, &corpus);
		run_one(scratch, n);
	}
	for (size_t i = 0; i < corpus.n; i++)
		free(corpus.files[i].p);
	return 0;
}
