/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS 1.3 (RFC 8446) as Sealpost wants it: one version, P-256 certificates, ALPN required (RFC 7301), no tickets, no early data.
 * What OpenSSL could also do is switched off here and nowhere else.
 */
#include <openssl/err.h>
#include <openssl/x509.h>

#include "crypto/crypto_evp_priv.h"
#include "net/net_priv.h"

#define SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define SIGALGS "ecdsa_secp256r1_sha256"
#define GROUPS_HYBRID "X25519MLKEM768:X25519:P-256" /* OpenSSL 3.5; older ones refuse the whole list */
#define GROUPS "X25519:P-256"
#define CHAIN_BYTES_MAX 16384 /* a peer's certificates together */

static const uint8_t alpn_wire[] = "\x0a" SP_NET_ALPN; /* ProtocolName: length 10, then the name */
#define ALPN_WIRE_N (sizeof alpn_wire - 1)

static enum sp_err set_groups(SSL_CTX *ctx)
{
	if (SSL_CTX_set1_groups_list(ctx, GROUPS_HYBRID) == 1)
		return SP_OK;
	ERR_clear_error();
	return SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 ? SP_OK : SP_ERR_CRYPTO;
}

static enum sp_err narrow(SSL_CTX *ctx)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_cert_list(ctx, CHAIN_BYTES_MAX);
	SSL_CTX_set_read_ahead(ctx, 1);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 || SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1)
		return SP_ERR_CRYPTO;
	if (SSL_CTX_set_ciphersuites(ctx, SUITES) != 1 || SSL_CTX_set1_sigalgs_list(ctx, SIGALGS) != 1)
		return SP_ERR_CRYPTO;
	if (SSL_CTX_set_num_tickets(ctx, 0) != 1 || SSL_CTX_set_max_early_data(ctx, 0) != 1)
		return SP_ERR_CRYPTO;
	return set_groups(ctx);
}

enum sp_err sp__tls_context_new(SSL_CTX **out, bool is_server)
{
	SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	enum sp_err err = ctx ? narrow(ctx) : SP_ERR_NOMEM;

	ERR_clear_error();
	if (err != SP_OK) {
		SSL_CTX_free(ctx);
		ctx = NULL;
	}
	*out = ctx;
	return err;
}

/* -- our own certificate ------------------------------------------------------------------------------------------- */

static X509 *decode_x509(struct sp_bytes der)
{
	const unsigned char *p = der.p;
	X509 *x = der.n <= SP_LIMIT_CERT ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	if (x && p != der.p + der.n) {
		X509_free(x);
		return NULL;
	}
	return x;
}

static enum sp_err use_certificate(SSL_CTX *ctx, struct sp_bytes der, bool is_leaf)
{
	X509 *x = decode_x509(der);
	bool done;

	if (!x)
		return SP_ERR_CERTIFICATE;
	done = is_leaf ? SSL_CTX_use_certificate(ctx, x) == 1 : SSL_CTX_add1_chain_cert(ctx, x) == 1;
	X509_free(x);
	return done ? SP_OK : SP_ERR_CRYPTO;
}

enum sp_err sp__tls_identity(SSL_CTX *ctx, const struct sp_bytes *chain, size_t n, struct sp_sign_key *key)
{
	for (size_t i = 0; i < n; i++)
		SP_TRY(use_certificate(ctx, chain[i], i == 0));
	if (SSL_CTX_use_PrivateKey(ctx, sp_sign_key_evp(key)) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
		ERR_clear_error();
		return SP_ERR_CERTIFICATE;
	}
	return SP_OK;
}

/* -- the peer's certificates ----------------------------------------------------------------------------------------- */

void sp__tls_chain_clear(struct sp__tls_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		OPENSSL_free((void *)(uintptr_t)chain->der[i].p);
	*chain = (struct sp__tls_chain){0};
}

enum sp_err sp__tls_chain_of(struct sp__tls_chain *out, X509_STORE_CTX *store)
{
	const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
	int n = sent ? sk_X509_num(sent) : 0;

	*out = (struct sp__tls_chain){0};
	if (n < 1 || n > SP__TLS_CHAIN_MAX)
		return SP_ERR_CERTIFICATE;
	for (int i = 0; i < n; i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(sent, i), &der);

		if (len <= 0 || len > (int)SP_LIMIT_CERT) {
			OPENSSL_free(der);
			sp__tls_chain_clear(out);
			return SP_ERR_CERTIFICATE;
		}
		out->der[out->n++] = (struct sp_bytes){der, (size_t)len};
	}
	return SP_OK;
}

int sp__tls_verdict(enum sp_err err)
{
	if (err == SP_OK)
		return X509_V_OK;
	if (err == SP_ERR_REVOKED)
		return X509_V_ERR_CERT_REVOKED;
	if (err == SP_ERR_EXPIRED)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	if (err == SP_ERR_FINGERPRINT)
		return X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
	return X509_V_ERR_CERT_UNTRUSTED;
}

/* -- the server's context --------------------------------------------------------------------------------------------- */

void sp__tls_judged_attach(SSL *ssl, struct sp__tls_judged *judged)
{
	(void)SSL_set_app_data(ssl, judged);
}

static int judge_client(X509_STORE_CTX *store, void *arg)
{
	const struct sp_net_server *server = arg;
	const struct sp_net_server_calls *calls = &server->config.calls;
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct sp__tls_judged *judged = SSL_get_app_data(ssl);
	struct sp__tls_chain chain;

	judged->err = sp__tls_chain_of(&chain, store);
	if (judged->err == SP_OK)
		judged->err = calls->verify(server->config.ctx, chain.der, chain.n, &judged->peer);
	sp__tls_chain_clear(&chain);
	X509_STORE_CTX_set_error(store, sp__tls_verdict(judged->err));
	return judged->err == SP_OK;
}

/* A client that names no protocol would otherwise be served without the ALPN callback being asked (ALPACA, ATTACKS.md N01). */
static int require_alpn(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *ext;
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext, &n) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n, void *arg)
{
	unsigned char *chosen = NULL;

	if (SSL_select_next_proto(&chosen, out_n, alpn_wire, ALPN_WIRE_N, in, in_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

enum sp_err sp__tls_server_context(SSL_CTX **out, struct sp_net_server *server)
{
	SP_TRY(sp__tls_context_new(out, true));
	SSL_CTX_set_verify(*out, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(*out, judge_client, server);
	SSL_CTX_set_client_hello_cb(*out, require_alpn, NULL);
	SSL_CTX_set_alpn_select_cb(*out, choose_alpn, NULL);
	return SP_OK;
}

/* -- errors ------------------------------------------------------------------------------------------------------------- */

static enum sp_err reason_err(unsigned long e)
{
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return SP_ERR_INVALID;
	switch (ERR_GET_REASON(e)) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return SP_ERR_CUT;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
	case SSL_R_CALLBACK_FAILED: /* require_alpn */
		return SP_ERR_UNSUPPORTED;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		return SP_ERR_CERTIFICATE;
	case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: /* a record was changed on the way: we saw it, or the peer did */
	case SSL_R_SSLV3_ALERT_BAD_RECORD_MAC:
		return SP_ERR_MAC;
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
		return SP_ERR_DENIED;
	default:
		return SP_ERR_INVALID;
	}
}

enum sp_err sp__tls_error(SSL *ssl, int ret, int *out_events)
{
	enum sp_err err;

	*out_events = 0;
	switch (SSL_get_error(ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		*out_events = UV_READABLE;
		return SP_ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		*out_events = UV_WRITABLE;
		return SP_ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return SP_ERR_CLOSED;
	case SSL_ERROR_SSL:
		err = reason_err(ERR_peek_error());
		break;
	default:
		err = SP_ERR_CUT;
		break;
	}
	ERR_clear_error();
	return err;
}
