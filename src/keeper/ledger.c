/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger: append-only, chained by SHA-256, on disk before anything it speaks of leaves.
 *
 * A crash can leave an incomplete last record: one that the file ends in, or (where the file system grew the file before
 * it wrote the bytes) one that ends in zeros. Nothing of it was acknowledged, so it is cut off. Anything else that does
 * not fit the chain is damage or forgery, and the keeper refuses to start.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

#define MAGIC SP_BYTES_LIT("sealpost ledger 1\n")
#define HASH 32u

static enum sp_err chain_of(struct sp_hash32 *out, const struct sp_hash32 *before, struct sp_bytes record)
{
	struct sp_hash h;
	struct sp_bytes parts[] = {sp_hash32_bytes(before), record};
	SP_TRY(sp_hash_parts(&h, SP_HASH_SHA256, parts, SP_ARRAY_LEN(parts)));
	sp_copy(out->b, h.b, HASH);
	return SP_OK;
}

enum sp_err sp__keeper_ledger_make(int dir_fd)
{
	return sp__keeper_file_make(dir_fd, "ledger", MAGIC);
}

/* Reads n bytes at an offset; SP_ERR_TRUNCATED when the file ends before. */
static enum sp_err read_at(int fd, uint8_t *out, size_t n, int64_t at)
{
	while (n > 0) {
		ssize_t got = pread(fd, out, n, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return SP_ERR_IO;
		if (got == 0)
			return SP_ERR_TRUNCATED;
		out += got;
		at += got;
		n -= (size_t)got;
	}
	return SP_OK;
}

static enum sp_err read_magic(struct sp__keeper_ledger *l)
{
	uint8_t got[sizeof "sealpost ledger 1\n" - 1];
	enum sp_err e = read_at(l->fd, got, sizeof got, 0);
	if (e != SP_OK || !sp_bytes_equal(SP_BYTES_OF(got), MAGIC))
		return e == SP_ERR_IO ? e : SP_ERR_CORRUPT;
	l->end = sizeof got;
	return sp_sha256(&l->head, MAGIC);
}

enum sp_err sp__keeper_ledger_open(struct sp__keeper_ledger *out, int dir_fd, bool for_writing)
{
	*out = (struct sp__keeper_ledger){.fd = openat(dir_fd, "ledger", (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW)};
	sp_buf_init(&out->buf, 4 + SP_KEEPER_RECORD_MAX + HASH);
	if (out->fd < 0)
		return sp__keeper_errno(errno);
	enum sp_err e = read_magic(out);
	if (e != SP_OK)
		sp__keeper_ledger_close(out);
	return e;
}

void sp__keeper_ledger_close(struct sp__keeper_ledger *ledger)
{
	if (ledger->fd >= 0)
		close(ledger->fd);
	ledger->fd = -1;
	sp_buf_clear(&ledger->buf);
}

static bool tail_is_zero(int fd, int64_t at)
{
	uint8_t chunk[512];
	for (;;) {
		ssize_t n = pread(fd, chunk, sizeof chunk, at);
		if (n <= 0)
			return n == 0;
		for (ssize_t i = 0; i < n; i++)
			if (chunk[i] != 0)
				return false;
		at += n;
	}
}

/* The bytes at the end: are they a record that a crash cut short? */
static enum sp_err tail_verdict(const struct sp__keeper_ledger *l, size_t whole)
{
	struct stat st;
	if (fstat(l->fd, &st) != 0)
		return SP_ERR_IO;
	bool is_last = st.st_size <= l->end + (int64_t)whole;
	return is_last && tail_is_zero(l->fd, l->end + (int64_t)(whole - HASH)) ? SP_ERR_NOT_FOUND : SP_ERR_CORRUPT;
}

/* Reads length, record and chain into the buffer. SP_ERR_NOT_FOUND at the end. */
static enum sp_err read_raw(struct sp__keeper_ledger *l, struct sp_bytes *out_record, struct sp_hash32 *out_chain)
{
	uint8_t head[4];
	uint8_t *p;
	uint32_t n;
	enum sp_err e = read_at(l->fd, head, sizeof head, l->end);
	if (e != SP_OK)
		return e == SP_ERR_TRUNCATED ? SP_ERR_NOT_FOUND : e;
	struct sp_reader r = sp_reader_of(SP_BYTES_OF(head));
	SP_TRY(sp_read_u32(&r, &n));
	if (n == 0)
		return tail_is_zero(l->fd, l->end) ? SP_ERR_NOT_FOUND : SP_ERR_CORRUPT;
	if (n > SP_KEEPER_RECORD_MAX)
		return SP_ERR_CORRUPT;
	l->buf.n = 0;
	SP_TRY(sp_buf_extend(&l->buf, n + HASH, &p));
	e = read_at(l->fd, p, n + HASH, l->end + 4);
	if (e != SP_OK)
		return e == SP_ERR_TRUNCATED ? SP_ERR_NOT_FOUND : e;
	*out_record = (struct sp_bytes){p, n};
	sp_copy(out_chain->b, p + n, HASH);
	return SP_OK;
}

enum sp_err sp__keeper_ledger_next(struct sp__keeper_ledger *ledger, struct sp__keeper_record *out)
{
	struct sp_bytes raw;
	struct sp_hash32 stored, computed;
	*out = (struct sp__keeper_record){0};
	SP_TRY(read_raw(ledger, &raw, &stored));
	SP_TRY(chain_of(&computed, &ledger->head, raw));
	if (!sp_hash32_equal(&stored, &computed))
		return tail_verdict(ledger, 4 + raw.n + HASH);
	SP_TRY(sp__keeper_record_decode(out, raw));
	if (out->seq != ledger->seq + 1)
		return SP_ERR_CORRUPT;
	ledger->seq = out->seq;
	ledger->head = computed;
	ledger->end += (int64_t)(4 + raw.n + HASH);
	return SP_OK;
}

enum sp_err sp__keeper_ledger_trim(struct sp__keeper_ledger *ledger)
{
	struct stat st;
	if (fstat(ledger->fd, &st) != 0)
		return SP_ERR_IO;
	if (st.st_size == ledger->end)
		return SP_OK;
	return ftruncate(ledger->fd, ledger->end) == 0 && fsync(ledger->fd) == 0 ? SP_OK : SP_ERR_IO;
}

static enum sp_err encode_framed(struct sp_buf *out, const struct sp__keeper_record *record, const struct sp_hash32 *head, struct sp_hash32 *out_chain)
{
	uint8_t *p;
	SP_TRY(sp_buf_extend(out, 4, &p));
	SP_TRY(sp__keeper_record_encode(out, record));
	struct sp_bytes raw = {out->p + 4, out->n - 4};
	SP_TRY(chain_of(out_chain, head, raw));
	for (size_t i = 0; i < 4; i++)
		out->p[i] = (uint8_t)((uint32_t)raw.n >> (24 - 8 * i));
	return sp_buf_append(out, sp_hash32_bytes(out_chain));
}

/* A failed write is undone, so that a full disk changes nothing. */
static enum sp_err write_at_end(struct sp__keeper_ledger *l, struct sp_bytes in)
{
	int64_t at = l->end;
	while (in.n > 0) {
		ssize_t n = pwrite(l->fd, in.p, in.n, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			enum sp_err e = sp__keeper_errno(n < 0 ? errno : EIO);
			return ftruncate(l->fd, l->end) == 0 ? e : SP_ERR_IO;
		}
		at += n;
		in = (struct sp_bytes){in.p + n, in.n - (size_t)n};
	}
	return SP_OK;
}

enum sp_err sp__keeper_ledger_append(struct sp__keeper_ledger *ledger, struct sp__keeper_record *record, bool durable)
{
	struct sp_hash32 chain;
	record->seq = ledger->seq + 1;
	ledger->buf.n = 0;
	SP_TRY(encode_framed(&ledger->buf, record, &ledger->head, &chain));
	SP_TRY(write_at_end(ledger, sp_buf_bytes(&ledger->buf)));
	if (durable && fdatasync(ledger->fd) != 0)
		return SP_ERR_IO; /* what is on disk is unknown now: never tried again */
	ledger->end += (int64_t)ledger->buf.n;
	ledger->seq = record->seq;
	ledger->head = chain;
	return SP_OK;
}
