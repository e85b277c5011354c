/* SPDX-License-Identifier: Apache-2.0
 *
 * MLS with X.509 credentials from one's own certificate authority. The library carries the chain and asks the program's validator; what a
 * certificate must be is decided here, with OpenSSL: signed by our CA, valid now, and for exactly the key that signs in the group.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <sealpost/crypto.h>
#include <sealpost/mls.h>

#define SUITE 2 /* MLS_128_DHKEMP256_AES128GCM_SHA256_P256 */

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "failed: %s\n", what);
	exit(1);
}

/* -- the CA ----------------------------------------------------------------------------------------------------------------- */

static X509 *issue(const char *name, EVP_PKEY *key, const char *issuer, EVP_PKEY *issuer_key)
{
	X509 *cert = X509_new();
	must(cert != NULL, "certificate");
	must(X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1), "version, serial");
	must(X509_gmtime_adj(X509_getm_notBefore(cert), -600) && X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600), "validity");
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0), "subject");
	must(X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1, 0), "issuer");
	must(X509_set_pubkey(cert, key) && X509_sign(cert, issuer_key, EVP_sha256()), "signature");
	return cert;
}

/* -- the validator ------------------------------------------------------------------------------------------------------------ */

static int key_is_the_same(X509 *cert, struct sp_bytes signature_key)
{
	unsigned char *point = NULL;
	size_t n = EVP_PKEY_get1_encoded_public_key(X509_get0_pubkey(cert), &point);
	int same = n == signature_key.n && memcmp(point, signature_key.p, n) == 0;
	OPENSSL_free(point);
	return same;
}

static int is_valid_now(X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 && X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* ctx is the CA's public key. A real program checks key usage, names and revocation too. */
static enum sp_err check_credential(void *ctx, const struct sp_mls_credential_check *check)
{
	struct sp_bytes der;
	enum sp_err e = sp_mls_credential_certificate(&der, &check->credential, 0);
	if (e != SP_OK)
		return e;
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long)der.n);
	if (!cert)
		return SP_ERR_ENCODING;
	if (X509_verify(cert, ctx) != 1 || !key_is_the_same(cert, check->signature_key))
		e = SP_ERR_CERTIFICATE;
	else if (!is_valid_now(cert))
		e = SP_ERR_EXPIRED;
	X509_free(cert);
	return e;
}

/* -- a member: a key, a certificate for it, a key package ------------------------------------------------------------------------ */

struct member {
	struct sp_sign_key *key;
	struct sp_signer signer;
	struct sp_rng rng;
	struct sp_mls_validator validator;
	struct sp_mls_env env;
	struct sp_buf chain; /* the credential's data */
};

/* Both forms of one key: OpenSSL's for the certificate, the library's for signing. */
static void take_key(struct member *m, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
	must(n > 0 && sp_sign_key_from_pkcs8(&m->key, (struct sp_bytes){der, (size_t)n}) == SP_OK, "signing key");
	m->signer = sp_sign_key_signer(m->key);
	OPENSSL_clear_free(der, (size_t)n);
	PKCS8_PRIV_KEY_INFO_free(info);
}

static void take_certificate(struct member *m, X509 *cert)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert, &der);
	must(n > 0, "certificate");
	sp_buf_init(&m->chain, 1u << 16);
	must(sp_mls_credential_chain(&m->chain, &(struct sp_bytes){der, (size_t)n}, 1) == SP_OK, "chain");
	OPENSSL_free(der);
}

static void member_init(struct member *m, const char *name, EVP_PKEY *ca_key, EVP_PKEY *issuer_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key != NULL, "key");
	X509 *cert = issue(name, key, "Example CA", issuer_key);
	*m = (struct member){.rng = sp_rng_system(), .validator = {.check = check_credential, .ctx = ca_key}};
	take_key(m, key);
	take_certificate(m, cert);
	m->env = (struct sp_mls_env){
		.size = sizeof m->env, .rng = &m->rng, .now = {time(NULL) * (int64_t)1000}, .signer = &m->signer, .validator = &m->validator};
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void member_clear(struct member *m)
{
	sp_sign_key_free(&m->key);
	sp_buf_clear(&m->chain);
}

static struct sp_mls_leaf_params leaf_of(const struct member *m)
{
	return (struct sp_mls_leaf_params){.size = sizeof(struct sp_mls_leaf_params), .credential = {SP_MLS_CREDENTIAL_X509, sp_buf_bytes(&m->chain)}};
}

/* -- the group ----------------------------------------------------------------------------------------------------------------------- */

/* The validator is asked for the leaf of every key package that is to be added. */
static enum sp_err add(const struct member *by, struct sp_mls_group *group, const struct member *joiner)
{
	struct sp_buf message, ref, priv;
	struct sp_mls_staged *staged = NULL;
	struct sp_mls_key_package_params params = {.size = sizeof params, .suite = SUITE, .leaf = leaf_of(joiner)};
	sp_buf_init(&message, 1u << 16);
	sp_buf_init(&ref, 1u << 16);
	sp_buf_init(&priv, 1u << 16);
	must(sp_mls_key_package_new(&joiner->env, &message, &ref, &priv, &params) == SP_OK, "key package");
	struct sp_mls_propose proposal = {.type = SP_MLS_PROPOSAL_ADD, .key_package = sp_buf_bytes(&message)};
	struct sp_mls_commit_params commit = {
		.size = sizeof commit, .proposals = &proposal, .n_proposals = 1, .wire_format = SP_MLS_WIRE_PRIVATE_MESSAGE, .welcome_with_tree = true};
	enum sp_err e = sp_mls_group_commit(&by->env, group, &staged, &commit);
	sp_mls_staged_free(&staged); /* a real program stores, applies and sends it, as two_party_chat.c does */
	sp_buf_clear(&message);
	sp_buf_clear(&ref);
	sp_buf_clear(&priv);
	return e;
}

int main(void)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *other_key = EVP_EC_gen("P-256");
	struct member alice, bob, mallory;
	struct sp_mls_group *group;
	must(ca_key && other_key, "CA key");
	member_init(&alice, "alice", ca_key, ca_key);
	member_init(&bob, "bob", ca_key, ca_key);
	member_init(&mallory, "bob", ca_key, other_key); /* says to be bob, signed by another CA */
	struct sp_mls_group_params params = {.size = sizeof params, .suite = SUITE, .leaf = leaf_of(&alice)};
	must(sp_mls_group_new(&alice.env, &group, &params) == SP_OK, "group");

	enum sp_err ours = add(&alice, group, &bob), foreign = add(&alice, group, &mallory);
	printf("bob, certified by our CA: %s\nbob, certified by another: %s\n", sp_err_text(ours), sp_err_text(foreign));

	sp_mls_group_free(&group);
	member_clear(&alice);
	member_clear(&bob);
	member_clear(&mallory);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(other_key);
	return ours == SP_OK && foreign == SP_ERR_CERTIFICATE ? 0 : 1;
}
