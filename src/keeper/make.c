/* SPDX-License-Identifier: Apache-2.0
 *
 * A new organisation: root and issuing keys, their certificates, the root's own revocation list, the ledger. The root key
 * signs here and never again; it stays sealed beside the others so that a new issuing authority can be made one day.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "keeper/keeper_priv.h"

/* The root's list says that the issuing authority is not revoked; it holds as long as the root. */
#define ROOT_CRL_MS (20 * 365 * SP_KEEPER_DAY_MS)

struct work {
	int dir_fd;
	struct sp_rng rng;
	struct sp_secret kek;
	struct sp_sign_key *root_key, *issuing_key;
	struct sp_buf root, issuing, root_crl;
	struct sp_hash32 fingerprint;
};

static enum sp_err make_keys(struct work *w)
{
	SP_TRY(sp__keeper_kek_make(&w->kek, w->dir_fd, &w->rng));
	SP_TRY(sp_sign_key_generate(&w->root_key, SP_SIG_ECDSA_P256_SHA256));
	SP_TRY(sp_sign_key_generate(&w->issuing_key, SP_SIG_ECDSA_P256_SHA256));
	SP_TRY(sp__keeper_key_save(w->dir_fd, "root.key", w->root_key, &w->kek, &w->rng));
	return sp__keeper_key_save(w->dir_fd, "issuing.key", w->issuing_key, &w->kek, &w->rng);
}

static enum sp_err make_certificates(struct work *w, const struct sp_keeper_plan *plan)
{
	struct sp_pki_serial serials[2];
	struct sp_pki_point root_point, issuing_point;
	SP_TRY(sp_pki_serial_random(&serials[0], &w->rng));
	SP_TRY(sp_pki_serial_random(&serials[1], &w->rng));
	SP_TRY(sp_pki_point_decode(&root_point, sp_sign_key_signer(w->root_key).public_key));
	SP_TRY(sp_pki_point_decode(&issuing_point, sp_sign_key_signer(w->issuing_key).public_key));
	SP_TRY(sp_pki_root_make(&w->root, w->root_key, plan->org, &serials[0], plan->now));
	struct sp_pki_issuer root = {w->root_key, sp_buf_bytes(&w->root)};
	SP_TRY(sp_pki_issuing_make(&w->issuing, &root, &issuing_point, &serials[1], plan->now));
	struct sp_time until = {plan->now.ms + ROOT_CRL_MS};
	SP_TRY(sp_pki_crl_make(&w->root_crl, &root, NULL, 0, (uint64_t)plan->now.ms / 1000, until));
	return sp_pki_spki_hash(&w->fingerprint, &root_point);
}

static enum sp_err save_certificates(const struct work *w)
{
	SP_TRY(sp__keeper_file_make(w->dir_fd, "root.der", sp_buf_bytes(&w->root)));
	SP_TRY(sp__keeper_file_make(w->dir_fd, "issuing.der", sp_buf_bytes(&w->issuing)));
	SP_TRY(sp__keeper_file_make(w->dir_fd, "root.crl", sp_buf_bytes(&w->root_crl)));
	return sp__keeper_file_make(w->dir_fd, "lock", SP_BYTES_NONE);
}

/* The ledger comes last: a folder without one is not an organisation. */
static enum sp_err found(const struct work *w, const struct sp_keeper_plan *plan)
{
	struct sp__keeper_ledger ledger;
	struct sp__keeper_record record = {.time = plan->now,
					   .type = SP_KEEPER_RECORD_FOUNDED,
					   .name = plan->org,
					   .key_hash = w->fingerprint,
					   .flags = plan->is_open ? SP_KEEPER_FLAG : 0};
	SP_TRY(sp__keeper_ledger_make(w->dir_fd));
	SP_TRY(sp__keeper_ledger_open(&ledger, w->dir_fd, true));
	enum sp_err e = sp__keeper_ledger_append(&ledger, &record, true);
	sp__keeper_ledger_close(&ledger);
	return e;
}

static enum sp_err make(struct work *w, const struct sp_keeper_plan *plan)
{
	if (w->dir_fd < 0)
		return sp__keeper_errno(errno);
	if (faccessat(w->dir_fd, "ledger", F_OK, 0) == 0)
		return SP_ERR_EXISTS;
	SP_TRY(make_keys(w));
	SP_TRY(make_certificates(w, plan));
	SP_TRY(save_certificates(w));
	return found(w, plan);
}

enum sp_err sp_keeper_make(const struct sp_keeper_plan *plan)
{
	struct work w = {.rng = sp_rng_system()};
	if (!sp_pki_org_is_valid(plan->org))
		return SP_ERR_USAGE;
	sp_buf_init(&w.root, SP_LIMIT_CERT);
	sp_buf_init(&w.issuing, SP_LIMIT_CERT);
	sp_buf_init(&w.root_crl, SP_LIMIT_CERT);
	w.dir_fd = open(plan->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum sp_err e = make(&w, plan);
	if (w.dir_fd >= 0)
		close(w.dir_fd);
	sp_secret_clear(&w.kek);
	sp_sign_key_free(&w.root_key);
	sp_sign_key_free(&w.issuing_key);
	sp_buf_clear(&w.root);
	sp_buf_clear(&w.issuing);
	sp_buf_clear(&w.root_crl);
	return e;
}
