/* SPDX-License-Identifier: Apache-2.0
 *
 * The organisation as one trusts it, and the verdict on a leaf.
 *
 * The upper half of the path (root, issuing authority, both revocation lists) is verified when it is taken in; a leaf
 * then costs one signature. That part of its verdict (signature, names, profile, purpose) does not depend on time, so it
 * is kept under the certificate's hash. Time and revocation are asked anew each time: they are comparisons. Only good
 * verdicts are kept: a stranger's certificates push nobody out.
 */
#include <openssl/err.h>

#include "pki/pki_priv.h"

#define SLOTS 1024u /* direct-mapped, 0.5 MiB: a room's 1,000 leaves */

struct sp_pki_trust {
	X509 *root;
	X509 *issuing;
	X509_STORE *root_store;    /* the root: what judges the issuing authority */
	X509_STORE *issuing_store; /* the issuing authority: what judges leaves, once itself was judged */
	struct sp__pki_crl crl;
	struct sp__pki_crl root_crl;
	char org[SP_LIMIT_ORG + 1];
	struct sp_hash32 fingerprint;
	struct sp_pki_serial issuing_serial;
	struct sp_time issuing_from, issuing_until; /* the overlap of root's and issuing's validity */
	struct sp_pki_identity *known;              /* SLOTS of them; kind 0 = empty */
};

void sp_pki_trust_free(struct sp_pki_trust **trust)
{
	struct sp_pki_trust *t = *trust;
	if (!t)
		return;
	X509_free(t->root);
	X509_free(t->issuing);
	X509_STORE_free(t->root_store);
	X509_STORE_free(t->issuing_store);
	sp__pki_crl_clear(&t->crl);
	sp__pki_crl_clear(&t->root_crl);
	sp_free(t->known);
	sp_free(t);
	*trust = NULL;
}

/* Our two authorities, each signed by the root's key. */
static enum sp_err check_authorities(struct sp_pki_trust *t, const struct sp_hash32 *fingerprint)
{
	struct sp_pki_point point;
	char org[SP_LIMIT_ORG + 1];
	SP_TRY(sp__pki_authority_check(t->root, true, t->org));
	SP_TRY(sp__pki_pubkey_point(&point, X509_get_X509_PUBKEY(t->root)));
	SP_TRY(sp_pki_spki_hash(&t->fingerprint, &point));
	if (!sp_hash32_equal(&t->fingerprint, fingerprint))
		return SP_ERR_FINGERPRINT;
	SP_TRY(sp__pki_authority_check(t->issuing, false, org));
	if (!sp_bytes_equal(sp_bytes_str(org), sp_bytes_str(t->org)))
		return SP_ERR_CERTIFICATE;
	EVP_PKEY *key = X509_get0_pubkey(t->root);
	return X509_verify(t->root, key) == 1 && X509_verify(t->issuing, key) == 1 ? SP_OK : SP_ERR_CERTIFICATE;
}

enum sp_err sp_pki_root_fingerprint(struct sp_hash32 *out, struct sp_bytes root)
{
	struct sp_pki_point point;
	X509 *x = sp__pki_cert_decode(root);
	enum sp_err e = x ? sp__pki_pubkey_point(&point, X509_get_X509_PUBKEY(x)) : SP_ERR_CERTIFICATE;
	*out = (struct sp_hash32){{0}};
	if (e == SP_OK)
		e = sp_pki_spki_hash(out, &point);
	X509_free(x);
	ERR_clear_error();
	return e;
}

static enum sp_err read_validity(struct sp_pki_trust *t)
{
	struct sp_time root_from, root_until;
	SP_TRY(sp__pki_time_decode(&root_from, X509_get0_notBefore(t->root)));
	SP_TRY(sp__pki_time_decode(&root_until, X509_get0_notAfter(t->root)));
	SP_TRY(sp__pki_time_decode(&t->issuing_from, X509_get0_notBefore(t->issuing)));
	SP_TRY(sp__pki_time_decode(&t->issuing_until, X509_get0_notAfter(t->issuing)));
	t->issuing_from.ms = SP_MAX(t->issuing_from.ms, root_from.ms);
	t->issuing_until.ms = SP_MIN(t->issuing_until.ms, root_until.ms);
	return sp__pki_serial_decode(&t->issuing_serial, X509_get0_serialNumber(t->issuing));
}

static enum sp_err check_time(struct sp_time at, struct sp_time from, struct sp_time until)
{
	return at.ms >= from.ms && at.ms <= until.ms ? SP_OK : SP_ERR_EXPIRED;
}

static enum sp_err make_stores(struct sp_pki_trust *t)
{
	t->root_store = X509_STORE_new();
	t->issuing_store = X509_STORE_new();
	t->known = sp_alloc_array(SLOTS, sizeof *t->known);
	if (!t->root_store || !t->issuing_store || !t->known)
		return SP_ERR_NOMEM;
	bool added = X509_STORE_add_cert(t->root_store, t->root) == 1 && X509_STORE_add_cert(t->issuing_store, t->issuing) == 1;
	return added ? SP_OK : SP_ERR_NOMEM;
}

/* Whether the issuing authority is revoked is answered from the table, as for leaves; here only that the list is good. */
static int ignore_revoked(int ok, X509_STORE_CTX *ctx)
{
	return ok == 1 || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_REVOKED;
}

/* The issuing authority under the root and the root's list (NULL: not there yet): strict, times aside. */
static enum sp_err verify_issuing(struct sp_pki_trust *t, X509_CRL *root_crl)
{
	unsigned long crl_flags = root_crl ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0;
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	enum sp_err e = SP_ERR_NOMEM;
	if (!ctx || !crls || (root_crl && sk_X509_CRL_push(crls, root_crl) <= 0) || X509_STORE_CTX_init(ctx, t->root_store, t->issuing, NULL) != 1)
		goto out;
	X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx), X509_V_FLAG_X509_STRICT | X509_V_FLAG_NO_CHECK_TIME | crl_flags);
	X509_STORE_CTX_set0_crls(ctx, crls);
	X509_STORE_CTX_set_verify_cb(ctx, ignore_revoked);
	e = X509_verify_cert(ctx) == 1 ? SP_OK : SP_ERR_CERTIFICATE;
out:
	X509_STORE_CTX_free(ctx);
	sk_X509_CRL_free(crls);
	return e;
}

static enum sp_err open_trust(struct sp_pki_trust *t, const struct sp_hash32 *fingerprint, struct sp_time now)
{
	if (!t->root || !t->issuing)
		return SP_ERR_CERTIFICATE;
	SP_TRY(check_authorities(t, fingerprint));
	SP_TRY(read_validity(t));
	SP_TRY(check_time(now, t->issuing_from, t->issuing_until));
	SP_TRY(make_stores(t));
	return verify_issuing(t, NULL);
}

enum sp_err sp_pki_trust_new(struct sp_pki_trust **out, const struct sp_hash32 *fingerprint, struct sp_bytes root, struct sp_bytes issuing,
			     struct sp_time now)
{
	*out = NULL;
	struct sp_pki_trust *t = sp_alloc(sizeof *t);
	if (!t)
		return SP_ERR_NOMEM;
	t->root = sp__pki_cert_decode(root);
	t->issuing = sp__pki_cert_decode(issuing);
	enum sp_err e = open_trust(t, fingerprint, now);
	ERR_clear_error();
	if (e != SP_OK)
		sp_pki_trust_free(&t);
	*out = t;
	return e;
}

/* -- revocation ---------------------------------------------------------------------------------------------------- */

static enum sp_err read_pair(struct sp__pki_crl *out_issuing, struct sp__pki_crl *out_root, const struct sp_pki_trust *t, struct sp_bytes pair)
{
	size_t used;
	SP_TRY(sp__pki_crl_open(out_issuing, pair, &used, t->issuing));
	struct sp_bytes rest = {pair.p + used, pair.n - used};
	SP_TRY(sp__pki_crl_open(out_root, rest, &used, t->root));
	return used == rest.n ? SP_OK : SP_ERR_CERTIFICATE;
}

static enum sp_err compare_numbers(const struct sp_pki_trust *t, const struct sp__pki_crl *issuing, const struct sp__pki_crl *root)
{
	if (issuing->info.number < t->crl.info.number || root->info.number < t->root_crl.info.number)
		return SP_ERR_EXPIRED;
	return SP_OK;
}

static void take_pair(struct sp_pki_trust *t, struct sp__pki_crl *issuing, struct sp__pki_crl *root)
{
	sp__pki_crl_clear(&t->crl);
	sp__pki_crl_clear(&t->root_crl);
	t->crl = *issuing;
	t->root_crl = *root;
	*issuing = *root = (struct sp__pki_crl){0}; /* moved */
}

enum sp_err sp_pki_trust_set_crl(struct sp_pki_trust *trust, struct sp_bytes crl)
{
	struct sp__pki_crl issuing = {0}, root = {0};
	enum sp_err e = read_pair(&issuing, &root, trust, crl);
	if (e == SP_OK)
		e = compare_numbers(trust, &issuing, &root);
	bool is_news = issuing.info.number > trust->crl.info.number || root.info.number > trust->root_crl.info.number;
	if (e == SP_OK && is_news)
		e = verify_issuing(trust, root.x);
	if (e == SP_OK && is_news)
		take_pair(trust, &issuing, &root);
	sp__pki_crl_clear(&issuing);
	sp__pki_crl_clear(&root);
	ERR_clear_error();
	return e;
}

uint64_t sp_pki_trust_crl_number(const struct sp_pki_trust *trust)
{
	return trust->crl.info.number;
}

const char *sp_pki_trust_org(const struct sp_pki_trust *trust)
{
	return trust->org;
}

const struct sp_hash32 *sp_pki_trust_fingerprint(const struct sp_pki_trust *trust)
{
	return &trust->fingerprint;
}

bool sp_pki_trust_is_revoked(const struct sp_pki_trust *trust, const struct sp_pki_serial *serial, uint64_t crl_number)
{
	return sp__pki_crl_has(&trust->crl, serial, crl_number ? crl_number : trust->crl.info.number);
}

/* -- judging --------------------------------------------------------------------------------------------------------- */

/* The issuing authority was judged when the store was made, and again with each list: so it may be the path's end. */
static enum sp_err verify_path(struct sp_pki_trust *t, X509 *leaf, enum sp_pki_kind kind)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum sp_err e = SP_ERR_NOMEM;
	if (!ctx || X509_STORE_CTX_init(ctx, t->issuing_store, leaf, NULL) != 1)
		goto out;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
	X509_VERIFY_PARAM_set_purpose(param, sp__pki_purpose_id(kind == SP_PKI_DEVICE ? SP_PKI_FOR_DEVICE : SP_PKI_FOR_SERVER));
	e = X509_verify_cert(ctx) == 1 ? SP_OK : SP_ERR_CERTIFICATE;
out:
	X509_STORE_CTX_free(ctx);
	return e;
}

static enum sp_err judge_path(struct sp_pki_trust *t, struct sp_pki_identity *out, struct sp_bytes cert)
{
	struct sp_pki_claim claim = {0};
	X509 *x = sp__pki_cert_decode(cert);
	enum sp_err e = x ? sp__pki_claim_of(&claim, x, cert) : SP_ERR_CERTIFICATE;
	if (e == SP_OK)
		e = verify_path(t, x, claim.unverified.kind);
	/* a device certificate is for mail too, and OpenSSL must say so as well */
	if (e == SP_OK && claim.unverified.kind == SP_PKI_DEVICE && X509_check_purpose(x, X509_PURPOSE_SMIME_SIGN, 0) != 1)
		e = SP_ERR_CERTIFICATE;
	X509_free(x);
	ERR_clear_error();
	if (e == SP_OK)
		*out = claim.unverified;
	return e;
}

static struct sp_pki_identity *slot_of(struct sp_pki_trust *t, const struct sp_hash32 *cert_hash)
{
	return &t->known[((unsigned)cert_hash->b[0] << 8 | cert_hash->b[1]) % SLOTS];
}

static enum sp_err find_or_judge(struct sp_pki_trust *t, struct sp_pki_identity *out, struct sp_bytes cert)
{
	struct sp_hash32 hash;
	SP_TRY(sp_sha256(&hash, cert));
	struct sp_pki_identity *slot = slot_of(t, &hash);
	if (slot->kind == 0 || !sp_hash32_equal(&slot->cert_hash, &hash)) {
		struct sp_pki_identity fresh;
		SP_TRY(judge_path(t, &fresh, cert));
		*slot = fresh;
	}
	*out = *slot;
	return SP_OK;
}

static enum sp_err check_revoked(const struct sp_pki_trust *t, const struct sp_pki_identity *id, uint64_t number)
{
	if (sp__pki_crl_has(&t->root_crl, &t->issuing_serial, UINT64_MAX))
		return SP_ERR_REVOKED;
	return sp_pki_trust_is_revoked(t, &id->serial, number) ? SP_ERR_REVOKED : SP_OK;
}

/* The verdict but for the time. */
static enum sp_err vouch(struct sp_pki_trust *t, struct sp_pki_identity *id, struct sp_bytes cert, const struct sp_pki_question *question)
{
	if (question->crl_unasked && question->purpose == SP_PKI_FOR_SERVER)
		return find_or_judge(t, id, cert);
	if (t->crl.info.number == 0 || t->crl.info.number < question->crl_number)
		return SP_ERR_NEED_CREDENTIAL;
	SP_TRY(find_or_judge(t, id, cert));
	return check_revoked(t, id, question->crl_number);
}

static enum sp_err answer(struct sp_pki_trust *t, struct sp_pki_identity *id, struct sp_bytes cert, const struct sp_pki_question *question)
{
	SP_TRY(vouch(t, id, cert, question));
	if ((id->kind == SP_PKI_SERVER) != (question->purpose == SP_PKI_FOR_SERVER))
		return SP_ERR_CERTIFICATE;
	if (question->expiry_tolerated)
		return SP_OK;
	SP_TRY(check_time(question->at, t->issuing_from, t->issuing_until));
	return check_time(question->at, id->not_before, id->not_after);
}

enum sp_err sp_pki_trust_judge(struct sp_pki_trust *trust, struct sp_pki_identity *out, struct sp_bytes cert, const struct sp_pki_question *question)
{
	*out = (struct sp_pki_identity){0};
	if (question->purpose < SP_PKI_FOR_DEVICE || question->purpose > SP_PKI_FOR_MAIL)
		return SP_ERR_USAGE;
	struct sp_pki_identity id;
	enum sp_err e = answer(trust, &id, cert, question);
	if (e == SP_OK)
		*out = id;
	return e;
}
