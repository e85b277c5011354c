/* SPDX-License-Identifier: Apache-2.0
 *
 * X509_verify_cert (RFC 5280 section 6) with everything stated: time, strictness, revocation lists, purpose.
 *
 * OpenSSL does not backtrack: an issuer of the right name that leads nowhere, standing before the good one, fails the
 * path. So a failed path is tried again without the issuer it failed at, until none is left to leave out. The first
 * failure is the one reported.
 */
#include <openssl/err.h>

#include "pki/pki_priv.h"

#define MAX_CERTS 64u

enum sp_err sp__pki_verdict(int x509_error)
{
	switch (x509_error) {
	case X509_V_OK:
		return SP_OK;
	case X509_V_ERR_CERT_REVOKED:
		return SP_ERR_REVOKED;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return SP_ERR_EXPIRED;
	case X509_V_ERR_OUT_OF_MEM:
		return SP_ERR_NOMEM;
	default:
		return SP_ERR_CERTIFICATE;
	}
}

int sp__pki_purpose_id(enum sp_pki_purpose purpose)
{
	switch (purpose) {
	case SP_PKI_FOR_DEVICE:
		return X509_PURPOSE_SSL_CLIENT;
	case SP_PKI_FOR_SERVER:
		return X509_PURPOSE_SSL_SERVER;
	case SP_PKI_FOR_MAIL:
		return X509_PURPOSE_SMIME_SIGN; /* smimeencrypt would refuse keyAgreement */
	}
	return 0;
}

/* The objects of one question. */
struct work {
	X509 *leaf;
	X509_STORE *store;
	STACK_OF(X509) *untrusted;
	STACK_OF(X509_CRL) *crls;
};

static void work_clear(struct work *w)
{
	X509_free(w->leaf);
	X509_STORE_free(w->store);
	sk_X509_pop_free(w->untrusted, X509_free);
	sk_X509_CRL_pop_free(w->crls, X509_CRL_free);
	*w = (struct work){0};
}

/* Foreign authorities may be encoded in ways ours may not. */
static X509 *decode_foreign(struct sp_bytes der)
{
	const uint8_t *p = der.p;
	X509 *x = der.n > 0 && der.n <= SP_LIMIT_CERT ? d2i_X509(NULL, &p, (long)der.n) : NULL;
	if (x && (size_t)(p - der.p) == der.n)
		return x;
	X509_free(x);
	return NULL;
}

static X509_CRL *decode_foreign_crl(struct sp_bytes der)
{
	const uint8_t *p = der.p;
	X509_CRL *x = der.n > 0 && der.n <= SP_LIMIT_CRL ? d2i_X509_CRL(NULL, &p, (long)der.n) : NULL;
	if (x && (size_t)(p - der.p) == der.n)
		return x;
	X509_CRL_free(x);
	return NULL;
}

static enum sp_err load_anchors(struct work *w, const struct sp_pki_path *path)
{
	for (size_t i = 0; i < path->anchors_n; i++) {
		X509 *x = decode_foreign(path->anchors[i]);
		int ok = x ? X509_STORE_add_cert(w->store, x) : 0;
		X509_free(x);
		if (ok != 1)
			return SP_ERR_CERTIFICATE;
	}
	return SP_OK;
}

static enum sp_err load_untrusted(struct work *w, const struct sp_pki_path *path)
{
	for (size_t i = 0; i < path->untrusted_n; i++) {
		X509 *x = decode_foreign(path->untrusted[i]);
		if (!x)
			return SP_ERR_CERTIFICATE;
		if (sk_X509_push(w->untrusted, x) <= 0) {
			X509_free(x);
			return SP_ERR_NOMEM;
		}
	}
	return SP_OK;
}

static enum sp_err load_crls(struct work *w, const struct sp_pki_path *path)
{
	for (size_t i = 0; i < path->crls_n; i++) {
		X509_CRL *x = decode_foreign_crl(path->crls[i]);
		if (!x)
			return SP_ERR_CERTIFICATE;
		if (sk_X509_CRL_push(w->crls, x) <= 0) {
			X509_CRL_free(x);
			return SP_ERR_NOMEM;
		}
	}
	return SP_OK;
}

static enum sp_err load(struct work *w, const struct sp_pki_path *path)
{
	w->store = X509_STORE_new();
	w->untrusted = sk_X509_new_null();
	w->crls = sk_X509_CRL_new_null();
	if (!w->store || !w->untrusted || !w->crls)
		return SP_ERR_NOMEM;
	w->leaf = decode_foreign(path->leaf);
	if (!w->leaf)
		return SP_ERR_CERTIFICATE;
	SP_TRY(load_anchors(w, path));
	SP_TRY(load_untrusted(w, path));
	return load_crls(w, path);
}

static void set_parameters(X509_STORE_CTX *ctx, const struct sp_pki_path *path)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	unsigned long flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | X509_V_FLAG_EXTENDED_CRL_SUPPORT;
	X509_VERIFY_PARAM_set_flags(param, path->lax ? flags : flags | X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_time(param, (time_t)(path->at.ms / 1000));
	if (path->purpose != 0)
		X509_VERIFY_PARAM_set_purpose(param, sp__pki_purpose_id(path->purpose));
}

/* Which untrusted certificate the failure stands at: that of the error, or its issuer when the signature is wrong. */
static X509 *culprit(X509_STORE_CTX *ctx)
{
	int at = X509_STORE_CTX_get_error_depth(ctx);
	if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_SIGNATURE_FAILURE)
		at++;
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	return at > 0 && chain && at < sk_X509_num(chain) ? sk_X509_value(chain, at) : NULL;
}

/* One try. *out_again: an issuer was taken out of w->untrusted and another may lead somewhere. */
static int try_once(struct work *w, const struct sp_pki_path *path, bool *out_again)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	*out_again = false;
	if (!ctx || X509_STORE_CTX_init(ctx, w->store, w->leaf, w->untrusted) != 1)
		goto out;
	X509_STORE_CTX_set0_crls(ctx, w->crls);
	set_parameters(ctx, path);
	int ok = X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	if (ok == 1 || error == X509_V_OK) {
		error = ok == 1 ? X509_V_OK : X509_V_ERR_UNSPECIFIED; /* a failure that names no reason is a failure */
		goto out;
	}
	X509 *bad = culprit(ctx);
	for (int i = 0; bad && i < sk_X509_num(w->untrusted); i++) {
		if (X509_cmp(sk_X509_value(w->untrusted, i), bad) != 0)
			continue;
		X509_free(sk_X509_delete(w->untrusted, i));
		*out_again = true;
		break;
	}
out:
	X509_STORE_CTX_free(ctx);
	return error;
}

enum sp_err sp_pki_path_verify(const struct sp_pki_path *path)
{
	struct work w = {0};
	if (path->anchors_n > MAX_CERTS || path->untrusted_n > MAX_CERTS || path->crls_n > MAX_CERTS)
		return SP_ERR_TOO_MANY;
	enum sp_err e = load(&w, path);
	bool again = e == SP_OK;
	for (bool first = true; again; first = false) {
		enum sp_err now = sp__pki_verdict(try_once(&w, path, &again));
		if (first || now == SP_OK)
			e = now;
		again = again && now != SP_OK;
	}
	work_clear(&w);
	ERR_clear_error();
	return e;
}
