/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger for people: each record as a line's worth of text, after the chain said that it is genuine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

#define TEXT_MAX 512u

static void add(char text[TEXT_MAX], const char *key, const char *value)
{
	size_t n = strlen(text);
	if (n < TEXT_MAX)
		snprintf(text + n, TEXT_MAX - n, "%s%s=%s", n ? " " : "", key, value);
}

static void add_hex(char text[TEXT_MAX], const char *key, struct sp_bytes value)
{
	char hex[65] = "";
	for (size_t i = 0; i < value.n && i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", value.p[i]);
	add(text, key, hex);
}

static void add_id(char text[TEXT_MAX], const char *key, const struct sp_id16 *id)
{
	struct sp_buf b;
	char id_text[27] = "";
	sp_buf_init(&b, 26);
	if (sp_base32_encode(&b, sp_id16_bytes(id)) == SP_OK)
		sp_copy(id_text, b.p, b.n);
	sp_buf_clear(&b);
	add(text, key, id_text);
}

static void add_number(char text[TEXT_MAX], const char *key, uint64_t value)
{
	char number[24];
	snprintf(number, sizeof number, "%llu", (unsigned long long)value);
	add(text, key, number);
}

static void add_time(char text[TEXT_MAX], const char *key, uint64_t ms)
{
	char when[SP_TIME_TEXT_MAX];
	sp_time_format(when, (struct sp_time){(int64_t)ms});
	add(text, key, when);
}

static void add_text(char text[TEXT_MAX], const char *key, struct sp_bytes value)
{
	char copy[SP_LIMIT_ADDRESS + 1] = "";
	sp_copy(copy, value.p, SP_MIN(value.n, (size_t)SP_LIMIT_ADDRESS));
	for (char *c = copy; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
	add(text, key, copy);
}

static void describe_device(char text[TEXT_MAX], const struct sp__keeper_record *r)
{
	add_id(text, "account", &r->account_id);
	add_id(text, "device", &r->device_id);
	add_hex(text, "key", sp_hash32_bytes(&r->key_hash));
	add_hex(text, "serial", SP_BYTES_OF(r->serial.b));
}

static void describe(char text[TEXT_MAX], const struct sp__keeper_record *r)
{
	switch (r->type) {
	case SP_KEEPER_RECORD_FOUNDED:
		add_hex(text, "root", sp_hash32_bytes(&r->key_hash));
		add(text, "registration", r->flags & SP_KEEPER_FLAG ? "open" : "invitation");
		break;
	case SP_KEEPER_RECORD_INVITED:
		add_text(text, "by", r->by);
		add(text, "admin", r->flags & SP_KEEPER_FLAG ? "yes" : "no");
		add_time(text, "until", r->value);
		add_hex(text, "token", (struct sp_bytes){r->token_hash.b, 8});
		break;
	case SP_KEEPER_RECORD_ENROLLING:
		add(text, "admin", r->flags & SP_KEEPER_FLAG ? "yes" : "no");
		add_hex(text, "token", (struct sp_bytes){r->token_hash.b, 8});
		describe_device(text, r);
		break;
	case SP_KEEPER_RECORD_RENEWING:
		describe_device(text, r);
		break;
	case SP_KEEPER_RECORD_ISSUED:
	case SP_KEEPER_RECORD_SERVER:
		add_hex(text, "serial", SP_BYTES_OF(r->serial.b));
		break;
	case SP_KEEPER_RECORD_CRL:
		add_number(text, "number", r->value);
		break;
	case SP_KEEPER_RECORD_DISABLED:
	case SP_KEEPER_RECORD_ENABLED:
		add_text(text, "by", r->by);
		add_id(text, "account", &r->account_id);
		add_number(text, "crl", r->value);
		break;
	case SP_KEEPER_RECORD_REFUSED:
		add_text(text, "by", r->by);
		add_text(text, "error", r->name);
		add_number(text, "request", r->value);
		add_hex(text, "sha256", sp_hash32_bytes(&r->key_hash));
		break;
	}
}

/* The `who` of a record: a name, where it has one that is a person's or the organisation's. */
static void name_of(char out[TEXT_MAX], const struct sp__keeper_record *r)
{
	out[0] = '\0';
	if (r->type == SP_KEEPER_RECORD_REFUSED)
		return;
	add_text(out, "", r->name);
	memmove(out, out + 1, strlen(out)); /* without the "=" */
}

static enum sp_err show(struct sp__keeper_ledger *ledger, const struct sp__keeper_record *r, sp_keeper_entry_fn *each, void *ctx)
{
	char who[TEXT_MAX], detail[TEXT_MAX] = "";
	name_of(who, r);
	describe(detail, r);
	struct sp_keeper_entry entry = {.seq = r->seq,
					.time = r->time,
					.what = sp__keeper_record_text(r->type),
					.who = who,
					.detail = detail,
					.chain = ledger->head};
	return each(ctx, &entry);
}

static enum sp_err walk(struct sp__keeper_ledger *ledger, sp_keeper_entry_fn *each, void *ctx)
{
	struct sp__keeper_record record;
	enum sp_err e;
	while ((e = sp__keeper_ledger_next(ledger, &record)) == SP_OK)
		SP_TRY(show(ledger, &record, each, ctx));
	return e == SP_ERR_NOT_FOUND ? SP_OK : e;
}

enum sp_err sp_keeper_audit(const char *folder, sp_keeper_entry_fn *each, void *ctx)
{
	struct sp__keeper_ledger ledger;
	int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return sp__keeper_errno(errno);
	enum sp_err e = sp__keeper_ledger_open(&ledger, dir_fd, false);
	if (e == SP_OK)
		e = walk(&ledger, each, ctx);
	sp__keeper_ledger_close(&ledger);
	close(dir_fd);
	return e;
}
