/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a keeper's folder: lock, keys, certificates, the ledger's replay. And what the opened one tells about itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

static enum sp_err take_lock(struct sp_keeper *k)
{
	k->lock_fd = openat(k->dir_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (k->lock_fd < 0)
		return sp__keeper_errno(errno);
	if (flock(k->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return SP_OK;
	return errno == EWOULDBLOCK ? SP_ERR_LOCKED : SP_ERR_IO;
}

static enum sp_err derive_token_secret(struct sp_keeper *k, const struct sp_secret *kek)
{
	k->token_secret.n = 32;
	return sp_hkdf_expand(k->token_secret.b, 32, SP_HASH_SHA256, sp_secret_bytes(kek), SP_BYTES_LIT("sealpost keeper invitation 1"));
}

static enum sp_err load_keys(struct sp_keeper *k)
{
	struct sp_secret kek = {0};
	enum sp_err e = sp__keeper_kek_open(&kek, k->dir_fd);
	if (e == SP_OK)
		e = sp__keeper_key_load(&k->issuing_key, k->dir_fd, "issuing.key", &kek);
	if (e == SP_OK)
		e = derive_token_secret(k, &kek);
	sp_secret_clear(&kek);
	return e;
}

static enum sp_err load_certificates(struct sp_keeper *k)
{
	SP_TRY(sp__keeper_file_read(&k->root, k->dir_fd, "root.der"));
	SP_TRY(sp__keeper_file_read(&k->issuing, k->dir_fd, "issuing.der"));
	return sp__keeper_file_read(&k->root_crl, k->dir_fd, "root.crl");
}

static enum sp_err replay(struct sp_keeper *k)
{
	struct sp__keeper_record record;
	enum sp_err e;
	while ((e = sp__keeper_ledger_next(&k->ledger, &record)) == SP_OK)
		SP_TRY(sp__keeper_state_apply(&k->state, &record));
	if (e != SP_ERR_NOT_FOUND)
		return e;
	return k->state.org[0] ? SP_OK : SP_ERR_CORRUPT;
}

static enum sp_err open_for_reading(struct sp_keeper *k, bool for_writing)
{
	SP_TRY(load_certificates(k));
	SP_TRY(sp__keeper_ledger_open(&k->ledger, k->dir_fd, for_writing));
	return replay(k);
}

static enum sp_err open_whole(struct sp_keeper *k, struct sp_time now)
{
	SP_TRY(take_lock(k));
	SP_TRY(load_keys(k));
	SP_TRY(open_for_reading(k, true));
	SP_TRY(sp__keeper_ledger_trim(&k->ledger));
	return sp_pki_trust_new(&k->trust, &k->state.fingerprint, sp_buf_bytes(&k->root), sp_buf_bytes(&k->issuing), now);
}

static struct sp_keeper *keeper_new(const char *folder)
{
	struct sp_keeper *k = sp_alloc(sizeof *k);
	if (!k)
		return NULL;
	k->dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k->lock_fd = k->log_fd = k->ledger.fd = -1;
	k->rng = sp_rng_system();
	sp_buf_init(&k->root, SP_LIMIT_CERT);
	sp_buf_init(&k->issuing, SP_LIMIT_CERT);
	sp_buf_init(&k->root_crl, SP_LIMIT_CERT);
	sp_buf_init(&k->crl, SP_LIMIT_CRL);
	return k;
}

enum sp_err sp_keeper_open(struct sp_keeper **out, const char *folder, struct sp_time now)
{
	*out = NULL;
	struct sp_keeper *k = keeper_new(folder);
	if (!k)
		return SP_ERR_NOMEM;
	enum sp_err e = k->dir_fd < 0 ? sp__keeper_errno(errno) : open_whole(k, now);
	if (e != SP_OK)
		sp_keeper_close(&k);
	*out = k;
	return e;
}

enum sp_err sp_keeper_peek(struct sp_keeper **out, const char *folder)
{
	*out = NULL;
	struct sp_keeper *k = keeper_new(folder);
	if (!k)
		return SP_ERR_NOMEM;
	enum sp_err e = k->dir_fd < 0 ? sp__keeper_errno(errno) : open_for_reading(k, false);
	if (e != SP_OK)
		sp_keeper_close(&k);
	*out = k;
	return e;
}

void sp_keeper_close(struct sp_keeper **keeper)
{
	struct sp_keeper *k = *keeper;
	if (!k)
		return;
	sp__keeper_ledger_close(&k->ledger);
	sp__keeper_state_clear(&k->state);
	sp_sign_key_free(&k->issuing_key);
	sp_secret_clear(&k->token_secret);
	sp_buf_clear(&k->root);
	sp_buf_clear(&k->issuing);
	sp_buf_clear(&k->root_crl);
	sp_buf_clear(&k->crl);
	sp_pki_trust_free(&k->trust);
	if (k->lock_fd >= 0)
		close(k->lock_fd);
	if (k->dir_fd >= 0)
		close(k->dir_fd);
	sp_free(k);
	*keeper = NULL;
}

const char *sp_keeper_org(const struct sp_keeper *keeper)
{
	return keeper->state.org;
}

const struct sp_hash32 *sp_keeper_fingerprint(const struct sp_keeper *keeper)
{
	return &keeper->state.fingerprint;
}

bool sp_keeper_registration_is_open(const struct sp_keeper *keeper)
{
	return keeper->state.is_open;
}

struct sp_bytes sp_keeper_root(const struct sp_keeper *keeper)
{
	return sp_buf_bytes(&keeper->root);
}

struct sp_bytes sp_keeper_issuing(const struct sp_keeper *keeper)
{
	return sp_buf_bytes(&keeper->issuing);
}

struct sp_pki_issuer sp__keeper_issuer(const struct sp_keeper *k)
{
	return (struct sp_pki_issuer){k->issuing_key, sp_buf_bytes(&k->issuing)};
}

enum sp_err sp_keeper_account_at(const struct sp_keeper *keeper, size_t index, struct sp_keeper_account_info *out)
{
	*out = (struct sp_keeper_account_info){0};
	if (index >= keeper->state.accounts_n)
		return SP_ERR_NOT_FOUND;
	const struct sp__keeper_account *a = &keeper->state.accounts[index];
	out->account_id = a->id;
	out->is_admin = a->is_admin;
	out->is_disabled = a->is_disabled;
	out->since = a->since;
	snprintf(out->address, sizeof out->address, "%s@%s", a->name, keeper->state.org);
	for (size_t i = 0; i < keeper->state.certs_n; i++)
		out->certificates += keeper->state.certs[i].account == index;
	return SP_OK;
}

/* A record that the state refuses was our mistake; it is on disk now, so this process ends. */
enum sp_err sp__keeper_commit(struct sp_keeper *k, struct sp__keeper_record *record)
{
	SP_TRY(sp__keeper_ledger_append(&k->ledger, record, true));
	enum sp_err e = sp__keeper_state_apply(&k->state, record);
	return e == SP_OK ? SP_OK : SP_ERR_BUG;
}
