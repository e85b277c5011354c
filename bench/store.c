/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's writer: what a durable message costs by size of batch. 1 KiB bodies to 10,000 logs at random, one transaction and one
 * sync for each batch; with request numbers from 1,000 devices, and without. CPU is the whole process's: writer and check-pointer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum { LOGS = 10000, DEVICES = 1000, BATCH_MAX = 256, BODY = 1024, SECONDS = 2 };

static struct sp_store_op ops[BATCH_MAX], *all[BATCH_MAX];
static uint8_t bodies[BATCH_MAX][BODY];
static uint64_t reqnos[DEVICES];
static uint64_t seed = 88172645463325252u;

static void must(enum sp_err err, const char *what)
{
	if (err == SP_OK)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, sp_err_text(err));
	exit(1);
}

/* xorshift: which log is next need not be secret */
static uint64_t next_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct sp_id16 id_of(uint64_t n)
{
	struct sp_id16 id = {{0}};

	sp_copy(id.b, &n, sizeof n);
	return id;
}

static void apply(struct sp_store *store, size_t n)
{
	must(sp_store_apply(store, all, n), "apply");
	for (size_t i = 0; i < n; i++)
		must(ops[i].err, "operation");
}

static struct sp_store_op account_op(uint64_t n, char *address, size_t size)
{
	snprintf(address, size, "u%llu@example.org", (unsigned long long)n);
	return (struct sp_store_op){.verb = SP_STORE_ACCOUNT_PUT, .u.account_put.account = {.id = id_of(n), .address = sp_bytes_str(address)}};
}

static void people_make(struct sp_store *store)
{
	static char addresses[BATCH_MAX][32];

	for (uint64_t n = 0; n < LOGS;) {
		size_t batch = 0;
		for (; batch < BATCH_MAX && n < LOGS; batch++, n++)
			ops[batch] = account_op(n, addresses[batch], sizeof addresses[batch]);
		apply(store, batch);
	}
	for (uint64_t n = 0; n < DEVICES;) {
		size_t batch = 0;
		for (; batch < BATCH_MAX && n < DEVICES; batch++, n++)
			ops[batch] = (struct sp_store_op){.verb = SP_STORE_DEVICE_PUT, .u.device_put.device = {.id = id_of(n), .account = id_of(n)}};
		apply(store, batch);
	}
}

static void batch_make(size_t n, bool stamped)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t device = next_number() % DEVICES;

		ops[i] = (struct sp_store_op){
			.verb = SP_STORE_APPEND,
			.now.ms = 1000,
			.u.append = {.log = {SP_STORE_LOG_INBOX, id_of(next_number() % LOGS)}, .kind = 3, .body = {bodies[i], BODY}},
		};
		if (stamped)
			ops[i].stamp = (struct sp_store_stamp){.device = id_of(device), .reqno = ++reqnos[device]};
	}
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_now(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void run(struct sp_store *store, size_t batch, bool stamped)
{
	struct sp_store_stats before, after;
	double start = seconds_now(), cpu = cpu_now(), worst = 0, end;
	uint64_t messages = 0;

	sp_store_stats_get(store, &before);
	do {
		double began = seconds_now();
		batch_make(batch, stamped);
		apply(store, batch);
		end = seconds_now();
		worst = SP_MAX(worst, end - began);
		messages += batch;
	} while (end - start < SECONDS);
	sp_store_stats_get(store, &after);
	printf("%6zu  %-7s  %9.0f  %9.1f  %9.4f  %9.1f\n", batch, stamped ? "yes" : "no", (double)messages / (end - start),
	       (cpu_now() - cpu) * 1e6 / (double)messages, (double)(after.commits - before.commits) / (double)messages, worst * 1e3);
}

static void remove_all(const char *folder)
{
	const char *const tails[] = {"", "-wal", "-shm", "-lock"};
	char path[256];

	for (size_t i = 0; i < SP_ARRAY_LEN(tails); i++) {
		snprintf(path, sizeof path, "%s/store.db%s", folder, tails[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const size_t batches[] = {1, 16, 64, 256};
	const char *tmp = getenv("TMPDIR");
	char folder[200], url[256];
	struct sp_store *store;

	snprintf(folder, sizeof folder, "%s/sealpost-bench-XXXXXX", tmp ? tmp : "/var/tmp"); /* a disk: /tmp may be memory */
	if (!mkdtemp(folder))
		return 1;
	snprintf(url, sizeof url, "sqlite:%s/store.db", folder);
	for (size_t i = 0; i < BATCH_MAX; i++)
		all[i] = &ops[i];
	must(sp_store_open(&store, url), "open");
	people_make(store);
	printf("store (SQLite, WAL, synchronous FULL): 1 KiB, %d logs, %d devices\n", LOGS, DEVICES);
	printf("%6s  %-7s  %9s  %9s  %9s  %9s\n", "batch", "reqno", "msg/s", "CPU us", "syncs/msg", "worst ms");
	for (size_t i = 0; i < SP_ARRAY_LEN(batches); i++) {
		run(store, batches[i], false);
		run(store, batches[i], true);
	}
	sp_store_close(&store);
	remove_all(folder);
	return 0;
}
